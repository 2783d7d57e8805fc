"""What the arguments of several commands have in common: how a file is read, and where a command may write."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gruforecast.errors import UsageError

COLUMNS, COVARIATES = "Columns and time", "Covariates"
TEXT, LIMITS = "How the file is written", "Limits"


def in_panel(panel: str) -> Callable[..., Any]:
    """Return what makes an option in a panel of the help page, of its help text and its names."""
    return lambda text, *names: typer.Option(*names, help=text, rich_help_panel=panel)


_column, _covariate, _text, _limit = map(in_panel, (COLUMNS, COVARIATES, TEXT, LIMITS))


def reading_options(
    time: Annotated[
        list[str] | None, _column("Time column; several for date and hour apart; found if not given.")
    ] = None,
    target: Annotated[str | None, _column("Column to forecast; found if not given.")] = None,
    id: Annotated[list[str] | None, _column("Column that tells series apart; repeatable.")] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Every column of numbers is a series.", rich_help_panel=COLUMNS)
    ] = False,
    freq: Annotated[str | None, _column("Step of time: 15min, h, D, B, W, M, Q, Y.")] = None,
    tz: Annotated[str | None, _column("Zone of local time, such as Europe/London: skipped and repeated hours.")] = None,
    resample: Annotated[str | None, _column("What values within one step become: mean, sum or last.")] = None,
    on_duplicate: Annotated[str | None, _column("What several values of one stamp become: mean, sum or last.")] = None,
    fill: Annotated[
        bool,
        typer.Option(
            "--fill",
            help="Interpolate missing values up to the first fold (sooner on few long series); else masked.",
            rich_help_panel=COLUMNS,
        ),
    ] = False,
    strip_ids: Annotated[
        bool,
        typer.Option(
            "--strip-ids", help="Ids that differ by blanks around them only are one.", rich_help_panel=COLUMNS
        ),
    ] = False,
    known: Annotated[list[str] | None, _covariate("Covariate that is known for the future, too; repeatable.")] = None,
    past: Annotated[list[str] | None, _covariate("Covariate that is known in the past only; repeatable.")] = None,
    static: Annotated[list[str] | None, _covariate("Covariate that is constant in each series; repeatable.")] = None,
    holidays: Annotated[str | None, _covariate("Public holidays of a country or a part of it: DE, AU-VIC.")] = None,
    date_format: Annotated[str | None, _text("How stamps are written: %d/%m/%Y, for example.")] = None,
    time_unit: Annotated[str | None, _text("Unit of counted time: s, ms or excel.")] = None,
    decimal: Annotated[str | None, _text("Decimal mark: . or ,")] = None,
    thousands: Annotated[str | None, _text("Mark between groups of three digits.")] = None,
    na_values: Annotated[list[str] | None, _text("Word or number for a missing value; repeatable.")] = None,
    bool_as_number: Annotated[bool, _text("Read true as 1, false as 0.", "--bool-as-number")] = False,
    sep: Annotated[str | None, _text("Mark between fields; found if not given.")] = None,
    encoding: Annotated[str | None, _text("Encoding; found if not given.")] = None,
    skip_lines: Annotated[int | None, _text("Lines before the table; found if not given.")] = None,
    header: Annotated[
        bool | None, _text("Whether the first line names the columns; found if not given.", "--header/--no-header")
    ] = None,
    short_rows: Annotated[bool, _text("Fill rows with too few fields with blanks.", "--allow-short-rows")] = False,
    max_rows: Annotated[int, _limit("Most rows.")] = 50_000_000,
    max_columns: Annotated[int, _limit("Most columns.")] = 2_000,
    max_bytes: Annotated[int, _limit("Most bytes, unpacked.")] = 2_000_000_000,
    max_field: Annotated[int, _limit("Most characters in one field.")] = 1_000_000,
) -> Any:
    """Return `ReadOptions` of what the options of the command line say about a file."""
    from gruforecast.data.files.delimited import Layout
    from gruforecast.data.files.source import Limits
    from gruforecast.data.options import ReadOptions

    delimiter = {"tab": "\t", "\\t": "\t"}.get(sep, sep) if sep else None
    limits = Limits(max_bytes, max_rows, max_columns, max_field)
    return ReadOptions(
        time=tuple(time or ()),
        target=target,
        ids=tuple(id or ()),
        wide=wide,
        freq=freq,
        tz=tz,
        date_format=date_format,
        time_unit=time_unit,
        decimal=decimal,
        thousands=thousands,
        missing=tuple(na_values or ()),
        booleans=bool_as_number,
        on_duplicate=on_duplicate,
        resample=resample,
        fill=fill,
        strip_ids=strip_ids,
        known=tuple(known or ()),
        past=tuple(past or ()),
        static=tuple(static or ()),
        holidays=holidays,
        layout=Layout(delimiter, encoding, skip_lines, header, short_rows, limits),
    )


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the reading options beside its own; `reading` makes `ReadOptions` of them."""
    own = inspect.signature(command, eval_str=True).parameters
    shared = inspect.signature(reading_options, eval_str=True).parameters

    @functools.wraps(command)
    def run(**values: Any) -> None:
        reading = functools.partial(reading_options, **{name: values.pop(name) for name in shared})
        command(reading=reading, **values)

    parameters = []
    for name, one in own.items():
        both = shared.values() if name == "reading" else (one,)
        parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in both]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def check_places(model: str, read: Mapping[str, str | None], written: Mapping[str, str | None]) -> None:
    """Refuse files to read that are not there, and places where a file cannot be written.

    Args:
        model: the model folder.
        read: files that are read, by what the user calls them; written: by option. None: there is none.

    Raises:
        UsageError: one is no file name, lies in the model folder, or is a file that is read or written, too; or a
            file to read is not on this machine.
    """
    for path in read.values():
        if path is not None:
            from gruforecast.data.files.source import require_local_file

            require_local_file(path)
    taken = {Path(path).resolve(): name for name, path in read.items() if path not in (None, "-") and path}
    for option, place in written.items():
        if place is None:
            continue
        if not place or Path(place).is_dir():
            raise UsageError(f"{option} {place!r} is no file name.", remedy="Give a file name.", code="GF-U22")
        target = Path(place).resolve()
        if (other := taken.get(target)) is not None:
            raise UsageError(f"{other} and {option} name one file.", remedy="Write to another file.", code="GF-U45")
        if target.is_relative_to(Path(model).resolve()):
            raise UsageError(
                f"{option} {place!r} is in the model folder: a model never changes after fit.",
                remedy="Choose another place.",
                code="GF-U60",
            )
        taken[target] = option
