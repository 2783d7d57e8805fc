"""What this machine offers: versions, cores, memory, room on disk, and what is wrong with that."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import re
from pathlib import Path

from threadpoolctl import ThreadpoolController

from gruforecast.errors import ResourceError
from gruforecast.execution.program_cache import cache_folder, entries, refusal
from gruforecast.serialization import Record
from gruforecast.version import __version__

EXTRAS = ("statsforecast", "pyarrow")
MIN_DISK = 200_000_000  # bytes for a run folder and a model
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*(?:>=\s*(?P<lowest>[\d.]+))?")


class Environment(Record, frozen=True):
    """What this machine offers.

    Attributes:
        packages: version of each that gruforecast needs; extras: of those that it can do without, None = not installed.
        program_cache: folder of compiled programs, None = there is no place for one; program_cache_bytes: their size.
    """

    gruforecast: str
    python: str
    system: str
    cores: int
    memory_bytes: int
    free_disk_bytes: int
    packages: dict[str, str | None]
    extras: dict[str, str | None]
    program_cache: str | None
    program_cache_bytes: int
    warnings: list[str]


def one_thread() -> contextlib.AbstractContextManager[object]:
    """Return a context in which products of matrices use one thread: small ones are slower with two, often by far."""
    return _libraries().limit(limits=1)


@functools.cache
def _libraries() -> ThreadpoolController:
    """Return the libraries of products of matrices that are loaded; to look for them takes a millisecond."""
    return ThreadpoolController()


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Return the bytes of memory that this machine, or its container, has."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            size = min(size, int(Path(path).read_text(encoding="ascii")))
    return size


def resident(pid: int | str = "self") -> int | None:
    """Return the bytes of memory that a process holds; None where the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def environment(folder: str = ".") -> Environment:
    """Return the facts about this machine.

    Raises:
        ResourceError: a package is missing or too old, with what to do.
    """
    packages = _packages()
    for name, (installed, needed) in packages.items():
        remedy = (
            f"Install it with: pip install '{name}>={needed}'." if needed else f"Install it with: pip install {name}."
        )
        if installed is None:
            raise ResourceError(f"the package {name} is missing.", remedy=remedy, code="GF-E11")
        if needed and _parts(installed) < _parts(needed):
            why = " (earlier versions have known faults in loading models)" if name == "keras" else ""
            raise ResourceError(f"{name} {installed} is too old{why}.", remedy=remedy, code="GF-E12")
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    programs, refused = cache_folder(), refusal()
    warnings = [f"only {free / 1e6:.0f} MB are free here"] if free < MIN_DISK else []
    warnings += [refused] if refused else []
    return Environment(
        gruforecast=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=cores(),
        memory_bytes=memory(),
        free_disk_bytes=free,
        packages={name: installed for name, (installed, _) in packages.items()},
        extras={name: _version(name) for name in EXTRAS},
        program_cache=None if programs is None else str(programs),
        program_cache_bytes=sum(size for _, size, _ in entries(programs)) if programs and not refused else 0,
        warnings=warnings,
    )


def _packages() -> dict[str, tuple[str | None, str | None]]:
    """Return the version installed and the lowest one allowed of every package that gruforecast needs."""
    from importlib import metadata

    needed = [text for text in metadata.requires("gruforecast") or [] if "extra ==" not in text]
    matches = [match for text in needed if (match := REQUIREMENT.match(text))]
    return {match["name"]: (_version(match["name"]), match["lowest"]) for match in matches}


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _parts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
