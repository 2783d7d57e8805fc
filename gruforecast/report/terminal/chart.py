"""A small chart of a forecast for a terminal, drawn by plotext in dots of braille."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotext
from rich.console import Console
from rich.text import Text

from gruforecast.arrays import Floats
from gruforecast.data.panel import Forecast
from gruforecast.report.terminal.console import WIDTH, number, safe, shows_bars, stamps

if TYPE_CHECKING:
    from gruforecast.report.report import Report


HEIGHT = 14
MIN_WIDTH = 40
LARGEST = 1e100  # plotext's sums of larger numbers are infinite
SEASONS, HORIZONS, MIN_ROWS = 3, 3, 36  # of the past that is shown

Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Picture:
    """What is drawn: values, then the forecast of the steps after `begin` values, with bounds.

    Attributes:
        ds: stamps of the values and, where they reach further, of the forecast.
        y: values; None = missing.
        begin: how many values lie before the first step that is forecast.
    """

    title: str
    ds: Sequence[str]
    y: Numbers
    begin: int
    mean: Numbers
    lower: Numbers = ()
    upper: Numbers = ()


def of_report(report: Report) -> Picture | None:
    """Return the series in the middle, by its error, of those that the report holds; None where it holds none."""
    extracts = report.extracts
    if not extracts.series:
        return None
    of = extracts.losses.of
    one = min(extracts.series, key=lambda one: abs(one.rank - (of + 1) / 2))
    ahead, test = one.ahead, one.test
    band = ahead or test
    begin = len(one.y) if ahead else test.begin
    first = max(0, begin - _rows(report.season_length, report.horizon))
    level = next(iter(band.lower), "")
    what = "forecast" if ahead else "forecast of the test set"
    several = f"{one.id} (series {one.rank} of {of} by error)"
    return Picture(
        title=_title(several if report.n_series > 1 else extracts.target, what, level, report.winner),
        ds=[*one.ds[first:], *(ahead.ds if ahead else ())],
        y=one.y[first:],
        begin=begin - first,
        mean=band.mean,
        lower=band.lower.get(level, ()),
        upper=band.upper.get(level, ()),
    )


def of_forecast(past: Floats, forecast: Forecast, season_length: int, member: str, *, alone: bool) -> Picture:
    """Return the first series of a forecast.

    Args:
        past: (rows,) values that it goes on from, NaN = missing.
        alone: whether there is no other series, so that the target's name says which it is.
    """
    y = past[-_rows(season_length, forecast.mean.shape[1]) :]
    y = y[int(np.isfinite(y).argmax()) :]
    level = f"{forecast.levels[0]:g}" if forecast.levels and np.isfinite(forecast.lower[0]).any() else ""
    lower, upper = ([] if not level else bound[0, :, 0].tolist() for bound in (forecast.lower, forecast.upper))
    name = forecast.plan.names.target or "value" if alone else "/".join(forecast.ids[0])
    return Picture(
        title=_title(name, "forecast", level, member),
        ds=[*[""] * len(y), *stamps(forecast.plan.form.wall(forecast.ds[0]))],
        y=y.tolist(),
        begin=len(y),
        mean=forecast.mean[0].tolist(),
        lower=lower,
        upper=upper,
    )


def chart(picture: Picture, console: Console) -> Text | None:
    """Return the picture as lines of text; None where the terminal is too narrow or cannot show dots."""
    drawn = [value for line in (picture.y, picture.mean, picture.lower, picture.upper) for value in _known(line)]
    can = console.width >= MIN_WIDTH and shows_bars(console)
    if not can or max(map(abs, drawn), default=math.inf) > LARGEST:
        return None
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(min(console.width, WIDTH), HEIGHT)
    plotext.frame(False)
    begin = picture.begin
    _line(0, picture.y, "default")
    for bound in (picture.lower, picture.upper):
        _line(begin, bound, "gray")
    joined = picture.y[begin - 1 : begin] if begin else ()
    _line(begin - len(joined), [*joined, *picture.mean], "cyan")
    _axes(picture, min(drawn), max(drawn))
    lines = plotext.build().rstrip("\n").split("\n")
    return Text("\n").join([safe(picture.title), *(Text.from_ansi(line) for line in lines)])


def _rows(season_length: int, horizon: int) -> int:
    return max(SEASONS * season_length, HORIZONS * horizon, MIN_ROWS)


def _title(name: str, what: str, level: str, member: str) -> str:
    bounds = f" with its {level} % interval" if level else ""
    return f"{name}, and the {what} by {member}{bounds}"


def _known(values: Numbers) -> list[float]:
    """Return the values that are there."""
    return [value for value in values if value is not None and math.isfinite(value)]


def _line(first: int, values: Numbers, color: str) -> None:
    """Draw values from a step on, with a gap where some are missing."""
    run: list[tuple[int, float]] = []
    for step, value in enumerate([*values, None], first):
        if value is not None and math.isfinite(value):
            run.append((step, value))
        elif run:
            plotext.plot(*map(list, zip(*run, strict=True)), marker="braille", color=color)
            run = []


def _labels(levels: list[float]) -> list[str]:
    """Return the numbers in as few digits as tell them from each other, and from nothing."""
    right = (levels[-1] - levels[0] or abs(levels[0])) / 20
    labels = [str(number(level)) for level in levels]
    for digits in range(3, 18):
        if all(abs(float(label) - level) <= right for label, level in zip(labels, levels, strict=True)):
            break
        labels = [f"{level:.{digits}g}" for level in levels]
    return labels


def _axes(picture: Picture, low: float, high: float) -> None:
    """Least, middle and greatest value; first stamp, first of the forecast, last."""
    levels = [low, low / 2 + high / 2, high] if high > low else [low]
    plotext.yticks(levels, [f"{label} " for label in _labels(levels)])
    last = picture.begin + len(picture.mean) - 1
    places = [0, picture.begin, last] if 0 < picture.begin < last else sorted({0, last})
    apart = (last + 1) / 5  # labels do not run into each other
    if len(places) == 3 and last - picture.begin < apart:
        places = places[:2]
    plotext.xticks(places, [picture.ds[place] if place < len(picture.ds) else "" for place in places])
