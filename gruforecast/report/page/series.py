"""The series that the page lets its reader choose, with titles that say what to see in each."""

from __future__ import annotations

from typing import Any

from gruforecast.models.registry import title_of
from gruforecast.report.page.figure import Report, Table, colour_of, counted, number, plot_text, reference_of

LEADS = ("worst", "median", "best")


def chosen_series(report: Report) -> dict[str, Any]:
    """Return what the page's script needs to draw any of them."""
    extracts = report["extracts"]
    losses, series = extracts["losses"], extracts["series"]
    return {
        "series": [_one(report, one, k) for k, one in enumerate(series)],
        "of": losses["of"],
        "target": plot_text(extracts["target"]),
        "winner": plot_text(title_of(report["winner"])),
        "beside": plot_text(title_of(reference_of(report))) if reference_of(report) != report["winner"] else "",
        "colours": [colour_of(report, report["winner"]), colour_of(report, reference_of(report))],
        "horizon": report["horizon"],
        "season": report["season_length"],
    }


def first_tables(report: Report) -> dict[str, Table]:
    """Return the numbers behind the charts of the first series, for readers whose browser runs no script."""
    if not report["extracts"]["series"]:
        return {}
    one, horizon = report["extracts"]["series"][0], report["horizon"]
    test, ahead = one["test"], one["ahead"]
    bounds = [(end, level) for level in test["lower"] for end in ("lower", "upper")]
    header = ("time", "part", "what happened", title_of(report["winner"]))
    folds = [
        (one["ds"][row], "test set" if part is test else f"fold {k}", one["y"][row], forecast)
        for k, part in enumerate(parts_of(one), 1)
        for row, forecast in enumerate(part["mean"], part["begin"])
    ]
    parts = [("test set", test, one["ds"][test["begin"] :], one["y"][test["begin"] :])]
    if ahead:
        parts.append(("ahead", ahead, ahead["ds"], [None] * horizon))
    forecasts = [
        row
        for name, part, ds, y in parts
        for row in zip(ds, [name] * horizon, y, part["mean"], *[part[end][level] for end, level in bounds], strict=True)
    ]
    marks = [f"{'lo' if end == 'lower' else 'hi'}-{level}" for end, level in bounds]
    return {
        "forecast": Table.of(one["id"], (*header, *marks), forecasts),
        "folds": Table.of(one["id"], header, folds),
    }


def parts_of(one: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the forecasts of the folds, then that of the test set."""
    return [*one["folds"], one["test"]]


def _one(report: Report, one: dict[str, Any], place: int) -> dict[str, Any]:
    leads = LEADS if len(report["extracts"]["series"]) > 2 and one["mase"] is not None else ()
    lead = f"{leads[place]}: " if place < len(leads) else ""
    score = f"MASE {number(one['mase'])}" if one["mase"] is not None else "no MASE"
    label = f"{lead}{one['id']} ({score})"
    kept = {name: one[name] for name in ("id", "ds", "y", "folds", "test", "ahead")}
    return kept | {"label": label, "forecast_title": _forecast_title(one), "folds_title": _folds_title(report, one)}


def _forecast_title(one: dict[str, Any]) -> str:
    """Return how many test values lay inside the first interval that can tell, and what is forecast."""
    test, text = one["test"], "the chosen model on the test set and ahead"
    for level, low in test["lower"].items():
        triples = zip(one["y"][test["begin"] :], low, test["upper"][level], strict=True)
        inside = [a <= y <= b for y, a, b in triples if None not in (y, a, b)]
        if inside:
            text = f"{sum(inside)} of {len(inside)} test values lie inside the {level} % interval"
            break
    ahead = one["ahead"]
    if ahead and None not in (ahead["mean"][0], ahead["mean"][-1]):
        first, last = (f"{number(ahead['mean'][k])} ({ahead['ds'][k]})" for k in (0, -1))
        text += f"; ahead {first} to {last}" if len(ahead["mean"]) > 1 else f"; ahead {first}"
    return f"{one['id']}: {text}"


def _folds_title(report: Report, one: dict[str, Any]) -> str:
    """Return the mean absolute errors of the chosen model and of its reference, over folds and test set."""
    winner, reference = (_mean_error(one, name) for name in ("mean", "beside"))
    if winner is None:
        return f"{one['id']}: the folds on the time axis"
    where = f"{counted(len(one['folds']), 'fold')} and the test set" if one["folds"] else "the test set"
    text = f"{one['id']}: on {where} {title_of(report['winner'])} is {number(winner)} off on average"
    if reference is not None and reference_of(report) != report["winner"]:
        text += f", {title_of(reference_of(report))} {number(reference)}"
    return text


def _mean_error(one: dict[str, Any], name: str) -> float | None:
    errors = [
        abs(actual - forecast)
        for part in parts_of(one)
        for actual, forecast in zip(one["y"][part["begin"] :], part[name], strict=False)
        if actual is not None and forecast is not None
    ]
    return sum(errors) / len(errors) if errors else None
