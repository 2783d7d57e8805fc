"""What the report says in words: the verdict with its evidence, and answers to what anybody asks first."""

from __future__ import annotations

import shlex

from gruforecast.evaluation.leaderboard import StoredRow
from gruforecast.evaluation.verdict import in_percent, interval_in_percent
from gruforecast.models.registry import title_of
from gruforecast.report.page.figure import (
    Table,
    by_size,
    capital,
    chance,
    compared_rows,
    counted,
    is_worse,
    number,
    reference_of,
    series_with_intervals,
    steps_in,
    width_verdict,
    yardstick,
)
from gruforecast.report.report import Report

TESTS = {"bootstrap": "Paired bootstrap"}
CUTOFFS = {
    "date": "date",
    "position": "position: series end at different times, so rows of one may be later than the test set of another",
}
BANDS = (
    "Intervals are as wide as the errors that the model made at earlier origins, on values that its weights had not "
    "seen (split conformal); where networks take part, the quantiles that they forecast give them their shape."
)
LEFT_OUT = {
    "--no-stats": "AutoETS, dynamic Theta, MSTL and AutoARIMA of statsforecast",
    "--no-blend": "combinations of networks and other models",
    "--compare=none": "the comparison of GRU, LSTM and simple RNN",
}


def headline(report: Report) -> str:
    """Return the verdict in one sentence."""
    title, reference = title_of(report.winner), title_of(reference_of(report))
    evidence, winner = report.evidence, capital(title)
    if evidence is None:
        return f"On the folds no model was reliably better than {title}, so it is kept{_better(report)}."
    if evidence.verdict == "not better":
        return f"{winner} was chosen, but on values it has not seen it is no better than {reference}."
    if evidence.relative is None:
        return f"{winner} was chosen on the folds; the test set cannot say how it compares with {reference}."
    luck = "and that is more than luck" if evidence.verdict == "better" else "but that may be luck"
    return f"{winner} errs {in_percent(evidence.relative)} less than {reference} on values it has not seen, {luck}."


def _better(report: Report) -> str:
    """Return which model that competes the test set shows to be better than the naive forecast that was kept."""
    rows, mine = _clearly_better(report), report.rows[report.winner].mase
    best = min(rows, key=lambda row: by_size(row.mase), default=None)
    if best is None or best.mase is None or not mine:
        return ""
    return f"; on the test set {title_of(best.model)} erred {in_percent(1 - best.mase / mine)} less"


def _clearly_better(report: Report) -> list[StoredRow]:
    """Return the rows of models that compete and that the test set shows to be better than the winner."""
    return [row for row in report.leaderboard if row.competes and is_worse(row.against.get("winner"))]


def evidence_facts(report: Report) -> list[tuple[str, str, str]]:
    """Return the evidence as name, value and what it means."""
    evidence = report.evidence
    if evidence is None:
        return []
    mase = report.rows[evidence.against].mase
    effect, between = "-", "-"
    if evidence.relative is not None:
        word = "less" if evidence.relative >= 0 else "more"
        effect = f"{in_percent(evidence.relative)} {word}" if evidence.relative else "no less"
    if evidence.low is not None and evidence.high is not None and mase:
        between = interval_in_percent(evidence.low / mase, evidence.high / mase)
    luck = {"better": "unlikely", "cannot tell": "cannot be ruled out", "not better": "no win to explain"}
    test = "too few steps to test"
    if evidence.method:
        name = TESTS.get(evidence.method, evidence.method)
        test = f"{name} test, two-sided; chance of at least such a difference if both were equally good"
    return [
        ("Error", effect, f"mean absolute scaled error than {title_of(evidence.against)}, {_size_of_test(report)}"),
        ("95 % interval", between, "less: where the truth may lie, cut at 100; below zero it errs more"),
        ("p", chance(evidence.p), test),
        ("Luck?", luck[evidence.verdict], "more than luck means p below 0.05"),
    ]


def _size_of_test(report: Report) -> str:
    steps, series = report.horizon, report.n_series_scored
    return f"on {counted(steps, 'value')} of {'one' if series == 1 else 'each of ' + format(series, ',')} series"


def answers(report: Report) -> list[tuple[str, str, str]]:
    """Return question, answer, and the section that has more, for what anybody asks who sees such a report first."""
    winner = report.rows[report.winner]
    return [
        ("Who won?", f"{capital(title_of(report.winner))}, chosen on {counted(report.folds, 'validation fold')}.",
         "leaderboard"),
        ("By how much?", _scores(report, winner), "leaderboard"),
        ("Is it luck?", _luck(report), "figure-against" if compared_rows(report) else "leaderboard"),
        ("How sure is the forecast?", _sure(report, winner), "coverage" if winner.intervals else "leaderboard"),
        ("What was done to my data?", _data(report), "data"),
        ("How do I get this again?", "One command with the same seed; versions and digests are listed.", "reproduce"),
    ]  # fmt: skip


def _scores(report: Report, winner: StoredRow) -> str:
    """Return the errors on the test set as MASE and in the user's unit, beside those of the model to beat."""
    if winner.mase is None:
        target = report.extracts.target
        return f"MASE is not defined here. It was {number(winner.mae)} off on the test set, in the unit of {target}."
    reference = report.rows[reference_of(report)]
    mase, mae = (
        "" if reference.model == winner.model else f", {title_of(reference.model)} {number(score)}"
        for score in (reference.mase, reference.mae)
    )
    mean = "on average" if report.n_series_scored == 1 else "as a mean over series"
    return (
        f"MASE {number(winner.mase)} on the test set{mase}, that is {number(winner.mae)} off in the unit of "
        f"{report.extracts.target} {mean}{mae}. Below 1 is nearer than {yardstick(report)} was in the past."
    )


def _luck(report: Report) -> str:
    evidence = report.evidence
    if evidence is None:
        better = [title_of(row.model) for row in _clearly_better(report)]
        text = f"{capital(title_of(report.winner))} was kept because no other lead on the folds was more than luck."
        also = f" Of the models that compete {' and '.join(better)} did better on the test set by more than luck."
        return text + also if better else text
    if evidence.p is None:
        return "The test set has too few scored steps to tell."
    text = {"better": "Hardly", "cannot tell": "It may be", "not better": "There is no win"}[evidence.verdict]
    p = "p < 0.001" if evidence.p < 0.001 else f"p = {evidence.p:.2g}"
    return f"{text}: {p} in one test, laid down before, on values that no training has seen."


def _sure(report: Report, winner: StoredRow) -> str:
    if not winner.intervals:
        return "There are too few past errors for intervals."
    values = series_with_intervals(report) * report.horizon
    parts = [
        f"{level} % intervals held {number(one.coverage, '.0f')} % of the test values "
        f"({width_verdict(level, one, values)})"
        for level, one in winner.intervals.items()
    ]
    return f"{', '.join(parts)}."


def _data(report: Report) -> str:
    plan = report.plan
    steps = (
        ("missing values interpolated", plan.fill),
        (f"values of a step combined ({plan.resample})", plan.resample),
        (f"duplicates combined ({plan.on_duplicate})", plan.on_duplicate),
        (f"{counted(len(plan.left_out), 'column')} left out", plan.left_out),
    )
    done = ", ".join(text for text, yes in steps if yes) or "no value was changed"
    size = f"{counted(report.n_rows, 'row')} of {report.n_series:,} series"
    warned = f"; {counted(len(report.warnings), 'warning')}" if report.warnings else ""
    return f"{size} read, {steps_in(report, 1)} apart; {done}{warned}."


def arguments(report: Report) -> list[str]:
    """Return the words of the command, each as a shell wants it."""
    return [shlex.quote(word) for word in shlex.split(report.reproduce.command)]


def machine(report: Report) -> str:
    """Return the workers and cores."""
    used = report.reproduce.machine
    return f"{counted(used.workers, 'worker')} on {counted(used.cores, 'core')}"


def repeats(report: Report) -> str:
    """Return when the command gives the same again: trials follow the workers, and a clock stops elsewhere."""
    text = "The same command on the same data with as many workers gives the same weights on machines of the same kind"
    if report.cut_short:
        return "Its time limit cut this run short: the same command may train other weights, as the clock allows."
    limit = ", as long as its time limit ends nothing: that depends on the clock" if report.reproduce.limited else ""
    return f"{text}{limit}."


def left_out(report: Report) -> str:
    """Return what was left out because the command said so."""
    options = report.reproduce.left_out
    parts = [f"{what} ({option})" for option, what in LEFT_OUT.items() if option in options]
    return f"Left out on request: {', '.join(parts)}." if parts else ""


def plan_table(report: Report) -> Table:
    """Return how the file was read."""
    plan, names = report.plan, report.plan.names
    rows = [
        ("time", ", ".join(names.time)),
        ("target", "each column of numbers is a series" if plan.wide else names.target),
        ("series by", ", ".join(names.ids) or "one series"),
        ("step", report.freq),
        ("season", counted(report.season_length, "row") if report.season_length > 1 else "none"),
        ("horizon", counted(report.horizon, "row")),
        ("folds", f"{report.folds}, cutoffs by {CUTOFFS[report.cutoffs_by]}"),
        ("zone", plan.form.stamp.tz or "as written"),
        ("decimal mark", plan.numbers.decimal),
        ("missing values", "interpolated up to the first fold" if plan.fill else "masked, never filled"),
        ("duplicates", plan.on_duplicate or "none allowed"),
        ("resampled", plan.resample or "no"),
        ("covariates", ", ".join([f"{one.name} ({one.role})" for one in plan.covariates]) or "none"),
        ("left out", ", ".join(plan.left_out) or "nothing"),
        ("holidays", plan.holidays or "none"),
    ]
    return Table.of("How the file was read", ("what", "as"), rows)


def reproduction_tables(report: Report) -> list[Table]:
    """Return the versions, and digests of data and weights."""
    versions = [("operating system", report.reproduce.machine.system), *report.versions.items()]
    digests = [("data as read", report.reproduce.data_digest)]
    kinds = ((report.digests.scored, "weights scored on the test set"), (report.digests.saved, "weights saved"))
    for networks, words in kinds:
        digests += [(f"{words}: {name}", digest) for name, digest in networks.items()]
    return [
        Table.of("Versions", ("package", "version"), versions),
        Table.of("SHA-256 digests", ("of", "digest"), digests),
    ]
