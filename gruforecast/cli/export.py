"""`gruforecast export`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.cli.arguments import ModelOrData, refuse_pretrained, screen, sort_arguments
from gruforecast.cli.error_edge import NOT_BETTER, error_edge
from gruforecast.cli.wording import print_json, warn
from gruforecast.errors import UsageError, did_you_mean
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.artifact.export.certificate import Certificate
    from gruforecast.artifact.manifest import TensorRecord

ENDINGS = {"": "saved-model", ".onnx": "onnx", ".tflite": "litert", ".litert": "litert"}
FORMATS = tuple(dict.fromkeys(ENDINGS.values()))
_JSON, _QUIET, _VERBOSE, _DEBUG = screen()


def export(
    model: ModelOrData = None,
    data: Annotated[
        str | None, typer.Argument(help="CSV file on whose windows the export is compared with predict.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="File to write; for a SavedModel the folder.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}; by the ending of -o if not given.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="LiteRT: weights as 8-bit integers, their MASE checked on DATA.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Write the networks of a model for another program, and prove that they forecast the same there.

    Examples: gruforecast export -o model.onnx · gruforecast export my_model new.csv -o model.tflite --int8
    """
    with error_edge(as_json=as_json, debug=debug):
        folder, file = sort_arguments(model, data)
        refuse_pretrained(folder, "export")
        form = _form(format, output)
        _check(file, output, form, int8=int8)
        from gruforecast.artifact.export.convert import ExportOptions, convert
        from gruforecast.artifact.folder import load
        from gruforecast.automl.preparation import without_lines
        from gruforecast.data.read import read_like

        options = ExportOptions(Path(folder), Path(output or ""), form, int8, overwrite)
        forecaster = load(folder)
        options.check()
        panel = None
        if file is not None:
            reading = read_like(file, forecaster.plan, one=len(forecaster.context) == 1)
            for warning in reading.warnings:
                warn(warning)
            panel = without_lines(reading)
            forecaster.check(panel)
        say = partial(typer.echo, err=True) if not quiet and (verbose or not as_json) else lambda _: None
        certificate = convert(options, forecaster, panel, say)
        if as_json:
            print_json(certificate)
        elif not quiet:
            _show(certificate, str(options.certificate), verbose=verbose)
        mase = certificate.mase
        if mase is not None and not mase.within:
            text = f"warning: with int8 weights MASE is {mase.worse_percent:.1f} % worse than with float ones "
            typer.echo(f"{text}({mase.rounded:.4f}, {mase.exact:.4f}), more than 5 %; the file was written", err=True)
            raise typer.Exit(NOT_BETTER)


def _form(requested: str | None, output: str | None) -> str:
    """Return the format requested, or the one that the ending of the file says."""
    if not output:
        raise UsageError(
            "there is no place to write to.",
            remedy="Pass -o model.onnx, -o model.tflite, or -o folder for a SavedModel.",
            code="GF-U61",
        )
    if requested is not None:
        if requested not in FORMATS:
            raise UsageError(
                f"--format {requested!r} is unknown.{did_you_mean(requested, list(FORMATS))}",
                remedy=f"Use {', '.join(FORMATS)}.",
                code="GF-U62",
            )
        return requested
    ending = Path(output).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"the ending of {output} says no format.",
            remedy="End the name in .onnx or .tflite, or pass --format.",
            code="GF-U63",
        )
    return ENDINGS[ending]


def _check(data: str | None, output: str | None, form: str, *, int8: bool) -> None:
    if int8 and form != "litert":
        raise UsageError("--int8 is for LiteRT.", remedy="Pass --format litert, or leave it out.", code="GF-U64")
    if int8 and data is None:
        raise UsageError(
            "--int8 needs data on which its accuracy is checked.",
            remedy="Give a file with rows to forecast: gruforecast export MODEL DATA --int8 -o model.tflite.",
            code="GF-U65",
        )
    if data not in (None, "-") and Path(data or "").resolve() == Path(output or "").resolve():
        raise UsageError("DATA and -o name one file.", remedy="Write to another file.", code="GF-U45")
    if data is not None:
        from gruforecast.data.files.source import require_local_file

        require_local_file(data)


def _show(certificate: Certificate, place: str, *, verbose: bool) -> None:
    """Print the certificate, which lies at `place`."""
    parity, graph = certificate.parity, certificate.graph
    allowed = "" if parity.tolerance is None else f"; {parity.tolerance:.0e} is allowed"
    times = ", ".join(f"{name} {value:,.2f} ms" for name, value in certificate.milliseconds.items())
    kind = f"{certificate.format}{' int8' if certificate.int8 else ''}"
    of = " --member networks" if certificate.lacks else ""
    lines = [
        f"{certificate.export}  {certificate.holds}",
        f"file     {kind}, {certificate.bytes:,} bytes, SHA-256 {certificate.sha256[:16]}…",
        f"parity   largest relative difference from predict{of} {parity.max_relative:.1e}{allowed}",
        *(
            f"         {one.windows:>3} {name + ' windows':<18} "
            f"{one.max_relative:.1e} relative, {one.max_absolute:.1e} absolute"
            for name, one in parity.windows.items()
        ),
        f"time     {times} (one thread)",
    ]
    if (mase := certificate.mase) is not None:
        scores = f"float {mase.exact:.4f}, int8 {mase.rounded:.4f} ({mase.worse_percent:+.2f} %)"
        lines.append(f"MASE     {scores} on {mase.windows} windows")
    if (edge := certificate.edge) is not None:
        lines.append(f"device   {edge.parameters:,} parameters, {edge.weight_bytes:,} bytes of weights,")
        lines.append(f"         {edge.tensor_bytes:,} bytes of tensors, {edge.multiply_adds:,} multiply-adds")
    lines.append(f"takes    {'; '.join(_one(each) for each in graph.inputs)}")
    lines.append(f"gives    {'; '.join(_one(each) for each in graph.outputs)}")
    if verbose:
        lines.append(f"levels   {', '.join(f'{level:g}' for level in graph.quantile_levels)}")
        lines.append(f"versions {', '.join(f'{name} {number}' for name, number in certificate.versions.items())}")
    typer.echo("\n".join(harmless(line) for line in [*lines, f"wrote    {place}"]))


def _one(each: TensorRecord) -> str:
    return f"{each.name} {each.dtype} {each.shape}"
