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

from msgspec import UNSET, structs, to_builtins

from gruforecast.arrays import Floats
from gruforecast.artifact.export import litert as litert_file
from gruforecast.artifact.export import onnx as onnx_file
from gruforecast.artifact.export import parity as certificate
from gruforecast.artifact.export import saved_model as export
from gruforecast.artifact.export.certificate import Certificate, Edge, Parity, RoundedMase
from gruforecast.artifact.export.footprint import Needs, multiply_adds, parameters
from gruforecast.artifact.export.parity import Sample
from gruforecast.artifact.export.request import CallRequest, WriteRequest
from gruforecast.artifact.export.signature import OUTPUTS, Served
from gruforecast.artifact.folder import write_json
from gruforecast.artifact.held import GRAPHS, NEWEST_ONLY, holds_in_words, not_in_graphs
from gruforecast.artifact.manifest import SignatureRecord, TensorRecord
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
from gruforecast.serialization import Record, record
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
        graphs: models beside networks that it can hold.
        needs: modules that must be installed, and the packages that they are in.
    """

    name: str
    write: str
    call: str
    tolerance: float
    dynamic: bool
    needs: dict[str, str]
    graphs: tuple[str, ...] = GRAPHS


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
        needs={"tensorflow": "tensorflow", "ai_edge_litert": "ai-edge-litert"}, graphs=NEWEST_ONLY,
    ),
}  # fmt: skip


class _Measured(Record, frozen=True):
    """What the process that called an export has measured."""

    milliseconds: dict[str, float]
    edge: Needs | None = None


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


def convert(options: ExportOptions, forecaster: Forecaster, panel: Panel | None, say: Say) -> Certificate:
    """Export a model whose place was checked; return the certificate, which lies beside the export then.

    Args:
        panel: data on whose windows the export is compared with `predict`; the end of the training data otherwise.
        say: called with what begins.

    Raises:
        GruforecastError: a process died, or the export forecasts something else; nothing is written then.
    """
    form = FORMS[options.form]
    served = Served.by(forecaster, form.graphs)
    samples = _samples(form, served, forecaster, panel)
    with tempfile.TemporaryDirectory(prefix="gruforecast-export-") as place:  # no library stumbles over its name
        scratch = Path(place)
        made = scratch / "export"
        say(f"converting to {form.name}")
        request = WriteRequest.of(served, _write_weights(served, scratch), str(made), int8=options.int8)
        call(form.write, to_builtins(request), scratch, "the conversion")
        say("asking it for forecasts in another process")
        inputs = {
            f"{case}.{name}": values
            for case, one in samples.items()
            for name, values in served.given(one.y, one.last, one.x).items()
        }
        given, answer = scratch / "given.npz", scratch / "answer.npz"
        write_file(given, npz(inputs))
        asked = CallRequest(export=str(made), given=str(given), answer=str(answer), timed=True)
        measured = record(
            _Measured, call(form.call, to_builtins(asked), scratch, "calling the export"), "answer of the export"
        )
        forecasts = read_npz(answer)
        parity = _parity(options, served, samples, forecasts)
        mase = _rounded_mase(served, samples["data"], forecasts["data.y_hat"]) if options.int8 else None
        content = _certificate(options, served, made, measured, parity, mase)
        content = structs.replace(
            content, holds=holds_in_words(forecaster, form.graphs), lacks=not_in_graphs(forecaster, form.graphs)
        )
        options.certificate.unlink(missing_ok=True)  # an old one would speak of another export
        _put(made, options.output)
    write_json(options.certificate, content)
    return content


def _samples(form: Form, served: Served, forecaster: Forecaster, panel: Panel | None) -> dict[str, Sample]:
    """Return the windows by name; the first ones are those that calls are measured with."""
    time = served.lookback
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


def _parity(options: ExportOptions, served: Served, samples: dict[str, Sample], forecasts: dict[str, Floats]) -> Parity:
    """Return the differences from `predict`.

    Raises:
        GruforecastError: they are too large.
    """
    tolerance = None if options.int8 else FORMS[options.form].tolerance
    cases = {
        name: certificate.compared(served, one, {output: forecasts[f"{name}.{output}"] for output in OUTPUTS})
        for name, one in samples.items()
    }
    worst = max(one.max_relative for one in cases.values())
    if not worst <= (sys.float_info.max if tolerance is None else tolerance):
        allowed = "a number is missing there" if tolerance is None else f"{tolerance:.0e} is allowed"
        raise GruforecastError(
            f"the export differs from the forecast by {worst:.1e} (relative; {allowed}). Nothing was written.",
            remedy=REMEDY,
            code="GF-X06",
        )
    return Parity(worst, tolerance, cases)


def _rounded_mase(served: Served, sample: Sample, forecast: Floats) -> RoundedMase:
    """Return the accuracy of a forecast with 8-bit weights beside that of `predict`.

    Raises:
        DataError: no window has a MASE.
    """
    exact, exported = certificate.accuracies(served, sample, forecast)
    if not exact > 0:
        raise DataError(
            "no window has a MASE: its series never changes before, or nothing is known after it.",
            remedy="Give data with more rows.",
            code="GF-D68",
        )
    worse = 100 * (exported / exact - 1)
    return RoundedMase(len(sample), exact, exported, worse, certificate.LIMIT, within=worse <= certificate.LIMIT)


def _certificate(
    options: ExportOptions, served: Served, made: Path, measured: _Measured, parity: Parity, mase: RoundedMase | None
) -> Certificate:
    files = [made] if made.is_file() else sorted(path for path in made.rglob("*") if path.is_file())
    packages = ["numpy", "keras", *FORMS[options.form].needs.values()]
    edge = None
    if measured.edge is not None:
        sums = sum(multiply_adds(one.config) for one in served.networks)
        edge = Edge(**structs.asdict(measured.edge), parameters=parameters(served.networks), multiply_adds=sums)
    return Certificate(
        export=options.output.name,
        format=options.form,
        int8=options.int8,
        model={
            "name": options.model.resolve().name,
            "manifest_sha256": file_digest(options.model / "manifest.json"),
        },
        bytes=sum(path.stat().st_size for path in files),
        sha256=file_digest(made) if made.is_file() else _digest(made, files),
        milliseconds=measured.milliseconds,
        graph=described(options.form, served),
        versions={"gruforecast": __version__} | {name: version(name) for name in packages},
        parity=parity,
        edge=edge,
        mase=mase,
    )


def _digest(folder: Path, files: list[Path]) -> str:
    """Return the SHA-256 of the lines that `sha256sum` prints for the files of a folder, ordered by their names."""
    lines = (f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def described(form: str, served: Served) -> SignatureRecord:
    """Return the inputs and outputs as they are in an export of this form."""
    content = served.described()
    if form == "onnx":
        content = structs.replace(content, signature=UNSET)
    if FORMS[form].dynamic:
        return content
    rows = f"{content.lookback} rows, NaN before its begin"
    inputs = [
        _fixed(
            one,
            shape=str(litert_file.shape_of(each, content.lookback, content.horizon)),
            meaning=one.meaning.replace("any length from 1 on", rows),
        )
        for one, each in zip(content.inputs, served.inputs, strict=True)
    ]
    outputs = [_fixed(one, one.shape.replace("batch", "1"), one.meaning) for one in content.outputs]
    return structs.replace(content, inputs=inputs, outputs=outputs)


def _fixed(one: TensorRecord, shape: str, meaning: str) -> TensorRecord:
    return structs.replace(one, dtype=one.dtype.replace("float64", "float32"), shape=shape, meaning=meaning)


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
