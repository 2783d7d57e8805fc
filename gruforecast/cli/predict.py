"""`gruforecast predict`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gruforecast.cli.edge import error_edge, harmless
from gruforecast.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from gruforecast.data.table import Forecast

DEFAULT_MODEL = "gruforecast_model"
FORMATS = ("csv", "json", "table", "parquet")


def predict(
    model: Annotated[
        str | None, typer.Argument(help=f"Model folder, {DEFAULT_MODEL} if not given; a file here is DATA.")
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="CSV file to forecast from; without it, from the end of the training data.")
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="File to write.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, json, table or parquet; by the file's ending.")] = None,
    member: Annotated[str, typer.Option(help="winner, networks, blend, or a model of the leaderboard.")] = "winner",
    horizon: Annotated[int | None, typer.Option(help="Steps, at most those fitted.")] = None,
    level: Annotated[list[float] | None, typer.Option(help="Interval level in percent; repeatable.")] = None,
    future: Annotated[str | None, typer.Option(help="File with the columns known ahead, for every step.")] = None,
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
        folder, file = sort_arguments(model, data)
        form = _format(format, output, as_json=as_json)
        if file == future == "-":
            remedy = "Write one of them to a file."
            raise UsageError("standard input can be read once only.", remedy=remedy, code="GF-U41")
        for path in (file, future):
            if path is not None:
                from gruforecast.data.source import require_local_file

                require_local_file(path)
        import numpy as np

        from gruforecast.artifact.folder import load
        from gruforecast.data.future import read_future
        from gruforecast.data.panel import read_like

        forecaster = load(folder)
        reading = read_like(file, forecaster.plan) if file else None
        ahead = read_future(future, forecaster.plan) if future else None
        for warning in [*(reading.warnings if reading else []), *(ahead.warnings if ahead else [])]:
            typer.echo(f"warning: {harmless(warning)}", err=True)
        forecast = forecaster.predict(
            reading.panel if reading else None,
            horizon=horizon,
            levels=tuple(level) if level else None,
            member=member,
            ids=id,
            future=ahead,
        )
        if (unknown := int(np.isnan(forecast.lower).all(axis=(1, 2)).sum())) and forecast.levels:
            typer.echo(f"warning: {unknown} series never changed or are too short: no interval for them", err=True)
        if verbose:
            used = forecaster.winner if member == "winner" else member
            typer.echo(f"member {harmless(used)}, {len(forecast.ids)} series, {forecast.mean.shape[1]} steps", err=True)
        _write(forecast, folder, form, output)
        if output and not quiet:
            typer.echo(f"wrote {output}", err=True)


def sort_arguments(model: str | None, data: str | None) -> tuple[str, str | None]:
    """Folder and data file: with one argument, a folder is the model and a file or `-` is the data."""
    if model is not None and data is None:
        named_like_file = Path(model).suffix in (".csv", ".gz", ".tsv", ".txt") and not os.path.isdir(model)
        if model == "-" or "://" in model or os.path.isfile(model) or named_like_file:
            return DEFAULT_MODEL, model
    return model or DEFAULT_MODEL, data


def _format(asked: str | None, output: str | None, *, as_json: bool) -> str:
    if output is not None and (not output or os.path.isdir(output)):
        raise UsageError(f"-o {output!r} is no file name.", remedy="Pass -o forecast.csv.", code="GF-U22")
    if as_json:
        return "json"
    if asked is not None and asked not in FORMATS:
        raise UsageError(f"--format {asked!r} is unknown.", remedy=f"Use {', '.join(FORMATS)}.", code="GF-U20")
    ending = Path(output).suffix.lstrip(".") if output else ""
    if asked is None and output and ending not in ("csv", "json", "parquet"):
        remedy = "End the name in .csv, .json or .parquet, or pass --format."
        raise UsageError(f"the ending of {output} says no format.", remedy=remedy, code="GF-U23")
    form = asked or ending or ("table" if sys.stdout.isatty() else "csv")
    if form == "parquet" and not output:
        raise UsageError("Parquet needs a file.", remedy="Pass -o forecast.parquet.", code="GF-U21")
    return form


def _write(forecast: Forecast, folder: str, form: str, output: str | None) -> None:
    """Write to stdout, or to a file that is there whole or not at all."""
    if output is None:
        sys.stdout.write(_text(forecast, folder, form))
        sys.stdout.flush()
        return
    part = Path(output).with_name(f".{Path(output).name}.part")
    try:
        if form == "parquet":
            _write_parquet(forecast.to_frame(), part)
        else:
            part.write_text(_text(forecast, folder, form), encoding="utf-8")
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        remedy = "Make room, or choose another place with -o."
        text = f"cannot write: {error.strerror or error}."
        raise ResourceError(text, remedy=remedy, code="GF-E04", file=output) from error


def _text(forecast: Forecast, folder: str, form: str) -> str:
    if form == "table":
        from gruforecast.report.terminal import forecast_table

        return forecast_table(forecast)
    frame = forecast.to_frame()
    if form == "csv":
        return str(frame.to_csv(index=False))
    rows = json.loads(frame.to_json(orient="records", double_precision=15))
    content = {"model_dir": folder, "levels": list(forecast.levels), "forecast": rows}
    return json.dumps(content, allow_nan=False) + "\n"


def _write_parquet(frame: Any, path: Path) -> None:
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        remedy = "Install it with: pip install 'gruforecast[parquet]'."
        raise ResourceError("Parquet needs the package pyarrow.", remedy=remedy, code="GF-E05") from error
