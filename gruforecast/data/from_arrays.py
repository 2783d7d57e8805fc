"""Series that come as numbers instead of text, such as from a request, read by the plan of a model's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import structs

from gruforecast.arrays import Floats, Ints, Stamps
from gruforecast.data.align.duplicates import Rows
from gruforecast.data.align.grid import axis
from gruforecast.data.align.utc import follow_clock, follow_times
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Findings
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.plan import Plan
from gruforecast.data.read import Reading, Taken, follow, regular
from gruforecast.errors import DataError


@dataclass(frozen=True)
class Values:
    """One series.

    Attributes:
        key: parts of its id.
        stamps: as text, of each row, or of the first row alone where the others follow at the step of the plan.
        y: (n_rows,) NaN = missing.
        x: (n_rows, n_columns) covariates in the order of `Plan.columns`, without that of holidays.
    """

    key: tuple[str, ...]
    stamps: Sequence[str]
    y: Floats
    x: Floats


def read_values(series: Sequence[Values], plan: Plan, max_rows: int) -> Reading:
    """Return the panel of series that must fit the plan by which a model's data were read.

    Lines of errors and of the reading count all rows of all series from 0.

    Args:
        max_rows: of all series, with those for steps that are absent.

    Raises:
        DataError: a stamp cannot be read by the plan, the rows do not lie on its step, or are too far apart.
    """
    lengths = np.array([len(one.y) for one in series])
    keys = np.repeat(np.arange(len(series)), lengths)
    ds, form, freq, findings = _stamps(series, lengths, plan)
    _check_spans(ds, lengths, freq, max_rows, plan.names.time[0])
    y = np.concatenate([one.y for one in series])
    y = np.where(np.isin(y, list(plan.numbers.missing_numbers)), np.nan, y)
    rows = Rows(keys, ds, y, np.arange(len(y)), np.concatenate([one.x for one in series]))
    plan = structs.replace(plan, freq=freq)
    if form.can_write(freq):  # forecasts are written as these stamps are, in one column
        plan = structs.replace(plan, form=form, names=structs.replace(plan.names, time=plan.names.time[:1]))
    return regular(follow(Taken(rows, tuple(one.key for one in series), plan, "", findings)))


def _check_spans(ds: Stamps, lengths: Ints, freq: Frequency, max_rows: int, column: str) -> None:
    """Refuse stamps so far apart that the steps between them would take too much memory."""
    begin = np.cumsum(lengths) - lengths
    number = freq.number(ds)[0] // (freq.step if freq.unit == "M" else 1)
    spans = np.maximum.reduceat(number, begin) - np.minimum.reduceat(number, begin) + 1
    if spans.sum() > max_rows:
        raise DataError(
            f"there are {spans.sum()} steps of {freq.label!r} from the first stamps to the last ones,"
            f" {max_rows} may be.",
            remedy="Give fewer rows.",
            code="GF-D53",
            line=int(begin[np.argmax(spans)]),
            column=column,
        )


def _stamps(series: Sequence[Values], lengths: Ints, plan: Plan) -> tuple[Stamps, TimeForm, Frequency, Findings]:
    """Return the stamps of all rows, the form they are written in, the step, and findings."""
    counts = np.array([len(one.stamps) for one in series])
    begin = np.cumsum(counts) - counts
    lines = np.repeat(np.cumsum(lengths) - lengths - begin, counts) + np.arange(counts.sum())
    column = Column("", plan.names.time[0], [text for one in series for text in one.stamps], lines.tolist())
    parsed, form = follow_times([column], plan)
    ds, form, more = follow_clock(parsed, form, np.repeat(np.arange(len(series)), counts), column, plan)
    freq = plan.freq.on_day_of(ds)
    parts = [
        ds[at : at + count] if count == lengths[k] else axis(ds[at : at + 1], lengths[k : k + 1], freq)
        for k, (at, count) in enumerate(zip(begin, counts, strict=True))
    ]
    return np.concatenate(parts), form, freq, (*parsed.findings, *more)
