"""`gruforecast predict`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gruforecast.cli.edge import error_edge
from gruforecast.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from gruforecast.data.table import Forecast

DEFAULT_MODEL = "gruforecast_model"
FORMATS = ("csv", "json", "table", "parquet")


def predict(
    model: Annotated[str | None, typer.Argument(help=f"Model folder [{DEFAULT_MODEL}]; a file here is DATA.")] = None,
    data: Annotated[
        str | None, typer.Argument(help="CSV file to forecast from; without it, from the end of the training data.")
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="File to write.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, json, table or parquet; by the file's ending.")] = None,
    member: Annotated[str, typer.Option(help="winner, networks, or a baseline of the leaderboard.")] = "winner",
    horizon: Annotated[int | None, typer.Option(help="Steps, at most those fitted.")] = None,
    level: Annotated[list[float] | None, typer.Option(help="Interval level in percent; repeatable.")] = None,
    id: Annotated[list[str] | None, typer.Option(help="Only this series; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only what is wrong.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also say what was used.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Forecast from a model folder, without TensorFlow.

    Examples: gruforecast predict · gruforecast predict new.csv · gruforecast predict my_model new.csv -o forecast.csv
    """
    with error_edge(as_json=as_json, debug=debug):
        folder, file = _sort_arguments(model, data)
        form = _format(format, output, as_json=as_json)
        from gruforecast.artifact.folder import load
        from gruforecast.data.panel import read_like

        forecaster = load(folder)
        reading = read_like(file, forecaster.names, forecaster.freq) if file else None
        for warning in reading.warnings if reading and not quiet else []:
            typer.echo(f"warning: {warning}", err=True)
        forecast = forecaster.predict(
            reading.panel if reading else None,
            horizon=horizon,
            levels=tuple(level) if level else None,
            member=member,
            ids=id,
        )
        if verbose:
            used = forecaster.winner if member == "winner" else member
            typer.echo(f"member {used}, {len(forecast.ids)} series, {forecast.mean.shape[1]} steps", err=True)
        _write(forecast, folder, form, output)
        if output and not quiet:
            typer.echo(f"wrote {output}", err=True)


def _sort_arguments(model: str | None, data: str | None) -> tuple[str, str | None]:
    """Folder and data file: with one argument, a folder is the model and a file or `-` is the data."""
    if model is not None and data is None and (model == "-" or "://" in model or Path(model).is_file()):
        return DEFAULT_MODEL, model
    return model or DEFAULT_MODEL, data


def _format(asked: str | None, output: str | None, *, as_json: bool) -> str:
    if as_json:
        return "json"
    if asked is not None and asked not in FORMATS:
        raise UsageError(f"--format {asked!r} is unknown.", remedy=f"Use {', '.join(FORMATS)}.", code="GF-U20")
    ending = Path(output).suffix.lstrip(".") if output else ""
    if asked is None and ending in ("csv", "json", "parquet"):
        return ending
    form = asked or ("csv" if output or not sys.stdout.isatty() else "table")
    if form == "parquet" and not output:
        raise UsageError("Parquet needs a file.", remedy="Pass -o forecast.parquet.", code="GF-U21")
    return form


def _write(forecast: Forecast, folder: str, form: str, output: str | None) -> None:
    if form == "table":
        from gruforecast.report.terminal import show_forecast

        show_forecast(forecast, output)
        return
    frame = forecast.to_frame()
    if form == "parquet":
        _write_parquet(frame, str(output))
        return
    if form == "json":
        rows = json.loads(frame.to_json(orient="records", double_precision=15))
        text = (
            json.dumps({"model_dir": folder, "levels": list(forecast.levels), "forecast": rows}, allow_nan=False) + "\n"
        )
    else:
        text = frame.to_csv(index=False)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        part = Path(output).with_name(f".{Path(output).name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(output)
    except OSError as error:
        remedy = "Choose another place with -o."
        raise ResourceError(f"cannot write: {error.strerror}.", remedy=remedy, code="GF-E04", file=output) from error


def _write_parquet(frame: Any, output: str) -> None:
    try:
        frame.to_parquet(output, index=False)
    except ImportError as error:
        remedy = "Install it with: pip install 'gruforecast[parquet]'."
        raise ResourceError("Parquet needs the package pyarrow.", remedy=remedy, code="GF-E05") from error
