"""What the report says in words: the verdict with its evidence, and answers to what anybody asks first."""

from __future__ import annotations

import shlex
from typing import Any

from gruforecast.evaluation.verdict import in_percent, interval_in_percent
from gruforecast.execution.progress import CUT_SHORT
from gruforecast.models.registry import title_of
from gruforecast.report.page.figure import (
    Report,
    Table,
    against_of,
    capital,
    chance,
    counted,
    is_worse,
    number,
    rows_of,
    series_with_scale,
    steps_in,
    width_told,
    yardstick,
)

TESTS = {"bootstrap": "Paired bootstrap"}
NO_TEST: dict[str, Any] = {"high": None}
CUTOFFS = {
    "date": "date",
    "position": "position: series end at different times, so rows of one may be later than the test set of another",
}
BANDS = (
    "Intervals are as wide as the errors that the model made at earlier origins, on values that its weights had not "
    "seen (split conformal); where networks take part, the quantiles that they forecast give them their shape."
)
LEFT_OUT = {
    "--no-stats": "AutoETS, dynamic Theta and AutoARIMA of statsforecast",
    "--no-blend": "combinations of networks and other models",
    "--compare=none": "the comparison of GRU, LSTM and simple RNN",
}


def headline(report: Report) -> str:
    """Return the verdict in one sentence."""
    winner, beside = capital(title_of(report["winner"])), title_of(against_of(report))
    found = report["evidence"]
    if found is None:
        kept = title_of(report["winner"])
        return f"On the folds no model was reliably better than {kept}, so it is kept{_ahead(report)}."
    if found["verdict"] == "not better":
        return f"{winner} was chosen, but on values it has not seen it is no better than {beside}."
    if found["relative"] is None:
        return f"{winner} was chosen on the folds; the test set cannot say how it compares with {beside}."
    luck = "and that is more than luck" if found["verdict"] == "better" else "but that may be luck"
    return f"{winner} errs {in_percent(found['relative'])} less than {beside} on values it has not seen, {luck}."


def _ahead(report: Report) -> str:
    """Return which model that competes the test set shows to be better than the naive forecast that was kept."""
    rows = [
        row for row in report["leaderboard"] if row["competes"] and is_worse(row["against"].get("winner") or NO_TEST)
    ]
    mine = rows_of(report)[report["winner"]]["mase"]
    if not rows or not mine:
        return ""
    best = min(rows, key=lambda row: row["mase"])
    return f"; on the test set {title_of(best['model'])} erred {in_percent(1 - best['mase'] / mine)} less"


def evidence_facts(report: Report) -> list[tuple[str, str, str]]:
    """Return the evidence as name, value and what it means."""
    found = report["evidence"]
    if found is None:
        return []
    mase = rows_of(report)[found["against"]]["mase"]
    effect, between = "-", "-"
    if found["relative"] is not None:
        word = "less" if found["relative"] >= 0 else "more"
        effect = f"{in_percent(found['relative'])} {word}" if found["relative"] else "no less"
    if found["low"] is not None and mase:
        between = interval_in_percent(found["low"] / mase, found["high"] / mase)
    luck = {"better": "unlikely", "cannot tell": "cannot be ruled out", "not better": "no win to explain"}
    test = "too few steps to test"
    if found["method"]:
        name = TESTS.get(found["method"], found["method"])
        test = f"{name} test, two-sided; chance of at least such a difference if both were equally good"
    return [
        ("Error", effect, f"mean absolute scaled error than {title_of(found['against'])}, {_size_of_test(report)}"),
        ("95 % interval", between, "less: where the truth may lie, cut at 100; below zero it errs more"),
        ("p", chance(found["p"]), test),
        ("Luck?", luck[found["verdict"]], "more than luck means p below 0.05"),
    ]


def _size_of_test(report: Report) -> str:
    steps, series = report["horizon"], report["n_series_scored"]
    return f"on {counted(steps, 'value')} of {'one' if series == 1 else 'each of ' + format(series, ',')} series"


def answers(report: Report) -> list[tuple[str, str, str]]:
    """Question, answer, and the section that has more: what somebody asks who sees such a report for the first time."""
    winner, beside = rows_of(report)[report["winner"]], rows_of(report)[against_of(report)]
    measure = f"Below 1 is nearer than {yardstick(report)} was in the past."
    scores = f"MASE {number(winner['mase'])} on the test set"
    if winner is not beside:
        scores += f", {title_of(beside['model'])} {number(beside['mase'])}"
    scores += f", {_in_units(report, winner, beside)}"
    told = "Its MASE on the test set is not defined." if winner["mase"] is None else f"{scores}. {measure}"
    return [
        ("Who won?", f"{capital(title_of(report['winner']))}, chosen on {counted(report['folds'], 'validation fold')}.",
         "leaderboard"),
        ("By how much?", told, "leaderboard"),
        ("Is it luck?", _luck(report), "figure-against" if _compared(report) else "leaderboard"),
        ("How sure is the forecast?", _sure(report, winner), "coverage" if winner["intervals"] else "leaderboard"),
        ("What was done to my data?", _data(report), "data"),
        ("How do I get this again?", "One command with the same seed; versions and digests are listed.", "reproduce"),
    ]  # fmt: skip


def _in_units(report: Report, winner: dict[str, Any], beside: dict[str, Any]) -> str:
    """Return the mean absolute error as the user counts."""
    mean = "on average" if report["n_series_scored"] == 1 else "as a mean over series"
    other = "" if winner is beside else f", {title_of(beside['model'])} {number(beside['mae'])}"
    return f"that is {number(winner['mae'])} off in the unit of {report['extracts']['target']} {mean}{other}"


def _compared(report: Report) -> bool:
    """Return whether the winner is held against any other model."""
    return any(row["against"].get("winner", {}).get("difference") is not None for row in report["leaderboard"])


def _luck(report: Report) -> str:
    found = report["evidence"]
    if found is None:
        rows = [row for row in report["leaderboard"] if row["against"].get("winner") and row["competes"]]
        better = [title_of(row["model"]) for row in rows if is_worse(row["against"]["winner"])]
        text = f"{capital(title_of(report['winner']))} was kept because no other lead on the folds was more than luck."
        also = f" Of the models that compete {' and '.join(better)} did better on the test set by more than luck."
        return text + also if better else text
    if found["p"] is None:
        return "The test set has too few scored steps to tell."
    text = {"better": "Hardly", "cannot tell": "It may be", "not better": "There is no win"}[found["verdict"]]
    p = "p < 0.001" if found["p"] < 0.001 else f"p = {found['p']:.2g}"
    return f"{text}: {p} in one test, laid down before, on values that no training has seen."


def _sure(report: Report, winner: dict[str, Any]) -> str:
    if not winner["intervals"]:
        return "There are too few past errors for intervals."
    held = {level: number(one["coverage"], ".0f") for level, one in winner["intervals"].items()}
    values = series_with_scale(report) * report["horizon"]
    told = {level: width_told(level, one, values) for level, one in winner["intervals"].items()}
    said = {level: f" ({words})" if words else "" for level, words in told.items()}
    parts = [f"{level} % intervals held {share} % of the test values{said[level]}" for level, share in held.items()]
    return f"{', '.join(parts)}."


def _data(report: Report) -> str:
    plan = report["plan"]
    size = f"{counted(report['n_rows'], 'row')} of {counted(report['n_series'], 'series')}"
    text = f"{size} read, {steps_in(report, 1)} apart"
    done = [
        word
        for word, yes in (
            ("missing values interpolated", plan.get("fill")),
            (f"values of a step combined ({plan.get('resample')})", plan.get("resample")),
            (f"duplicates combined ({plan.get('on_duplicate')})", plan.get("on_duplicate")),
            (f"{counted(len(plan.get('left_out') or ()), 'column')} left out", plan.get("left_out")),
        )
        if yes
    ]
    warned = f"; {counted(len(report['warnings']), 'warning')}" if report["warnings"] else ""
    return f"{text}; {', '.join(done) or 'no value was changed'}{warned}."


def arguments(report: Report) -> list[str]:
    """Return the words of the command, each as a shell wants it."""
    return [shlex.quote(word) for word in shlex.split(report["reproduce"]["command"])]


def machine(report: Report) -> str:
    """Return the workers and cores."""
    found = (report.get("reproduce") or {}).get("machine") or {}
    return " on ".join(counted(found[name], name[:-1]) for name in ("workers", "cores") if name in found)


def repeats(report: Report) -> str:
    """When the command gives the same again: the order of trials follows the workers, and a clock stops elsewhere."""
    text = "The same command on the same data with as many workers gives the same weights on machines of the same kind"
    command = (report.get("reproduce") or {}).get("command", "")
    if any(word.startswith(("--max-time=", "--trial-time=")) for word in shlex.split(command)):
        if any(warning.startswith(CUT_SHORT) for warning in report["warnings"]):
            return "Its time limit cut this run short: the same command may train other weights, as the clock allows."
        return f"{text}, as long as its time limit ends nothing: that depends on the clock."
    return f"{text}."


def left_out(report: Report) -> str:
    """Return what the command asked not to do."""
    words = shlex.split((report.get("reproduce") or {}).get("command", ""))
    parts = [f"{what} ({option})" for option, what in LEFT_OUT.items() if option in words]
    return f"Left out on request: {', '.join(parts)}." if parts else ""


def plan_table(report: Report) -> Table:
    """Return how the file was read."""
    plan = report["plan"]
    names = plan["names"]
    beside = [f"{one['name']} ({one['role']})" for one in plan.get("covariates", [])]
    rows = [
        ("time", ", ".join(names["time"])),
        ("target", "each column of numbers is a series" if plan.get("wide") else names["target"]),
        ("series by", ", ".join(names["ids"]) or "one series"),
        ("step", report["freq"]),
        ("season", counted(report["season_length"], "row") if report["season_length"] > 1 else "none"),
        ("horizon", counted(report["horizon"], "row")),
        ("folds", f"{report['folds']}, cutoffs by {CUTOFFS[report['cutoffs_by']]}"),
        ("zone", plan["form"]["stamp"].get("tz") or "as written"),
        ("decimal mark", plan["numbers"]["decimal"]),
        ("missing values", "interpolated up to the first fold" if plan.get("fill") else "masked, never filled"),
        ("duplicates", plan.get("on_duplicate") or "none allowed"),
        ("resampled", plan.get("resample") or "no"),
        ("columns beside", ", ".join(beside) or "none"),
        ("left out", ", ".join(plan.get("left_out") or ()) or "nothing"),
        ("holidays", plan.get("holidays") or "none"),
    ]
    return Table.of("How the file was read", ("what", "as"), rows)


def reproduction_tables(report: Report) -> list[Table]:
    """Return the versions, and digests of data and weights."""
    known = report.get("reproduce") or {}
    versions = [("operating system", (known.get("machine") or {}).get("system", "-")), *report["versions"].items()]
    digests = [("data as read", known.get("data_digest", "-"))]
    for kind, words in (("scored", "weights scored on the test set"), ("saved", "weights saved")):
        digests += [(f"{words}: {name}", digest) for name, digest in report["digests"][kind].items()]
    return [
        Table.of("Versions", ("package", "version"), versions),
        Table.of("SHA-256 digests", ("of", "digest"), digests),
    ]
