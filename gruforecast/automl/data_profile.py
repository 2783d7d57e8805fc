"""The profile of a file that `check` shows: the plan to read it by, what is odd, and each series in a line."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import horizon_and_season
from gruforecast.data.calendar.seasonality import season_strengths
from gruforecast.data.checks import odd_values, outliers, share_of_zeros
from gruforecast.data.finding import shown
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading, read_csv
from gruforecast.evaluation.splits import MIN_ROWS

CHART = 60  # columns of the small picture of a series
BLOCKS = "▁▂▃▄▅▆▇█"
Facts = dict[str, Any]


def examine(data: str, options: FitOptions) -> Facts:
    """Return findings, plan and summary of the file that `fit` would be given, as plain JSON types; nothing is trained.

    Raises:
        DataError: the file cannot be read without guessing.
    """
    reading = read_csv(data, options)
    panel = reading.panel
    horizon, season = horizon_and_season(panel, options.horizon, options.season)
    return {
        "file": Path(data).name,
        "n_series": len(panel),
        "n_rows": len(panel.y),
        "n_missing": int(np.isnan(panel.y).sum()),
        "freq": panel.freq.label,
        "horizon": horizon,
        "season_length": season,
        "seasons": [
            {"length": m, "strength": round(s, 3)} for m, s in season_strengths(panel.y, panel.indptr, panel.freq)
        ],
        "found": shown(reading.findings, "info"),
        "warnings": shown((*reading.findings, *odd_values(panel, reading.lines)), "warning"),
        "plan": panel.plan.to_dict(),
        "series": _series(reading, horizon),
        "chart": _chart(panel),
    }


def _series(reading: Reading, horizon: int) -> list[Facts]:
    """Return each series: its rows, span, what is missing, and whether there is enough for the horizon."""
    panel = reading.panel
    first = panel.plan.form.joined(panel.ds[panel.indptr[:-1]])
    last = panel.plan.form.joined(panel.ds[panel.indptr[1:] - 1])
    return [
        _one(panel, k, panel.y[begin:end], (first[k], last[k]), horizon)
        for k, (begin, end) in enumerate(itertools.pairwise(panel.indptr))
    ]


def _one(panel: Panel, k: int, y: Floats, stamps: tuple[str, str], horizon: int) -> Facts:
    gaps = np.isnan(y)
    seen = y[~gaps]
    return {
        "id": "/".join(panel.ids[k]),
        "rows": len(y),
        "first": stamps[0],
        "last": stamps[1],
        "missing": int(gaps.sum()),
        "gaps": int((np.diff(gaps.astype(int)) == 1).sum()),
        "zeros": round(share_of_zeros(y), 4),
        "outliers": len(outliers(y)),
        "min": float(seen.min()),
        "mean": float(seen.mean()),
        "max": float(seen.max()),
        "enough": _enough(len(y), horizon),
    }


def _enough(rows: int, horizon: int) -> str:
    """Return what a series can take part in: `folds`, the `test` set alone, only the `training`, or `forecast` only."""
    if rows >= 3 * horizon + MIN_ROWS:
        return "folds"
    if rows >= 2 * horizon + MIN_ROWS:
        return "test"
    return "training" if rows > horizon else "forecast"


def _chart(panel: Panel) -> Facts:
    """Return the longest series as a line of blocks, with its lowest and highest value."""
    k = int(np.argmax(panel.lengths))
    y = panel.y[panel.indptr[k] : panel.indptr[k + 1]]
    parts = np.array_split(y, min(CHART, len(y)))
    means = np.array([np.nanmean(part) if np.isfinite(part).any() else np.nan for part in parts])
    low, high = float(np.nanmin(means)), float(np.nanmax(means))
    level = np.nan_to_num((means - low) / (high - low if high > low else 1.0))
    text = "".join(
        " " if np.isnan(one) else BLOCKS[round(place * (len(BLOCKS) - 1))]
        for one, place in zip(means, level, strict=True)
    )
    return {"id": "/".join(panel.ids[k]), "text": text, "low": low, "high": high}
