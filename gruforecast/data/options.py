"""What a user may say about a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gruforecast.data.calendar.holidays import check_code
from gruforecast.data.files.delimited import Layout
from gruforecast.errors import UsageError

AGGREGATES = ("mean", "sum", "last")
Role = Literal["known", "past", "static"]
ROLES: tuple[Role, ...] = ("known", "past", "static")


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about a file; what is not given is inferred.

    Attributes:
        time, target, ids: column names.
        wide: every column of numbers is a series.
        tz: time zone of the wall clock that stamps are written in.
        date_format: directives of `strptime`; time_unit: `s`, `ms` or `excel` of counted time.
        decimal, thousands: marks in numbers.
        missing: further words for a missing value.
        on_duplicate: what several values of one stamp become: `mean`, `sum` or `last`; refused when not given.
        resample: what the values within one step become, the same words; stamps must be regular when not given.
        fill: whether missing values between others are interpolated; they are masked otherwise.
        known, past, static: covariates: known in the future, too, seen in the past only, constant in each series.
        holidays: country whose public holidays are a future covariate.
    """

    time: tuple[str, ...] = ()
    target: str | None = None
    ids: tuple[str, ...] = ()
    wide: bool = False
    freq: str | None = None
    tz: str | None = None
    date_format: str | None = None
    time_unit: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    booleans: bool = False
    on_duplicate: str | None = None
    resample: str | None = None
    fill: bool = False
    strip_ids: bool = False
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    holidays: str | None = None
    layout: Layout = field(default_factory=Layout)

    @property
    def covariates(self) -> dict[str, Role]:
        """The role of each covariate."""
        return {name: role for role in ROLES for name in getattr(self, role)}

    def __post_init__(self) -> None:
        self._check_covariates()
        for name, value, known in (
            ("--on-duplicate", self.on_duplicate, AGGREGATES),
            ("--resample", self.resample, AGGREGATES),
            ("--time-unit", self.time_unit, ("s", "ms", "excel")),
        ):
            if value is not None and value not in known:
                raise UsageError(f"{name} {value!r} is unknown.", remedy=f"Use {', '.join(known)}.", code="GF-U13")
        if self.wide and self.target:
            raise UsageError("--wide takes all columns, --target one.", remedy="Leave one of them out.", code="GF-U33")

    def _check_covariates(self) -> None:
        """Refuse a column that would play two roles, and holidays of no country."""
        named = [(f"--{role}", name) for role in ROLES for name in dict.fromkeys(getattr(self, role))]
        named += [("--target", self.target or "")] + [("--time", name) for name in self.time]
        named += [("--id", name) for name in self.ids if name not in self.static]
        options: dict[str, str] = {}
        for option, name in named:
            if name in options:
                raise UsageError(
                    f"column {name!r} is passed with {options[name]} and with {option}: it can be one thing only.",
                    remedy="Leave one of them out.",
                    code="GF-U39",
                )
            options[name] = option
        if self.holidays:
            check_code(self.holidays)
