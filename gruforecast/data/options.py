"""What a user may say about a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from gruforecast.data.option import Option, Options
from gruforecast.errors import UsageError

if TYPE_CHECKING:
    from gruforecast.data.files.delimited import Layout

AGGREGATES = ("mean", "sum", "last")
Role = Literal["known", "past", "static"]
ROLES: tuple[Role, ...] = ("known", "past", "static")
# panels of the help page
COLUMNS, COVARIATES, TEXT, LIMITS = "Columns and time", "Covariates", "How the file is written", "Limits"
MAX_COUNT = 10**12


@dataclass(frozen=True, kw_only=True)
class ReadOptions(Options):
    """What a user says about a file; what is not given is inferred."""

    time: Annotated[
        Sequence[str], Option("Time column; several for date and hour apart; found if not given.", COLUMNS)
    ] = ()
    target: Annotated[
        str | None,
        Option(
            "Column to forecast; found if not given.",
            COLUMNS,
            several="Fit once for each, or pass `wide=True` in its place: then every column of numbers is a series.",
        ),
    ] = None
    id: Annotated[Sequence[str], Option("Column that tells series apart; repeatable.", COLUMNS)] = ()
    wide: Annotated[bool, Option("Every column of numbers is a series.", COLUMNS)] = False
    freq: Annotated[str | None, Option("Step of time: 15min, h, D, B, W, M, Q, Y.", COLUMNS)] = None
    tz: Annotated[
        str | None, Option("Zone of local time, such as Europe/London: skipped and repeated hours.", COLUMNS)
    ] = None
    resample: Annotated[
        str | None, Option("What values within one step become: mean, sum or last.", COLUMNS, choices=AGGREGATES)
    ] = None
    on_duplicate: Annotated[
        str | None,
        Option("What several values of one stamp become: mean, sum or last.", COLUMNS, choices=AGGREGATES),
    ] = None
    fill: Annotated[
        bool,
        Option("Interpolate missing values up to the first fold (sooner on few long series); else masked.", COLUMNS),
    ] = False
    strip_ids: Annotated[bool, Option("Ids that differ by blanks around them only are one.", COLUMNS)] = False
    known: Annotated[Sequence[str], Option("Covariate that is known for the future, too; repeatable.", COVARIATES)] = ()
    past: Annotated[Sequence[str], Option("Covariate that is known in the past only; repeatable.", COVARIATES)] = ()
    static: Annotated[Sequence[str], Option("Covariate that is constant in each series; repeatable.", COVARIATES)] = ()
    holidays: Annotated[str | None, Option("Public holidays of a country or a part of it: DE, AU-VIC.", COVARIATES)] = (
        None
    )
    date_format: Annotated[str | None, Option("How stamps are written: %d/%m/%Y, for example.", TEXT)] = None
    time_unit: Annotated[
        str | None, Option("Unit of counted time: s, ms or excel.", TEXT, choices=("s", "ms", "excel"))
    ] = None
    decimal: Annotated[str | None, Option("Decimal mark: . or ,", TEXT)] = None
    thousands: Annotated[str | None, Option("Mark between groups of three digits.", TEXT)] = None
    na_values: Annotated[Sequence[str], Option("Word or number for a missing value; repeatable.", TEXT)] = ()
    bool_as_number: Annotated[bool, Option("Read true as 1, false as 0.", TEXT)] = False
    sep: Annotated[str | None, Option("Mark between fields; found if not given.", TEXT)] = None
    encoding: Annotated[str | None, Option("Encoding; found if not given.", TEXT)] = None
    skip_lines: Annotated[
        int | None, Option("Lines before the table; found if not given.", TEXT, low=0, high=MAX_COUNT)
    ] = None
    header: Annotated[bool | None, Option("Whether the first line names the columns; found if not given.", TEXT)] = None
    allow_short_rows: Annotated[bool, Option("Fill rows with too few fields with blanks.", TEXT)] = False
    max_rows: Annotated[int, Option("Most rows.", LIMITS, low=1, high=MAX_COUNT)] = 50_000_000
    max_columns: Annotated[int, Option("Most columns.", LIMITS, low=1, high=MAX_COUNT)] = 2_000
    max_bytes: Annotated[int, Option("Most bytes, unpacked.", LIMITS, low=1, high=MAX_COUNT)] = 2_000_000_000
    max_field: Annotated[int, Option("Most characters in one field.", LIMITS, low=1, high=2**31 - 1)] = 1_000_000

    @property
    def covariates(self) -> dict[str, Role]:
        """The role of each covariate."""
        return {name: role for role in ROLES for name in getattr(self, role)}

    @property
    def layout(self) -> Layout:
        """How the text of the file is cut into cells."""
        from gruforecast.data.files.delimited import Layout
        from gruforecast.data.files.source import Limits

        return Layout(
            self.sep,
            self.encoding,
            self.skip_lines,
            self.header,
            self.allow_short_rows,
            Limits(self.max_bytes, self.max_rows, self.max_columns, self.max_field),
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sep", {"tab": "\t", "\\t": "\t"}.get(self.sep or "", self.sep))
        self._check_covariates()
        if self.sep is not None and (len(self.sep) != 1 or self.sep in '"\r\n'):
            raise UsageError(
                f"`sep` {self.sep!r} cannot be a mark between fields.",
                remedy="Pass one character, such as `sep=';'` or `sep='tab'`.",
                code="GF-U36",
            )
        if self.wide and self.target:
            raise UsageError("`wide` takes all columns, `target` one.", remedy="Leave one of them out.", code="GF-U33")

    def _check_covariates(self) -> None:
        """Refuse a column that would play two roles, and holidays of no country."""
        named = [
            *((role, name) for role in ROLES for name in dict.fromkeys(getattr(self, role))),
            ("target", self.target or ""),
            *(("time", name) for name in self.time),
            *(("id", name) for name in self.id if name not in self.static),
        ]
        options: dict[str, str] = {}
        for option, name in named:
            if name in options:
                raise UsageError(
                    f"column {name!r} is passed with `{options[name]}` and with `{option}`: it can be one thing only.",
                    remedy="Leave one of them out.",
                    code="GF-U39",
                )
            options[name] = option
        if self.holidays:
            from gruforecast.data.calendar.holidays import check_code

            check_code(self.holidays)
