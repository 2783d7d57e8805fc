"""From a model to a file for another program: converted, called again by a process that did not write it, then put up.

Everything is made and checked in a temporary folder. Only what forecasts as `predict` does takes the place of an
earlier export.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gruforecast.artifact.export import litert as litert_file
from gruforecast.artifact.export import onnx as onnx_file
from gruforecast.artifact.export import parity as certificate
from gruforecast.artifact.export import saved_model as export
from gruforecast.artifact.export.footprint import multiply_adds, parameters
from gruforecast.artifact.export.parity import Sample
from gruforecast.artifact.export.signature import OUTPUTS, Served
from gruforecast.artifact.folder import write_json
from gruforecast.data.panel import Panel
from gruforecast.errors import DataError, GruforecastError, ModelError, ResourceError, UsageError
from gruforecast.execution.atomic_files import (
    clear_leftovers,
    file_digest,
    npz,
    read_npz,
    remove,
    replace_with,
    write_file,
)
from gruforecast.execution.child_process import call
from gruforecast.models.forecaster import Forecaster
from gruforecast.version import __version__

Say = Callable[[str], None]
REMEDY = "Please report this."


@dataclass(frozen=True)
class Form:
    """A kind of export.

    Attributes:
        write, call: functions of this package that make one and ask one for forecasts, each in a process of its own.
        tolerance: relative difference from `predict` that parity allows.
        dynamic: whether it takes any number of series of any length.
        needs: modules that must be installed, and the packages that they are in.
    """

    name: str
    write: str
    call: str
    tolerance: float
    dynamic: bool
    needs: dict[str, str]


FORMS = {
    "saved-model": Form(
        "TensorFlow SavedModel", export.WRITE, export.CALL, 1e-5, dynamic=True, needs={"tensorflow": "tensorflow"}
    ),
    "onnx": Form(
        f"ONNX, opset {onnx_file.OPSET}", f"{onnx_file.__name__}:write_onnx", f"{onnx_file.__name__}:call_onnx", 1e-5,
        dynamic=True,
        needs={name: name for name in ("tensorflow", "onnx", "onnxruntime", "tf2onnx")},
    ),
    "litert": Form(
        "LiteRT", f"{litert_file.__name__}:write_litert", f"{litert_file.__name__}:call_litert", 1e-4, dynamic=False,
        needs={"tensorflow": "tensorflow", "ai_edge_litert": "ai-edge-litert"},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ExportOptions:
    """What is to be exported, and where to.

    Attributes:
        model: its folder; output: the file, or the folder of a SavedModel.
        int8: whether the weights of a LiteRT file are 8-bit integers.
    """

    model: Path
    output: Path
    form: str
    int8: bool = False
    overwrite: bool = False

    @property
    def certificate(self) -> Path:
        """Where the certificate goes."""
        return self.output.with_name(f"{self.output.name}.certificate.json")

    def check(self) -> None:
        """Refuse a place that may not be taken, and missing packages.

        Raises:
            UsageError: it is in the model folder; ModelError: something else is there; ResourceError: a package or a
                folder is missing.
        """
        place, model = self.output.resolve(), self.model.resolve()
        if place.is_relative_to(model) or model.is_relative_to(place):
            raise UsageError(
                f"`output` {str(self.output)!r} is in the model folder, or around it: a model never changes after fit.",
                remedy="Choose another place.",
                code="GF-U60",
            )
        for module, package in FORMS[self.form].needs.items():
            if importlib.util.find_spec(module) is None:
                extra = "gruforecast" if package == "tensorflow" else "'gruforecast[export]'"
                raise ResourceError(
                    f"`format={self.form!r}` needs the package {package}.",
                    remedy=f"Install it with: pip install {extra}.",
                    code="GF-E21",
                )
        if not self.output.name:
            raise UsageError(
                f"`output` {str(self.output)!r} has no name.", remedy="Pass `output` with a name.", code="GF-U22"
            )
        if self.certificate.is_dir() or self.certificate.is_symlink():
            raise ModelError(
                "this is where the certificate goes, and it is no file.",
                remedy="Choose another name with `output`.",
                code="GF-M41",
                file=str(self.certificate),
            )
        self._check_there()
        parent = self.output.absolute().parent
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise ResourceError(
                "this folder is missing or cannot be written.",
                remedy="Create it, or choose another place with `output`.",
                code="GF-E02",
                file=str(parent),
            )

    def _check_there(self) -> None:
        """Refuse to replace what is no export."""
        folder, file = self.form == "saved-model", str(self.output)
        if self.output.is_symlink():
            raise ModelError("this is a link.", remedy="Give its target instead.", code="GF-M40", file=file)
        if self.output.exists() and not self.overwrite:
            remedy = "Choose another place with `output`, or pass `overwrite=True`."
            raise ModelError("this exists.", remedy=remedy, code="GF-M40", file=file)
        if not self.output.exists():
            return
        ours = (self.output / "saved_model.pb").is_file() or (self.output.is_dir() and not any(self.output.iterdir()))
        if not (ours if folder else self.output.is_file()):
            raise ModelError(
                f"this is no {'SavedModel' if folder else 'file'}: it is not replaced.",
                remedy="Choose another name with `output`.",
                code="GF-M41",
                file=file,
            )


def convert(options: ExportOptions, forecaster: Forecaster, panel: Panel | None, say: Say) -> dict[str, Any]:
    """Export a model whose place was checked; return the certificate, which lies beside the export then.

    Args:
        panel: data on whose windows the export is compared with `predict`; the end of the training data otherwise.
        say: called with what begins.

    Raises:
        GruforecastError: a process died, or the export forecasts something else; nothing is written then.
    """
    form, served = FORMS[options.form], export.served_by(forecaster)
    samples = _samples(form, served, forecaster, panel)
    with tempfile.TemporaryDirectory(prefix="gruforecast-export-") as place:  # no library stumbles over its name
        scratch = Path(place)
        made = scratch / "export"
        say(f"converting to {form.name}")
        request = served.request(_write_weights(served, scratch))
        paths = {"export": str(made), "saved_model": str(made), "int8": options.int8}
        call(form.write, request | paths, scratch, "the conversion")
        say("asking it for forecasts in another process")
        inputs = {
            f"{case}.{name}": values
            for case, one in samples.items()
            for name, values in served.given(one.y, one.last, one.x).items()
        }
        write_file(scratch / "given.npz", npz(inputs))
        paths |= {"given": str(scratch / "given.npz"), "answer": str(scratch / "answer.npz"), "timed": True}
        measured = call(form.call, paths, scratch, "calling the export")
        judged = _judged(options, served, samples, read_npz(scratch / "answer.npz"))
        content = _certificate(options, served, made, measured) | judged
        options.certificate.unlink(missing_ok=True)  # an old one would speak of another export
        _put(made, options.output)
    write_json(options.certificate, content)
    return content


def _samples(form: Form, served: Served, forecaster: Forecaster, panel: Panel | None) -> dict[str, Sample]:
    """Return the windows by name; the first ones are those that calls are measured with."""
    time = max(one.config.lookback for one in served.networks)
    time += served.networks[0].config.season_length if form.dynamic else 0
    samples = {}
    if panel is not None:
        samples["data"] = certificate.of_panel(panel, time, forecaster)
    elif (kept := certificate.of_context(forecaster)) is not None:
        samples["context"] = kept
    samples["synthetic"] = certificate.odd(served, time, len(forecaster.plan.columns))
    if form.dynamic:
        samples["short"] = next(iter(samples.values())).newest(certificate.SHORT)
    return samples


def _write_weights(served: Served, scratch: Path) -> list[str]:
    paths = [scratch / f"{k}.npz" for k in range(len(served.networks))]
    for path, network in zip(paths, served.networks, strict=True):
        write_file(path, npz(network.weights))
    return [str(path) for path in paths]


def _judged(
    options: ExportOptions, served: Served, samples: dict[str, Sample], forecasts: dict[str, Any]
) -> dict[str, Any]:
    """Return what the certificate says of differences.

    Raises:
        GruforecastError: they are too large.
    """
    tolerance = None if options.int8 else FORMS[options.form].tolerance
    cases = {
        name: certificate.compared(served, one, {output: forecasts[f"{name}.{output}"] for output in OUTPUTS})
        for name, one in samples.items()
    }
    worst = max(one["max_relative"] for one in cases.values())
    if not worst <= (sys.float_info.max if tolerance is None else tolerance):
        allowed = "a number is missing there" if tolerance is None else f"{tolerance:.0e} is allowed"
        raise GruforecastError(
            f"the export differs from the forecast by {worst:.1e} (relative; {allowed}). Nothing was written.",
            remedy=REMEDY,
            code="GF-X06",
        )
    judged: dict[str, Any] = {"parity": {"max_relative": worst, "tolerance": tolerance, "windows": cases}}
    if options.int8:
        sample = samples["data"]
        exact, exported = certificate.accuracies(served, sample, forecasts["data.y_hat"])
        if not exact > 0:
            raise DataError(
                "no window has a MASE: its series never changes before, or nothing is known after it.",
                remedy="Give data with more rows.",
                code="GF-D68",
            )
        worse = 100 * (exported / exact - 1)
        judged["mase"] = {
            "windows": len(sample),
            "float": exact,
            "int8": exported,
            "worse_percent": worse,
            "limit_percent": certificate.LIMIT,
            "within": worse <= certificate.LIMIT,
        }
    return judged


def _certificate(options: ExportOptions, served: Served, made: Path, measured: dict[str, Any]) -> dict[str, Any]:
    """Return the facts about an export: what it is, takes and gives, its size and speed, its model, its versions."""
    files = [made] if made.is_file() else sorted(path for path in made.rglob("*") if path.is_file())
    packages = ["numpy", "keras", *FORMS[options.form].needs.values()]
    content = {
        "export": options.output.name,
        "format": options.form,
        "int8": options.int8,
        "model": {
            "name": options.model.resolve().name,
            "manifest_sha256": file_digest(options.model / "manifest.json"),
        },
        "bytes": sum(path.stat().st_size for path in files),
        "sha256": file_digest(made) if made.is_file() else _digest(made, files),
        "milliseconds": measured["milliseconds"],
        "graph": described(options.form, served),
        "versions": {"gruforecast": __version__} | {name: version(name) for name in packages},
    }
    if "edge" in measured:
        sums = sum(multiply_adds(one.config) for one in served.networks)
        content["edge"] = {"parameters": parameters(served.networks), "multiply_adds": sums, **measured["edge"]}
    return content


def _digest(folder: Path, files: list[Path]) -> str:
    """Return the SHA-256 of the lines that `sha256sum` prints for the files of a folder, ordered by their names."""
    lines = (f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def described(form: str, served: Served) -> dict[str, Any]:
    """Return the inputs and outputs as they are in an export of this form."""
    content = served.described()
    if form == "onnx":
        del content["signature"]
    if FORMS[form].dynamic:
        return content
    horizon, lookback = content["horizon"], content["lookback"]
    for one, each in zip(content["inputs"], served.inputs, strict=True):
        one["shape"] = str(litert_file.shape_of(each, lookback, horizon))
        one["is"] = one["is"].replace("any length from 1 on", f"{lookback} rows, NaN before its begin")
    for one in content["outputs"]:
        one["shape"] = one["shape"].replace("batch", "1")
    for one in [*content["inputs"], *content["outputs"]]:
        one["dtype"] = one["dtype"].replace("float64", "float32")
    return content


def _put(made: Path, output: Path) -> None:
    """Copy what was checked to the place asked for, whole or not at all."""
    clear_leftovers(output)
    copy = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    try:
        if made.is_dir():
            shutil.copytree(made, copy)
        else:
            shutil.copyfile(made, copy)
        replace_with(copy, output)
    finally:
        remove(copy)
