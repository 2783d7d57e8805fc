"""Figures of accuracy: the leaderboard, the winner against the others, errors by step and series, intervals."""

from __future__ import annotations

import itertools
import math

from gruforecast.evaluation.leaderboard import StoredRow
from gruforecast.evaluation.scores import IntervalScores
from gruforecast.evaluation.significance import Paired
from gruforecast.models.registry import ENTRIES, KINDS, title_of
from gruforecast.report.page.figure import (
    COLUMNS,
    Cell,
    Figure,
    Table,
    Trace,
    axis,
    by_size,
    capital,
    chance,
    colour_of,
    compared_rows,
    counted,
    is_worse,
    label,
    measure_of,
    number,
    percent,
    plot_text,
    reference_of,
    series_with_intervals,
    series_with_scale,
    steps_in,
    unit_note,
    verdict_word,
    width_verdict,
    yardstick,
)
from gruforecast.report.report import Report
from gruforecast.serialization import Json

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
FEW_SERIES = 5  # with fewer a chart by series says nothing


def leaderboard(report: Report) -> Figure:
    """Return the chart of every model's MASE on the folds and on the test set."""
    rows = [row for row in reversed(report.leaderboard) if row.val_mase is not None]
    best = report.rows[report.winner]
    scored = [row for row in rows if row.mase is not None and row.competes]
    lowest = min(scored, key=lambda row: (by_size(row.mase), row is not best), default=best)
    title = f"{capital(title_of(best.model))} was chosen on the folds ({measure_of(report)} {number(best.val_mase)})"
    if best.mase is None:
        title += f"; on the test set its MASE is not defined, its MAE is {number(best.mae)}"
    elif lowest is best:
        title += f" and has the lowest error on the test set of all that compete, too ({number(best.mase)})"
    else:
        title += f"; on the test set it has {number(best.mase)}, {title_of(lowest.model)} {number(lowest.mase)}"
        title += ", by more than luck" if is_worse(lowest.against.get("winner")) else ", which may be luck"
    colours = [KINDS[row.kind].colour for row in rows]
    common: Json = {"type": "scatter", "mode": "markers", "y": [label(_starred(row, report)) for row in rows]}
    ring: Json = {"symbol": "circle-open", "size": 9, "color": colours, "line": {"width": 2, "color": colours}}
    dot: Json = {"symbol": "circle", "size": 10, "color": colours}
    hues = "; ".join(f"{look.hue}: {look.title}" for look in KINDS.values())
    return Figure(
        name="leaderboard",
        title=title,
        note=f"Lower is better; 1 is as far off as {yardstick(report)} was in the past. {capital(hues)}. "
        "The folds lie before the test set and decide; the test set is read once, to judge. "
        f"{not_competing(report)}",
        data=[
            {**common, "x": [row.val_mase for row in rows], "name": "folds (chosen by)", "marker": ring},
            {**common, "x": [row.mase for row in rows], "name": "test set (judged by)", "marker": dot},
        ],
        layout={"xaxis": axis("MASE", rangemode="tozero"), "yaxis": {"type": "category", "showgrid": True}},
        table=_leaderboard_table(report),
        height=130 + 26 * len(rows),
    )


def not_competing(report: Report) -> str:
    """Return which rows may not win, however low they score on the folds."""
    networks = {one.name for one in report.networks}
    picked = [row.model for row in report.leaderboard if not row.competes and row.model in networks]
    if not picked:
        return ""
    text = f"{picked[0]} to {picked[-1]}" if len(picked) > 1 else picked[0]
    return f"Not competing: {text}, parts of the ensemble picked as the best of all trials on these very folds."


def models_table(report: Report) -> Table:
    """Return what the names of the leaderboard stand for."""
    networks = {one.name for one in report.networks}
    names = {
        "gru" if row.model in networks else f"({row.budget})" if row.budget else row.model for row in report.leaderboard
    }
    rows = [(one.name, one.description) for one in ENTRIES.values() if one.name in names]
    return Table.of("What the models are", ("model", "what it does"), rows)


def folds_table(report: Report) -> Table | None:
    """Return what each model that competes scored on each fold; None where there is one fold."""
    rows = [row for row in report.leaderboard if row.competes and len(row.fold_mase) > 1]
    if not rows:
        return None
    header = ("model", *[f"fold {k + 1}" for k in range(len(rows[0].fold_mase))], "mean of the folds", "test set")
    cells = [[_starred(row, report), *row.fold_mase, row.val_mase, row.mase] for row in rows]
    return Table.of("MASE of the models that compete, fold by fold, oldest first", header, cells)


def _starred(row: StoredRow, report: Report) -> str:
    return f"{row.model} ★" if row.model == report.winner else row.model


def _origin(row: StoredRow, report: Report) -> str:
    """Return the trial that a network comes from."""
    one = next((one for one in report.networks if one.name == row.model), None)
    if one is None:
        return "-"
    return f"{one.number}, another seed" if one.another_seed else f"{one.number}"


def _leaderboard_table(report: Report) -> Table:
    levels = [f"{level:g}" for level in report.levels]
    header = ["model", "MASE folds", "MASE test", *COLUMNS.values(), "RMSE", *[f"in {level} %" for level in levels]]
    rows = [
        [
            _starred(row, report),
            *(getattr(row, name) for name in ("val_mase", "mase", *COLUMNS, "rmse")),
            *[number(row.coverage.get(level), ".0f") for level in levels],
            row.parameters,
            row.seconds,
            _origin(row, report),
            "yes" if row.competes else "no",
        ]
        for row in report.leaderboard
    ]
    caption = (
        f"All models, best on the folds first. ★ chosen. RMSE and MAE in the unit of "
        f"{report.extracts.target}. Seconds of fitting with compiling, which the first of a shape pays. "
        f"{unit_note(report)}"
    )
    return Table.of(caption, [*header, "parameters", "fitting s", "trial", "competes"], rows)


def against(report: Report) -> Figure | None:
    """Return by how much the winner's MASE is lower than that of each other model; None where none is compared."""
    rows = compared_rows(report)[::-1]
    if not rows:
        return None
    return Figure(
        name="against",
        title=_against_title(report, [paired for _, paired in rows]),
        note="MASE of the other minus MASE of the winner: right of zero the winner is better. Lines: 95 % confidence "
        "intervals. A blue dot: better by more than luck; an ochre one: worse. Each is a test of its own: of "
        "twenty equally good models about one would seem to differ.",
        data=[_differences(rows)],
        layout={
            "xaxis": axis("difference in MASE", zeroline=True, zerolinecolor="@ink"),
            "yaxis": {"type": "category"},
        },
        table=Table.of(
            "The winner against each other model on the test set, differences in MASE",
            ("model", "lower by", "of its error", "from", "to", "p", "test", "the winner is"),
            [_paired(row, paired) for row, paired in reversed(rows)],
        ),
        height=120 + 26 * len(rows),
    )


def _differences(rows: list[tuple[StoredRow, Paired]]) -> Trace:
    """Return a dot for each model, with its interval."""
    pairs = [paired for _, paired in rows]
    differences = [one.difference or 0.0 for one in pairs]
    highs, lows = [one.high for one in pairs], [one.low for one in pairs]
    colours = ["@gru" if one.verdict == "better" else "@lstm" if is_worse(one) else "@base" for one in pairs]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": differences,
        "y": [label(row.model) for row, _ in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [0.0 if high is None else high - middle for high, middle in zip(highs, differences, strict=True)],
            "arrayminus": [0.0 if low is None else middle - low for low, middle in zip(lows, differences, strict=True)],
            "thickness": 1.5,
            "width": 0,
            "color": "@muted",
        },
        "marker": {"size": 10, "color": colours},
        "showlegend": False,
        "name": "difference",
    }


def _against_title(report: Report, pairs: list[Paired]) -> str:
    """Return how many the winner beats, and loses to."""
    if all(one.p is None for one in pairs):
        return "The test set has too few steps to tell any difference from luck"
    better = sum(one.verdict == "better" for one in pairs)
    worse = sum(map(is_worse, pairs))
    count = f"{better or 'none'} of {counted(len(pairs), 'other model')}"
    text = f"{capital(title_of(report.winner))} beats {count} on the test set by more than luck"
    return f"{text}, and loses to {worse}" if worse else text


def _paired(row: StoredRow, one: Paired) -> list[Cell]:
    numbers = [one.difference, percent(one.relative), one.low, one.high, chance(one.p)]
    return [row.model, *numbers, one.method or "-", verdict_word(one)]


def steps(report: Report) -> Figure | None:
    """Return the mean scaled error of each step ahead; None where no series has one."""
    errors = {model: one["mase"] for model, one in report.extracts.steps.items()}
    winner, count = report.winner, series_with_scale(report)
    if not count:
        return None
    ahead = list(range(1, len(errors[winner]) + 1))
    return Figure(
        name="steps",
        title=_steps_title(errors[winner], winner),
        note=f"Means over {count:,} series of the test set{'; a single series jumps' * (count == 1)}.",
        data=[
            {
                "type": "scatter",
                "mode": "lines+markers" if len(ahead) <= 30 else "lines",
                "x": ahead,
                "y": one,
                "name": plot_text(model),
                "line": {"width": 3 if model == winner else 1.6, "dash": dash, "color": colour_of(report, model)},
                "marker": {"size": 6 if model == winner else 4},
            }
            for (model, one), dash in zip(errors.items(), DASHES, strict=False)
        ],
        layout={
            "xaxis": axis(f"steps ahead, each of {steps_in(report, 1)}", rangemode="tozero"),
            "yaxis": axis("mean absolute error in MASE scales", rangemode="tozero"),
        },
        table=Table.of(
            "Mean absolute error by step ahead, in units of each series' MASE scale",
            ("step", *errors),
            zip(ahead, *errors.values(), strict=True),
        ),
        height=380,
    )


def _steps_title(errors: list[float | None], winner: str) -> str:
    """Return how errors grow: of thirds of a long horizon, or from the first step to the last."""
    seen = [(step, error) for step, error in enumerate(errors, 1) if error is not None]
    third = len(seen) // 3 if len(seen) >= 6 else 1
    first, last = (math.fsum(error for _, error in part) for part in (seen[:third], seen[-third:]))
    if len(seen) < 2 or not first or not last:
        return f"Errors of {title_of(winner)} by step ahead"
    size = f"{last / first:.1f} times" if last / first < 10 else f"{last / first:.0f} times"
    size = {"1.0 times": "about", "0.0 times": "less than 0.1 times"}.get(size, size)
    ends = (f"at step {seen[-1][0]}", f"at step {seen[0][0]}")
    if third > 1:
        ends = ("in the last third of the steps", "in the first")
    title = f"Errors of {title_of(winner)} are {size} as large {ends[0]} as {ends[1]}"
    top = max(seen, key=lambda one: one[1])[0]
    return title if top in (seen[0][0], seen[-1][0]) else f"{title}; step {top} is the hardest"


def by_series(report: Report) -> Figure | None:
    """Return the winner's MASE of each series against that of the model it is held against."""
    losses = report.extracts.losses
    winner, reference = report.winner, reference_of(report)
    both = [
        (name, a, b)
        for name, a, b in zip(losses.ids, losses.winner, losses.beside, strict=True)
        if a is not None and b is not None
    ]
    if len(both) < FEW_SERIES or winner == reference:
        return None
    top = max(max(a, b) for _, a, b in both)
    scored = losses.of - report.n_series_without_scale
    some = "" if scored <= len(losses.ids) else f" (of {scored:,}, evenly spread by error)"
    wins = f"{sum(a < b for _, a, b in both):,} of {len(both):,} series{some}"
    data: list[Trace] = [
        {"type": "scatter", "mode": "lines", "x": [0, top], "y": [0, top], "hoverinfo": "skip", "showlegend": False,
         "line": {"color": "@muted", "width": 1, "dash": "dot"}},
        {"type": "scatter", "mode": "markers", "x": [b for *_, b in both], "y": [a for _, a, _ in both],
         "text": [label(name) for name, *_ in both], "hovertemplate": "%{text}<br>%{y:.3f}, %{x:.3f}<extra></extra>",
         "marker": {"size": 7 if len(both) < 300 else 4, "opacity": 0.7, "color": colour_of(report, winner)},
         "showlegend": False},
    ]  # fmt: skip
    names = title_of(winner), title_of(reference)
    return Figure(
        name="by-series",
        title=f"{capital(names[0])} is nearer than {names[1]} in {wins}",
        note="A dot is a series. Under the dotted line the chosen model is nearer to what happened.",
        data=data,
        layout={
            "xaxis": axis(f"MASE of {names[1]}", rangemode="tozero"),
            "yaxis": axis(f"MASE of {names[0]}", rangemode="tozero"),
        },
        table=Table.of("MASE of each series on the test set, worst first", ("series", *names), both),
        height=420,
    )


def coverage(report: Report) -> Figure | None:
    """Return what share of the test values lay inside the intervals, in all and by thirds of the horizon."""
    intervals = report.rows[report.winner].intervals
    if not intervals:
        return None
    thirds = parts_of_horizon(intervals)
    names = ["all steps", *thirds] if len(thirds) > 1 else thirds
    colours = dict(zip(intervals, itertools.cycle(("@gru", "@blend", "@lstm", "@rnn")), strict=False))
    data: list[Trace] = [
        {"type": "bar", "x": names, "y": [one.coverage, *one.coverage_by_third][: len(names)],
         "name": f"{level} % interval", "marker": {"color": colours[level]}}
        for level, one in intervals.items()
    ]  # fmt: skip
    lines: list[Json] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": float(level), "y1": float(level),
         "line": {"color": colours[level], "width": 1.5, "dash": "dot"}}
        for level in intervals
    ]  # fmt: skip
    held = ", ".join(f"{level} % intervals held {number(one.coverage, '.0f')} %" for level, one in intervals.items())
    count = series_with_intervals(report)
    return Figure(
        name="coverage",
        title=f"{capital(held)} of the test values",
        note=f"Of the test values of {count:,} series; dotted lines: what was asked for."
        f"{_honest(intervals, count * report.horizon)}",
        data=data,
        layout={"xaxis": {"type": "category"}, "yaxis": axis("test values inside, %", range=[0, 104]), "shapes": lines},
        table=_coverage_table(report),
        height=360,
    )


def parts_of_horizon(intervals: dict[str, IntervalScores]) -> list[str]:
    """Return the names of the parts of `coverage_by_third`: fewer than three where there are fewer steps."""
    names = {1: ["whole horizon"], 2: ["first half", "second half"], 3: ["first third", "middle", "last third"]}
    return names[len(next(iter(intervals.values())).coverage_by_third)]


def _honest(intervals: dict[str, IntervalScores], values: int) -> str:
    """Return whether the intervals of each level held what was asked, and how exact that can be."""
    verdicts = [f"{level} %: {width_verdict(level, one, values)}" for level, one in intervals.items()]
    text = f" {'; '.join(verdicts)}."
    return f"{text} With {values:,} values one value is {100 / values:.1f} points." if 0 < values < 200 else text


def _coverage_table(report: Report) -> Table:
    rows = report.rows
    cells: list[list[Cell]] = []
    for model in dict.fromkeys([report.winner, reference_of(report)]):
        for level, one in rows[model].intervals.items():
            thirds = [number(share, ".0f") for share in one.coverage_by_third]
            cells.append([model, f"{level} %", number(one.coverage, ".1f"), *thirds, one.width, one.score])
    header = ("model", "level", "inside %", *parts_of_horizon(rows[report.winner].intervals), "width", "score")
    return Table.of("Intervals on the test set; width and score in units of each series' MASE scale", header, cells)
