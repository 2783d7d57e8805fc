"""The model folder, format 1: plain JSON and arrays, written whole or not at all, checked against digests on load.

manifest.json      format, versions, fingerprint of data and options, SHA-256 of every other file
model.json         networks, how to train them, shares of the blend, the plan by which files are read, winner, levels
weights.npz        network weights          calibration.npz   factors of intervals by member
context.npz        newest rows of each training series and forecasts from there on of models that are no networks
saved_model/       an export for other programs, never opened by this package's own commands
report.json        everything the report says
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from gruforecast import __version__
from gruforecast.arrays import Array
from gruforecast.config import NetworkConfig, TrainingConfig, from_dict, to_dict
from gruforecast.data.plan import Plan
from gruforecast.durable import file_digest, npz, sync, write_file
from gruforecast.errors import ModelError
from gruforecast.exogenous import Scaling
from gruforecast.forecaster import BLEND, NETWORKS, Ends, Forecaster
from gruforecast.forward import Network, Weights, weight_shapes
from gruforecast.intervals import Calibration

FORMAT = 1
LEAST_SPREAD = 1e-30  # of a column beside the target: anything smaller overflows
MOST_HEADER = 4096  # bytes that an array file has before its numbers, at most
MOST_STEPS, MOST_BATCH = 10_000_000, 65_536  # of a training
MOST_STAMP = 2**37  # seconds from 1970, about 4,000 years
REMEDY = "The folder is damaged; fit the model again."
LIGHT = ("model.json", "weights.npz", "calibration.npz", "context.npz")  # what a forecast needs


def save(forecaster: Forecaster, folder: Path) -> None:
    """Write the files that `load` reads into the existing `folder`."""
    model = {
        "networks": [
            {
                "name": one.name,
                "share": one.share,
                "config": to_dict(one.config),
                "training": None if one.training is None else to_dict(one.training),
            }
            for one in forecaster.networks
        ],
        "blend": forecaster.blend,
        "winner": forecaster.winner,
        "plan": forecaster.plan.to_dict(),
        "levels": {name: list(found.levels) for name, found in forecaster.calibrations.items()},
        "trust": {name: found.trust for name, found in forecaster.calibrations.items()},
        "ids": [list(key) for key in forecaster.context.ids],
        "scaling": {name: getattr(forecaster.scaling, name).tolist() for name in ("centre", "spread")},
    }
    write_json(folder / "model.json", model)
    write_file(folder / "weights.npz", npz(weights_by_number(forecaster.networks)))
    write_file(folder / "calibration.npz", npz({name: found.factor for name, found in forecaster.calibrations.items()}))
    ends = forecaster.context
    forecasts = {f"forecast.{name}": ends.forecasts[name] for name in _models(forecaster.members, forecaster.networks)}
    context = {
        "past": ends.past,
        "x": ends.x,
        "static": ends.static,
        "never_negative": ends.never_negative,
        "scale": ends.scale,
        "last": ends.last.astype("datetime64[s]").astype(np.int64),
    }
    write_file(folder / "context.npz", npz(context | forecasts))


def seal(folder: Path, facts: dict[str, Any]) -> None:
    """Write the manifest with `facts` and the digest of every file; a folder without it is no model."""
    files = {str(path.relative_to(folder)): file_digest(path) for path in _files(folder)}
    write_json(folder / "manifest.json", {"format": FORMAT, "gruforecast": __version__, **facts, "files": files})


def publish(built: Path, target: Path) -> None:
    """Put the finished folder `built` in the place of `target`; both must be on one file system."""
    for path in [*_files(built), *(path for path in built.rglob("*") if path.is_dir()), built]:
        sync(path)  # other libraries wrote some of them
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    if target.exists():
        target.rename(old)
    built.rename(target)
    sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def clear_leftovers(target: Path) -> None:
    """Undo what a kill has left beside `target`: half-built folders go, a model that was being replaced comes back."""
    for path in list(target.absolute().parent.iterdir()):
        old, half = (path.name.startswith(f".{target.name}.{kind}-") for kind in ("old", "tmp"))
        owner = path.name.rpartition("-")[2]
        if not (old or half) or not owner.isdigit() or _is_running(int(owner)):
            continue
        if old and not target.exists():
            path.rename(target)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare every file that the manifest names with its digest.

    Raises:
        ModelError: one is missing or was changed.
    """
    for name, digest in manifest["files"].items():
        _check_file(folder / name, digest)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder.

    Raises:
        ModelError: there is no such folder, it is no model, or it is from a newer version.
    """
    place = str(folder)
    if not folder.is_dir():
        remedy = "Give the folder that gruforecast fit wrote (gruforecast_model by default)."
        raise ModelError("there is no such model folder.", remedy=remedy, code="GF-M01", file=place)
    if not (folder / "manifest.json").is_file():
        remedy = "Give the folder that gruforecast fit wrote."
        raise ModelError("this folder holds no model (no manifest.json).", remedy=remedy, code="GF-M02", file=place)
    manifest = _read_json(folder / "manifest.json")
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        found = manifest.get("gruforecast", "?") if isinstance(manifest, dict) else "?"
        text = f"the model was written by gruforecast {found} in another format; this is {__version__}."
        raise ModelError(text, remedy="Fit it again with this version, or use that one.", code="GF-M04", file=place)
    return manifest


def load(folder: str | Path) -> Forecaster:
    """The forecaster in a model folder, its files checked against the manifest.

    Raises:
        ModelError: the folder is no model, or a file is missing, changed, or does not fit the others.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    for name in LIGHT:
        _check_file(folder / name, manifest["files"].get(name))
    try:
        return _assemble(folder, _read_json(folder / "model.json"))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        text = f"the contents do not fit together ({error})."
        raise ModelError(text, remedy=REMEDY, code="GF-M05", file=str(folder)) from error


def _assemble(folder: Path, model: dict[str, Any]) -> Forecaster:
    file = str(folder / "model.json")
    networks = _networks(folder, model["networks"])
    horizon = networks[0].config.horizon
    levels = {str(name): tuple(float(level) for level in found) for name, found in model["levels"].items()}
    trust = {str(name): float(share) for name, share in model["trust"].items()}
    if set(trust) != set(levels) or not all(0 <= share <= 1 for share in trust.values()):
        raise ValueError("the trust in quantiles is impossible")
    widths = {name: ((horizon, len(found)), "f8") for name, found in levels.items()}
    calibration = _arrays(folder / "calibration.npz", widths)
    ids = tuple(tuple(str(part) for part in key) for key in model["ids"])
    blend = {str(name): float(share) for name, share in model["blend"].items()}
    if model["winner"] not in levels or not set(blend) <= set(levels) - {BLEND} or (BLEND in levels) != bool(blend):
        raise ValueError("the winner or a part of the blend is no member")
    plan = Plan.from_dict(model["plan"], file)
    if any(one.config.inputs != plan.inputs for one in networks):
        raise ValueError("the networks see other columns than the plan reads")
    return Forecaster(
        networks=networks,
        blend=blend,
        winner=str(model["winner"]),
        calibrations={name: Calibration(found, calibration[name], trust[name]) for name, found in levels.items()},
        plan=plan,
        context=_context(folder, networks, ids, _models(levels, networks)),
        scaling=_scaling(model["scaling"], len(plan.columns)),
    )


def _scaling(kept: dict[str, list[float]], columns: int) -> Scaling:
    centre, spread = (np.array([float(number) for number in kept[name]]) for name in ("centre", "spread"))
    if centre.shape != (columns,) or spread.shape != (columns,) or not np.isfinite(centre).all():
        raise ValueError("there are other columns than scaled ones")
    if not ((spread > LEAST_SPREAD) & np.isfinite(spread)).all():
        raise ValueError("a column has an impossible spread")
    return Scaling(centre, spread)


def _models(members: Iterable[str], networks: Iterable[Network]) -> list[str]:
    """The members that are no networks: their forecasts from the end of the training data are kept."""
    others = {NETWORKS, BLEND, *(one.name for one in networks)}
    return [name for name in members if name not in others]


def weights_by_number(networks: Sequence[Network]) -> Weights:
    """The arrays of all networks in one mapping, such as `0.gru_0.kernel`."""
    return {f"{k}.{name}": array for k, one in enumerate(networks) for name, array in one.weights.items()}


def _networks(folder: Path, kept: list[dict[str, Any]]) -> tuple[Network, ...]:
    configs = [from_dict(NetworkConfig, one["config"], str(folder / "model.json")) for one in kept]
    shares = [float(one["share"]) for one in kept]
    if len({(config.horizon, config.season_length) for config in configs}) != 1 or not abs(sum(shares) - 1) < 1e-6:
        raise ValueError("the networks do not fit together")
    wanted = {
        f"{k}.{name}": (shape, "f4")
        for k, config in enumerate(configs)
        for name, shape in weight_shapes(config).items()
    }
    arrays = _arrays(folder / "weights.npz", wanted)
    return tuple(
        Network(
            name=str(one["name"]),
            config=config,
            weights={name: arrays[f"{k}.{name}"] for name in weight_shapes(config)},
            share=share,
            training=_training(one["training"], str(folder / "model.json")),
        )
        for k, (one, config, share) in enumerate(zip(kept, configs, shares, strict=True))
    )


def _training(kept: dict[str, Any] | None, file: str) -> TrainingConfig | None:
    if kept is None:
        return None
    found = from_dict(TrainingConfig, kept, file)
    counts = (found.steps, found.batch_size, found.seed)
    whole = all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31 for count in counts)
    if not (whole and 0 < found.steps <= MOST_STEPS and 0 < found.batch_size <= MOST_BATCH):
        raise ValueError(f"impossible training: {found}")
    if not (0 < float(found.learning_rate) <= 1 and 0 <= float(found.weight_decay) <= 1):
        raise ValueError(f"impossible training: {found}")
    return found


def _context(folder: Path, networks: tuple[Network, ...], ids: tuple[tuple[str, ...], ...], models: list[str]) -> Ends:
    n, lookback = len(ids), max(one.config.lookback for one in networks)
    inputs = networks[0].config.inputs
    static = inputs.count("static")
    wanted = {"past": ((n, lookback), "f8"), "scale": ((n,), "f8"), "last": ((n,), "i8")}
    wanted |= {"never_negative": ((n,), "b1"), "static": ((n, static), "f8")}
    wanted |= {"x": ((n, lookback, len(inputs) - static), "f8")}
    wanted |= {f"forecast.{name}": ((n, networks[0].config.horizon), "f8") for name in models}
    arrays = _arrays(folder / "context.npz", wanted, may_miss=("past", "scale", "x", "static"))
    if (np.abs(arrays["last"]) > MOST_STAMP).any():
        raise ValueError("a stamp is out of range")
    return Ends(
        ids=ids,
        past=arrays["past"],
        never_negative=arrays["never_negative"],
        scale=arrays["scale"],
        last=arrays["last"].astype("datetime64[s]"),
        forecasts={name: arrays[f"forecast.{name}"] for name in models},
        x=arrays["x"],
        static=arrays["static"],
    )


def write_json(path: Path, content: Any) -> None:
    """Write strict JSON (no NaN) atomically."""
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_file(path, text.encode())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")


def _check_file(path: Path, digest: str | None) -> None:
    if digest is None or not path.is_file() or path.is_symlink():
        raise ModelError("the file is missing.", remedy=REMEDY, code="GF-M07", file=str(path))
    if file_digest(path) != digest:
        raise ModelError("the file is not the one that was saved.", remedy=REMEDY, code="GF-M08", file=str(path))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"this is no readable JSON ({error}).", remedy=REMEDY, code="GF-M09", file=str(path)
        ) from error


def _arrays(
    path: Path, wanted: Mapping[str, tuple[tuple[int, ...], str]], may_miss: tuple[str, ...] = ()
) -> dict[str, Array]:
    """The arrays of a file, which must have exactly the `wanted` names, shapes and types; checked before allocation.

    Numbers must be finite; arrays in `may_miss` may hold NaN.
    """
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if set(names) != set(wanted):
                raise ValueError(f"its arrays are {sorted(names)}")  # noqa: TRY301 - worded below
            if any(info.compress_type != zipfile.ZIP_STORED for info in names.values()):
                raise ValueError("they are compressed, and might become any size")  # noqa: TRY301 - worded below
            for name, (shape, kind) in wanted.items():
                with archive.open(names[name]) as stream:
                    arrays[name] = _array(stream, names[name].file_size, shape, kind)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        text = f"the arrays cannot be read ({error})."
        raise ModelError(text, remedy=REMEDY, code="GF-M10", file=str(path)) from error
    for name, array in arrays.items():
        bad = np.isinf(array).any() if name in may_miss else not np.isfinite(array).all()
        if bad:
            raise ModelError(f"array {name!r} is not finite.", remedy=REMEDY, code="GF-M06", file=str(path))
    return arrays


def _array(stream: IO[bytes], size: int, shape: tuple[int, ...], kind: str) -> Array:
    """One array of known shape and type; size and header are compared before any number is read."""
    if size > int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize + MOST_HEADER:
        raise ValueError(f"an array does not have the shape {shape}")
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    found, fortran, dtype = read(stream)
    if found != shape or dtype != np.dtype(f"<{kind}" if kind != "b1" else kind):
        raise ValueError(f"an array does not have the shape {shape}")
    numbers = np.frombuffer(stream.read(), dtype=dtype).reshape(shape, order="F" if fortran else "C")
    return np.array(numbers, order="C")
