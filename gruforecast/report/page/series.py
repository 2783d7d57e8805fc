"""The series that the page lets its reader choose, with titles that say what to see in each."""

from __future__ import annotations

from collections.abc import Sequence

from gruforecast.models.registry import title_of
from gruforecast.report.chart_data import FoldForecast, NextForecast, Numbers, ShownSeries, TestForecast
from gruforecast.report.page.figure import Cell, Table, colour_of, counted, number, plot_text, reference_of
from gruforecast.report.report import Report
from gruforecast.serialization import Json, plain

LEADS = ("worst", "median", "best")


def page_data(report: Report, figures: Sequence[Json]) -> Json:
    """Return what the page's script needs to draw all figures, and any of the series."""
    extracts, reference = report.extracts, reference_of(report)
    return {
        "figures": figures,
        "series": [_one(report, one, k) for k, one in enumerate(extracts.series)],
        "of": extracts.losses.of,
        "target": plot_text(extracts.target),
        "winner": plot_text(title_of(report.winner)),
        "beside": plot_text(title_of(reference)) if reference != report.winner else "",
        "colours": [colour_of(report, report.winner), colour_of(report, reference)],
        "horizon": report.horizon,
        "season": report.season_length,
    }


def first_tables(report: Report) -> dict[str, Table]:
    """Return the numbers behind the charts of the first series, for readers whose browser runs no script."""
    if not report.extracts.series:
        return {}
    one = report.extracts.series[0]
    test, ahead, levels = one.test, one.ahead, list(one.test.lower)
    header = ("time", "part", "what happened", title_of(report.winner))
    folds = [
        (one.ds[row], "test set" if part is test else f"fold {k}", one.y[row], forecast)
        for k, part in enumerate(parts_of(one), 1)
        for row, forecast in enumerate(part.mean, part.begin)
    ]
    forecasts = _rows("test set", test, levels, one.ds[test.begin :], one.y[test.begin :])
    if ahead is not None:
        forecasts += _rows("ahead", ahead, levels, ahead.ds, [None] * len(ahead.ds))
    marks = [f"{end}-{level}" for level in levels for end in ("lo", "hi")]
    return {
        "forecast": Table.of(one.id, (*header, *marks), forecasts),
        "folds": Table.of(one.id, header, folds),
    }


def _rows(
    name: str, part: TestForecast | NextForecast, levels: list[str], ds: list[str], y: Sequence[float | None]
) -> list[tuple[Cell, ...]]:
    bounds = [end[level] for level in levels for end in (part.lower, part.upper)]
    return list(zip(ds, [name] * len(ds), y, part.mean, *bounds, strict=True))


def parts_of(one: ShownSeries) -> list[FoldForecast | TestForecast]:
    """Return the forecasts of the folds, then that of the test set."""
    return [*one.folds, one.test]


def _one(report: Report, one: ShownSeries, place: int) -> Json:
    leads = LEADS if len(report.extracts.series) > 2 and one.mase is not None else ()
    lead = f"{leads[place]}: " if place < len(leads) else ""
    score = f"MASE {number(one.mase)}" if one.mase is not None else "no MASE"
    return {
        "id": one.id,
        "ds": one.ds,
        "y": one.y,
        "folds": plain(one.folds),
        "test": plain(one.test),
        "ahead": plain(one.ahead),
        "label": f"{lead}{one.id} ({score})",
        "forecast_title": _forecast_title(one),
        "folds_title": _folds_title(report, one),
    }


def _forecast_title(one: ShownSeries) -> str:
    """Return how many test values lay inside the first interval that can tell, and what is forecast."""
    test, text = one.test, "the chosen model on the test set and ahead"
    for level, low in test.lower.items():
        triples = zip(one.y[test.begin :], low, test.upper[level], strict=True)
        inside = [a <= y <= b for y, a, b in triples if y is not None and a is not None and b is not None]
        if inside:
            text = f"{sum(inside)} of {len(inside)} test values lie inside the {level} % interval"
            break
    ahead = one.ahead
    if ahead is not None and None not in (ahead.mean[0], ahead.mean[-1]):
        first, last = (f"{number(ahead.mean[k])} ({ahead.ds[k]})" for k in (0, -1))
        text += f"; ahead {first} to {last}" if len(ahead.mean) > 1 else f"; ahead {first}"
    return f"{one.id}: {text}"


def _folds_title(report: Report, one: ShownSeries) -> str:
    """Return the mean absolute errors of the chosen model and of its reference, over folds and test set."""
    parts = parts_of(one)
    winner = _mean_error(one, [(part.begin, part.mean) for part in parts])
    reference = _mean_error(one, [(part.begin, part.beside) for part in parts])
    if winner is None:
        return f"{one.id}: the folds on the time axis"
    where = f"{counted(len(one.folds), 'fold')} and the test set" if one.folds else "the test set"
    text = f"{one.id}: on {where} {title_of(report.winner)} is {number(winner)} off on average"
    if reference is not None and reference_of(report) != report.winner:
        text += f", {title_of(reference_of(report))} {number(reference)}"
    return text


def _mean_error(one: ShownSeries, forecasts: list[tuple[int, Numbers]]) -> float | None:
    """Return the mean absolute error of forecasts, each from a row on."""
    errors = [
        abs(actual - forecast)
        for begin, values in forecasts
        for actual, forecast in zip(one.y[begin:], values, strict=False)
        if actual is not None and forecast is not None
    ]
    return sum(errors) / len(errors) if errors else None
