"""What the charts of the report need beside its numbers: some series with their forecasts, errors by step and series.

    history of a series |---------------|fold 1|fold 2|fold 3| test |  ahead  |
                        ^ begin 0       ^ begin of each         ^ begin

Bounded, so that a report stays small however many series there are: what is shown of them stands for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.panel import Forecast, Panel
from gruforecast.evaluation.leaderboard import Judged
from gruforecast.evaluation.scores import by_series, by_step
from gruforecast.evaluation.splits import Split
from gruforecast.evaluation.verdict import evidence
from gruforecast.report.terminal.console import stamps

MAX_SERIES = 60  # nobody looks at more one by one; evenly spread by error they stand for the others
MIN_SERIES = 3  # worst, median and best
MAX_NUMBERS = 100_000  # of all series together, about a megabyte
MAX_LISTED = 2_000  # errors by series
DIGITS = 6  # more than anybody sees
STEPS_OF = 5  # models with errors by step

Extracts = dict[str, Any]


def extracts(
    panel: Panel, split: Split, judged: list[Judged], ahead: Forecast | None, *, rows: bool = True
) -> Extracts:
    """Return what charts need, as plain JSON types.

    Args:
        judged: all models; ahead: what the winner forecasts from the end of the data, if that can be told.
        rows: whether values of the data may be in it; errors are all that is left otherwise.
    """
    by_name = {one.row.model: one for one in judged}
    shown = _shown(judged)
    best, beside = (by_name[name] for name in shown[:2])
    found: Extracts = {
        "target": panel.names.target,
        "models": {"winner": best.row.model, "beside": beside.row.model},
        "steps": {name: _steps(by_name[name]) for name in shown},
        "losses": _losses(panel, split, best, beside),
        "series": [],
    }
    if rows:
        order = _by_error(split, best)
        room = _Room.of(panel, split, len(best.tested.levels))
        picture = _Picture(panel, split, best, beside, ahead, room.history)
        found["series"] = [picture.of(int(k), rank) for rank, k in _spread(order, room.series)]
    return found


def _shown(judged: list[Judged]) -> list[str]:
    """The winner, the model it is held against, then others of the leaderboard that compete, best on folds first."""
    rows = sorted((one.row for one in judged), key=lambda row: (row.val_mase != row.val_mase, row.val_mase))
    best = next(row.model for row in rows if "winner" not in row.against and row.competes)
    against = (evidence(rows) or {}).get("against")
    if against is None:  # the winner is the naive forecast itself
        networks = [row for row in rows if row.kind == "gru" and row.model != best]
        against = next((row.model for row in networks if row.competes), networks[0].model if networks else best)
    others = [row.model for row in rows if row.competes]
    return list(dict.fromkeys([best, against, *others]))[:STEPS_OF] if best != against else [best, best]


def _steps(one: Judged) -> dict[str, list[float | None]]:
    found = by_step(one.tested)
    return {name: rounded(found[name]) for name in found if name.startswith(("mase", "coverage", "width"))}


def _losses(panel: Panel, split: Split, best: Judged, beside: Judged) -> dict[str, Any]:
    """MASE of each series with the winner and with the model beside it, the worst first."""
    ranked = sorted(_spread(_by_error(split, best), MAX_LISTED))
    places = {int(series): place for place, series in enumerate(split.test_windows().series)}
    scores = [by_series(one.tested)["mase"] for one in (best, beside)]
    index = [places[int(k)] for _, k in ranked]
    return {
        "of": len(places),
        "ids": [_key(panel, int(k)) for _, k in ranked],
        "winner": rounded(scores[0][index]),
        "beside": rounded(scores[1][index]),
    }


def _key(panel: Panel, k: int) -> str:
    return "/".join(panel.ids[k])


def _by_error(split: Split, best: Judged) -> Ints:
    """Return the numbers of the series of the test set, highest MASE of the winner first; all where none has one."""
    mase = by_series(best.tested)["mase"]
    order = np.argsort(np.where(np.isnan(mase), np.inf, -mase), kind="stable")
    scored = int((~np.isnan(mase)).sum())
    return split.test_windows().series[order[: scored or len(order)]]


def _spread(order: Ints, most: int) -> list[tuple[int, int]]:
    """Rank (1 = first) and series of at most `most`: first, middle and last lead, then evenly spread ones between."""
    n = len(order)
    places = np.unique(np.linspace(0, n - 1, min(most, n)).round().astype(int))
    lead = list(dict.fromkeys([0, n // 2, n - 1]))
    rest = [int(place) for place in places if place not in lead]
    return [(place + 1, int(order[place])) for place in [*lead, *rest][: max(most, len(lead))]]


@dataclass(frozen=True)
class _Room:
    """How many series are shown, and how many rows of the past of each."""

    series: int
    history: int

    @classmethod
    def of(cls, panel: Panel, split: Split, levels: int) -> _Room:
        horizon = split.horizon
        bands = horizon * (3 + 4 * levels + 2 * len(split.folds))
        least = horizon * (len(split.folds) + 1) + max(2 * horizon, 2 * split.season_length, 40)
        count = int(np.clip(MAX_NUMBERS // (bands + 2 * least), MIN_SERIES, MAX_SERIES))
        count = min(count, len(panel))
        return cls(count, max(least, (MAX_NUMBERS // count - bands) // 2))


@dataclass(frozen=True)
class _Picture:
    """One series after the other as it is drawn."""

    panel: Panel
    split: Split
    best: Judged
    beside: Judged
    ahead: Forecast | None
    history: int

    def of(self, k: int, rank: int) -> dict[str, Any]:
        """Return the newest rows, and what was forecast for them and for what comes next."""
        panel, (start, end) = self.panel, self.panel.indptr[k : k + 2]
        start = max(start, end - self.history)
        place = int(np.flatnonzero(self.split.test_windows().series == k)[0])
        tested = self.best.tested
        test = {
            "begin": int(self.split.test[k] - start),
            **_band(tested.mean, tested.lower, tested.upper, tested.levels, place),
        }
        test["beside"] = rounded(self.beside.tested.mean[place])
        return {
            "id": _key(panel, k),
            "rank": rank,
            "mase": rounded(by_series(self.best.tested)["mase"][[place]])[0],
            "ds": stamps(panel.wall[start:end]),
            "y": rounded(panel.y[start:end]),
            "folds": self._folds(k, start),
            "test": test,
            "ahead": self._ahead(k),
        }

    def _ahead(self, k: int) -> dict[str, Any] | None:
        ahead = self.ahead
        if ahead is None:
            return None
        later = stamps(self.panel.plan.form.wall(ahead.ds[k]))
        return {"ds": later, **_band(ahead.mean, ahead.lower, ahead.upper, ahead.levels, k)}

    def _folds(self, k: int, start: int) -> list[dict[str, Any]]:
        found = []
        for number, windows in enumerate(self.split.fold_windows()):
            place = np.flatnonzero(windows.series == k)
            if len(place) and windows.end[place[0]] >= start:
                means = [one.folds[number][place[0]] for one in (self.best, self.beside)]
                begin = int(windows.end[place[0]] - start)
                found.append({"begin": begin, "mean": rounded(means[0]), "beside": rounded(means[1])})
        return found


def _band(mean: Floats, lower: Floats, upper: Floats, levels: tuple[float, ...], k: int) -> dict[str, Any]:
    """Forecast and bounds of one series, by level."""
    low, high = ({f"{level:g}": rounded(bound[k, :, j]) for j, level in enumerate(levels)} for bound in (lower, upper))
    return {"mean": rounded(mean[k]), "lower": low, "upper": high}


def rounded(values: Floats) -> list[float | None]:
    """Return the numbers (n,) with as many digits as anybody sees; None where there is none."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in np.asarray(values).tolist()]
