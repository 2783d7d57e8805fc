"""What the charts of the report need beside its numbers: some series with their forecasts, errors by step and series.

    history of a series |---------------|fold 1|fold 2|fold 3| test |  ahead  |
                        ^ begin 0       ^ begin of each         ^ begin

Bounded, so that a report stays small however many series there are: what is shown of them stands for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.panel import Forecast, Panel
from gruforecast.evaluation.leaderboard import Judged
from gruforecast.evaluation.scores import by_series, by_step
from gruforecast.evaluation.splits import Split
from gruforecast.evaluation.verdict import evidence
from gruforecast.report.terminal.console import stamps
from gruforecast.serialization import Record, check_lengths

MAX_SERIES = 60  # nobody looks at more one by one; evenly spread by error they stand for the others
MIN_SERIES = 3  # worst, median and best
MAX_NUMBERS = 100_000  # of all series together, about a megabyte
MAX_LISTED = 2_000  # errors by series
DIGITS = 6  # more than anybody sees
STEPS_OF = 5  # models with errors by step

Numbers = list[float | None]
Row = Annotated[int, msgspec.Meta(ge=0)]


class ShownModels(Record, frozen=True):
    """The winner, and the model that it is held against."""

    winner: str
    beside: str


class Losses(Record, frozen=True):
    """MASE of each series with the winner and with the model beside it, the worst first; `of` how many there are."""

    of: int
    ids: list[str]
    winner: Numbers
    beside: Numbers

    def __post_init__(self) -> None:
        check_lengths("errors by series", len(self.ids), self.winner, self.beside)


class FoldForecast(Record, frozen=True):
    """Forecasts of one fold of one series, from the row `begin` of what is shown of it."""

    begin: Row
    mean: Numbers
    beside: Numbers


class TestForecast(Record, frozen=True):
    """Forecasts of the test set of one series, with bounds by level."""

    begin: Row
    mean: Numbers
    lower: dict[str, Numbers]
    upper: dict[str, Numbers]
    beside: Numbers

    def __post_init__(self) -> None:
        check_lengths("forecasts", len(self.mean), self.beside, *self.lower.values(), *self.upper.values())


class NextForecast(Record, frozen=True):
    """Forecasts from the end of the data, with bounds by level."""

    ds: Annotated[list[str], msgspec.Meta(min_length=1)]
    mean: Numbers
    lower: dict[str, Numbers]
    upper: dict[str, Numbers]

    def __post_init__(self) -> None:
        check_lengths("forecasts", len(self.ds), self.mean, *self.lower.values(), *self.upper.values())


class ShownSeries(Record, frozen=True):
    """The newest rows of one series, and what was forecast for them and for what comes next; `rank` 1 is the worst."""

    id: str
    rank: int
    mase: float | None
    ds: list[str]
    y: Numbers
    folds: list[FoldForecast]
    test: TestForecast
    ahead: NextForecast | None

    def __post_init__(self) -> None:
        check_lengths("stamps and values", len(self.ds), self.y)
        check_lengths("the test set and its forecasts", len(self.test.mean), self.ds[self.test.begin :])
        ends = [fold.begin + len(fold.mean) for fold in self.folds]
        levels = [part.keys() for one in (self.test, self.ahead) if one for part in (one.lower, one.upper)]
        if any(end > len(self.ds) for end in ends) or any(part != levels[0] for part in levels):
            raise ValueError("forecasts are of rows or levels that are not there")


class ChartData(Record, frozen=True):
    """What charts need beside the numbers of the report.

    Attributes:
        steps: by model, scores by step ahead, see `scores.by_step`.
    """

    target: str
    models: ShownModels
    steps: dict[str, dict[str, Numbers]]
    losses: Losses
    series: list[ShownSeries]

    def __post_init__(self) -> None:
        errors = [one.get("mase", []) for one in self.steps.values()]
        check_lengths("errors by step", max(map(len, errors), default=0) or -1, *errors)


def extracts(
    panel: Panel, split: Split, judged: list[Judged], forecast: Forecast | None, *, rows: bool = True
) -> ChartData:
    """Return what charts need.

    Args:
        judged: all models; forecast: of the winner from the end of the data; None where future covariates are missing.
        rows: whether values of the data may be in it; errors are all that is left otherwise.
    """
    by_name = {one.row.model: one for one in judged}
    shown = _shown(judged)
    best, reference = (by_name[name] for name in shown[:2])
    series: list[ShownSeries] = []
    if rows:
        count, history = _room(panel, split, len(best.tested.levels))
        picture = _Picture(panel, split, best, reference, forecast, history)
        series = [picture.of(k, rank) for rank, k in _spread(_by_error(split, best), count)]
    return ChartData(
        target=panel.names.target,
        models=ShownModels(best.row.model, reference.row.model),
        steps={name: _steps(by_name[name]) for name in shown},
        losses=_losses(panel, split, best, reference),
        series=series,
    )


def _shown(judged: list[Judged]) -> list[str]:
    """Return the winner, its reference, then others of the leaderboard that compete, best on folds first."""
    rows = sorted((one.row for one in judged), key=lambda row: (row.val_mase != row.val_mase, row.val_mase))
    best = next(row.model for row in rows if "winner" not in row.against and row.competes)
    if paired := evidence(rows):
        against = paired.against
    else:  # the winner is the naive forecast itself
        networks = [row for row in rows if row.kind == "gru" and row.model != best]
        against = next((row.model for row in networks if row.competes), networks[0].model if networks else best)
    others = [row.model for row in rows if row.competes]
    return list(dict.fromkeys([best, against, *others]))[:STEPS_OF] if best != against else [best, best]


def _steps(one: Judged) -> dict[str, Numbers]:
    scores = by_step(one.tested).items()
    return {name: rounded(values) for name, values in scores if name.startswith(("mase", "coverage", "width"))}


def _losses(panel: Panel, split: Split, best: Judged, reference: Judged) -> Losses:
    """Return the MASE of each series with the winner and with the model it is held against, the worst first."""
    listed = [k for _, k in sorted(_spread(_by_error(split, best), MAX_LISTED))]
    places = {int(series): place for place, series in enumerate(split.test_windows().series)}
    index = [places[k] for k in listed]
    return Losses(
        of=len(places),
        ids=[_key(panel, k) for k in listed],
        winner=rounded(by_series(best.tested)["mase"][index]),
        beside=rounded(by_series(reference.tested)["mase"][index]),
    )


def _key(panel: Panel, k: int) -> str:
    return "/".join(panel.ids[k])


def _by_error(split: Split, best: Judged) -> Ints:
    """Return the numbers of the series of the test set, highest MASE of the winner first; all where none has one."""
    mase = by_series(best.tested)["mase"]
    order = np.argsort(np.where(np.isnan(mase), np.inf, -mase), kind="stable")
    return split.test_windows().series[order[: int((~np.isnan(mase)).sum()) or len(order)]]


def _spread(order: Ints, count: int) -> list[tuple[int, int]]:
    """Return rank (1 = first) and series of at most `count`: first, middle and last, then evenly spread ones."""
    n = len(order)
    places = np.unique(np.linspace(0, n - 1, min(count, n)).round().astype(int))
    lead = list(dict.fromkeys([0, n // 2, n - 1]))
    rest = [int(place) for place in places if place not in lead]
    return [(place + 1, int(order[place])) for place in [*lead, *rest][: max(count, len(lead))]]


def _room(panel: Panel, split: Split, levels: int) -> tuple[int, int]:
    """Return how many series are shown, and how many rows of the past of each."""
    horizon, folds = split.horizon, len(split.folds)
    bands = horizon * (3 + 4 * levels + 2 * folds)
    needed = horizon * (folds + 1) + max(2 * horizon, 2 * split.season_length, 40)
    count = min(int(np.clip(MAX_NUMBERS // (bands + 2 * needed), MIN_SERIES, MAX_SERIES)), len(panel))
    return count, max(needed, (MAX_NUMBERS // count - bands) // 2)


@dataclass(frozen=True)
class _Picture:
    """One series after the other as it is drawn."""

    panel: Panel
    split: Split
    best: Judged
    reference: Judged
    forecast: Forecast | None
    history: int

    def of(self, k: int, rank: int) -> ShownSeries:
        """Return the newest rows, and what was forecast for them and for what comes next."""
        panel, (start, end) = self.panel, self.panel.indptr[k : k + 2]
        start = max(start, end - self.history)
        place = int(np.flatnonzero(self.split.test_windows().series == k)[0])
        tested = self.best.tested
        return ShownSeries(
            id=_key(panel, k),
            rank=rank,
            mase=rounded(by_series(tested)["mase"][[place]])[0],
            ds=stamps(panel.wall[start:end]),
            y=rounded(panel.y[start:end]),
            folds=self._folds(k, start),
            test=TestForecast(
                begin=int(self.split.test[k] - start),
                mean=rounded(tested.mean[place]),
                lower=_by_level(tested.lower[place], tested.levels),
                upper=_by_level(tested.upper[place], tested.levels),
                beside=rounded(self.reference.tested.mean[place]),
            ),
            ahead=self._ahead(k),
        )

    def _ahead(self, k: int) -> NextForecast | None:
        if (forecast := self.forecast) is None:
            return None
        return NextForecast(
            ds=stamps(self.panel.plan.form.wall(forecast.ds[k])),
            mean=rounded(forecast.mean[k]),
            lower=_by_level(forecast.lower[k], forecast.levels),
            upper=_by_level(forecast.upper[k], forecast.levels),
        )

    def _folds(self, k: int, start: int) -> list[FoldForecast]:
        folds = []
        for number, windows in enumerate(self.split.fold_windows()):
            place = np.flatnonzero(windows.series == k)
            if len(place) and windows.end[place[0]] >= start:
                best, reference = (rounded(one.folds[number][place[0]]) for one in (self.best, self.reference))
                folds.append(FoldForecast(int(windows.end[place[0]] - start), best, reference))
        return folds


def _by_level(bound: Floats, levels: tuple[float, ...]) -> dict[str, Numbers]:
    """Return the bounds (horizon, n_levels) of one series by level."""
    return {f"{level:g}": rounded(bound[:, j]) for j, level in enumerate(levels)}


def rounded(values: Floats) -> Numbers:
    """Return the numbers (n,) with as many digits as anybody sees; None where there is none."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in np.asarray(values).tolist()]
