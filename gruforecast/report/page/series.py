"""The series that the page lets its reader choose, with titles that say what to see in each."""

from __future__ import annotations

from typing import Any

from gruforecast.models.registry import title_of
from gruforecast.report.page.figure import Report, Table, against_of, colour_of, counted, number, plot_text

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
        "beside": plot_text(title_of(against_of(report))) if against_of(report) != report["winner"] else "",
        "colours": [colour_of(report, report["winner"]), colour_of(report, against_of(report))],
        "horizon": report["horizon"],
        "season": report["season_length"],
    }


def first_tables(report: Report) -> dict[str, Table]:
    """Return the numbers behind the charts of the first series, for readers whose browser runs no script."""
    if not report["extracts"]["series"]:
        return {}
    one, winner = report["extracts"]["series"][0], title_of(report["winner"])
    test, horizon = one["test"], report["horizon"]
    levels = list(test["lower"])
    bounds = [(end, level) for level in levels for end in ("lower", "upper")]
    marks = [f"{'lo' if end == 'lower' else 'hi'}-{level}" for end, level in bounds]
    header = ("time", "part", "what happened", winner)
    rows: dict[str, list[list[Any]]] = {"forecast": [], "folds": []}
    for k, part in enumerate([*one["folds"], test], 1):
        name = "test set" if part is test else f"fold {k}"
        for step, stamp in enumerate(one["ds"][part["begin"] : part["begin"] + horizon]):
            rows["folds"].append([stamp, name, one["y"][part["begin"] + step], part["mean"][step]])
    parts = [("test set", test, one["ds"][test["begin"] :], one["y"][test["begin"] :])]
    if one["ahead"]:
        parts.append(("ahead", one["ahead"], one["ahead"]["ds"], [None] * horizon))
    for name, part, ds, y in parts:
        for step, stamp in enumerate(ds):
            ends = [part[end][level][step] for end, level in bounds]
            rows["forecast"].append([stamp, name, y[step], part["mean"][step], *ends])
    return {
        "forecast": Table.of(one["id"], (*header, *marks), rows["forecast"]),
        "folds": Table.of(one["id"], header, rows["folds"]),
    }


def _one(report: Report, one: dict[str, Any], place: int) -> dict[str, Any]:
    leads = LEADS if len(report["extracts"]["series"]) > 2 and one["mase"] is not None else ()
    lead = f"{leads[place]}: " if place < len(leads) else ""
    score = f"MASE {number(one['mase'])}" if one["mase"] is not None else "no MASE"
    label = f"{lead}{one['id']} ({score})"
    kept = {name: one[name] for name in ("id", "ds", "y", "folds", "test", "ahead")}
    return kept | {"label": label, "forecast_title": _forecast_title(one), "folds_title": _folds_title(report, one)}


def _forecast_title(one: dict[str, Any]) -> str:
    """Return how many test values lay inside, or how near the forecast was."""
    test, parts = one["test"], []
    actual = one["y"][test["begin"] :]
    for level, low in test["lower"].items():
        pairs = zip(actual, low, test["upper"][level], strict=True)
        inside = [a <= y <= b for y, a, b in pairs if None not in (y, a, b)]
        if inside:
            parts.append(f"{sum(inside)} of {len(inside)} test values lie inside the {level} % interval")
            break
    text = parts[0] if parts else "the chosen model on the test set and ahead"
    ahead = one["ahead"]
    if ahead and None not in (ahead["mean"][0], ahead["mean"][-1]):
        first, last = (f"{number(ahead['mean'][k])} ({ahead['ds'][k]})" for k in (0, -1))
        text += f"; ahead {first} to {last}" if len(ahead["mean"]) > 1 else f"; ahead {first}"
    return f"{one['id']}: {text}"


def _folds_title(report: Report, one: dict[str, Any]) -> str:
    """Return the mean absolute errors of the chosen model and of the one beside it, over folds and test set."""
    errors = [_mean_error(one, name) for name in ("mean", "beside")]
    parts = [*one["folds"], one["test"]]
    where = f"{counted(len(one['folds']), 'fold')} and the test set" if one["folds"] else "the test set"
    if errors[0] is None or not parts:
        return f"{one['id']}: the folds on the time axis"
    text = f"{one['id']}: on {where} {title_of(report['winner'])} is {number(errors[0])} off on average"
    if errors[1] is not None and against_of(report) != report["winner"]:
        text += f", {title_of(against_of(report))} {number(errors[1])}"
    return text


def _mean_error(one: dict[str, Any], name: str) -> float | None:
    errors = [
        abs(actual - forecast)
        for part in [*one["folds"], one["test"]]
        for actual, forecast in zip(one["y"][part["begin"] :], part[name], strict=False)
        if actual is not None and forecast is not None
    ]
    return sum(errors) / len(errors) if errors else None
