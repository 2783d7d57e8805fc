"""What a figure of the report is, and how text and numbers get into it safely.

Figures are JSON in plotly's form; the page draws them with plotly's script, so its Python is not needed.
A colour is `@` and the name of a property in `page.css`, which knows light and dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from gruforecast.data.calendar.frequency import season_unit
from gruforecast.models.registry import KINDS
from gruforecast.serialization import Json, JsonValue
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.evaluation.leaderboard import StoredRow
    from gruforecast.evaluation.scores import IntervalScores
    from gruforecast.evaluation.significance import Paired
    from gruforecast.report.report import Report


Cell: TypeAlias = str | float | int | None
Trace: TypeAlias = Json  # a dict of plotly

LONGEST_LABEL = 22  # characters on an axis; the table has the whole
RARE = 0.05  # chance below which a share is not put down to luck
COLUMNS = {"rmsse": "RMSSE", "mae": "MAE", "smape": "sMAPE"}  # of the leaderboard, beside MASE
EXACT = 500  # values up to which the binomial distribution is summed
MAX_ROWS = 2_000  # of a table
STEPS = {"h": "hour", "D": "day", "B": "business day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}


@dataclass(frozen=True)
class Table:
    """The numbers behind a figure.

    Attributes:
        caption: what they are, with units; rows: cells, of which numbers are written with as many digits as help.
    """

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]

    @classmethod
    def of(cls, caption: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
        """Return a table of texts and numbers; None is a dash."""
        return cls(caption, tuple(header), [tuple(cell(one) for one in row) for row in rows][:MAX_ROWS])


@dataclass(frozen=True)
class Figure:
    """A chart, what to see in it, and the numbers behind it.

    Attributes:
        name: of its place on the page, unique; title: what to see; note: how to read it.
        data, layout: in plotly's form.
        height: in pixels.
    """

    name: str
    title: str
    note: str
    data: Sequence[Trace]
    layout: Json
    table: Table
    height: int = 340

    def drawn(self) -> Json:
        """Return what the page's script needs."""
        return {"name": self.name, "data": self.data, "layout": {**self.layout, "height": self.height}}


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: its anchor; words: paragraphs before the figures; tables: beside those of figures, always open.
    """

    name: str
    title: str
    words: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def plot_text(text: str, longest: int | None = None) -> str:
    """Return the text as plotly shows it as it is: neither its markup, nor a formula, nor a colour of ours."""
    seen = harmless(text)
    if longest is not None and len(seen) > longest:
        seen = f"{seen[: longest - 1]}…"
    return html.escape(seen, quote=False).replace("$", "&#36;").replace("@", "&#64;").replace("%{", "%&#123;")


def label(text: str) -> str:
    """Return the text that fits beside an axis."""
    return plot_text(text, LONGEST_LABEL)


def cell(value: Cell) -> str:
    """Return a number or text as it stands in a table."""
    return value if isinstance(value, str) else number(value)


def number(value: float | None, form: str | None = None) -> str:
    """Return a number with as many digits as help; a dash where there is none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if form is None:
        form = (
            ".3g" if size >= 1e9 or 0 < size < 0.001 else ",.0f" if size >= 10_000 else ",.1f" if size >= 100 else ".3f"
        )
    return f"{value:{form}}"


def percent(share: float | None) -> str:
    """Return a share as whole percent."""
    return "-" if share is None or math.isinf(100 * share) else f"{round(100 * share)} %"


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return f"{text[:1].upper()}{text[1:]}"


def counted(count: int, word: str, many: str | None = None) -> str:
    """Return `1 step` or `2 steps`; `many` is the word for several where that is not `word` with an s."""
    return f"{count:,} {word if count == 1 else many or f'{word}s'}"


def steps_in(report: Report, count: int) -> str:
    """Return so many steps in the unit of the data, if it has a name."""
    name = STEPS.get(report.freq)
    return counted(count, name) if name else f"{counted(count, 'step')} of {report.freq}"


def axis(title: str, **more: JsonValue) -> Json:
    """Return an axis with a title, which names its unit."""
    return {"title": {"text": plot_text(title)}, **more}


def by_size(value: float | None) -> float:
    """Return the number; infinity where there is none, which is last by size."""
    return math.inf if value is None else value


def compared_rows(report: Report) -> list[tuple[StoredRow, Paired]]:
    """Return the rows of the leaderboard that the winner is held against, and how it compares."""
    rows = [(row, row.against["winner"]) for row in report.leaderboard if "winner" in row.against]
    return [(row, paired) for row, paired in rows if paired.difference is not None]


def colour_of(report: Report, model: str) -> str:
    """Return the colour of a model's kind."""
    return KINDS[report.rows[model].kind].colour


def is_worse(paired: Paired | None) -> bool:
    """Return whether a comparison shows the winner to be worse than the other model by more than luck."""
    return paired is not None and paired.high is not None and paired.high < 0


def yardstick(report: Report) -> str:
    """Return the forecast whose errors in the training rows are the unit of MASE."""
    return "seasonal naive" if report.season_length > 1 else "naive"


def measure_of(report: Report) -> str:
    """Return what models were chosen by on the folds."""
    return "MASE" if series_with_scale(report) else "error"


def unit_note(report: Report) -> str:
    """Return what MASE is in units of, or that there is none."""
    if series_with_scale(report):
        return season_unit(report.season_length)
    return "MASE is not defined here: rows repeat exactly; errors on the folds are in units of the change between rows"


def verdict_word(paired: Paired) -> str:
    """Return a comparison in a word or two: a winner that is no better may be worse."""
    return "worse" if is_worse(paired) else paired.verdict


def chance(p: float | None) -> str:
    """Return a p value with as many digits as a test can give."""
    return "< 0.001" if p is not None and p < 0.001 else number(p, ".2g")


def width_verdict(level: str, interval: IntervalScores, values: int) -> str:
    """Return whether intervals were as wide as they should be, as far as the test set can tell.

    Series hang together in themselves, so where there are several, they count, not values.

    Args:
        values: how many test values there are, for the binomial test where series are few.
    """
    share, wanted, error = interval.coverage, float(level), interval.coverage_error
    if share is None:
        return "no value to tell by"
    if error is None:
        if binomial(round(share * values / 100), values, wanted / 100) >= RARE:
            return f"as far as {values:,} values can tell, as asked"
    elif abs(share - wanted) <= 2 * error:
        return "as asked"
    return "wider than needed" if share > wanted else "too narrow"


def binomial(inside: int, values: int, share: float) -> float:
    """Return the chance of so few or fewer, or so many or more, of `values` inside: twice the smaller, at most one."""
    spread = math.sqrt(values * share * (1 - share))
    if values > EXACT:  # normal approximation, continuous
        return math.erfc(max(abs(inside - values * share) - 0.5, 0.0) / spread / math.sqrt(2))
    weights = [math.comb(values, k) * share**k * (1 - share) ** (values - k) for k in range(values + 1)]
    return min(1.0, 2 * min(sum(weights[: inside + 1]), sum(weights[inside:])))


def series_with_scale(report: Report) -> int:
    """Return how many series the MASE of the test set is of."""
    return report.n_series_scored - report.n_series_without_scale


def series_with_intervals(report: Report) -> int:
    """Return how many series the intervals of the test set are of: all but those that never change."""
    return series_with_scale(report) + report.n_series_repeating


def reference_of(report: Report) -> str:
    """Return the model that the winner is held against: the naive forecast to beat, or the GRU where that has won."""
    return report.extracts.models.beside
