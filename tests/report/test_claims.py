"""Titles and sentences of the report follow from its numbers, also where these are odd."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from edited import edited, with_rows, with_series
from made_report import VALUES, made_report
from scipy.stats import binom

from gruforecast.evaluation.leaderboard import Seeds
from gruforecast.evaluation.scores import IntervalScores
from gruforecast.evaluation.significance import Paired
from gruforecast.models.baselines import baselines
from gruforecast.models.registry import ENTRIES
from gruforecast.report.chart_data import ShownModels
from gruforecast.report.markdown import markdown
from gruforecast.report.page import accuracy, cells, figure, words
from gruforecast.report.page.figure import percent
from gruforecast.report.page.html import page
from gruforecast.report.page.hyperparameters import Scored, meanings, shares
from gruforecast.report.page.parallel import parallel
from gruforecast.report.page.search import scores, times
from gruforecast.report.page.series import first_tables, page_data
from gruforecast.report.report import CellRecord, NetworkRecord, Report, TrainingSeconds, TrialRecord
from gruforecast.serialization import plain

UNTESTED = Paired(None, None, None, None, None, None, "cannot tell")


@pytest.fixture
def panel() -> Report:
    return made_report(series=6)


def summary(report: Report) -> str:
    """All that is read first, and the titles, as one text."""
    facts = " | ".join(" ".join(one) for one in (*words.evidence_facts(report), *words.answers(report)))
    return f"{words.headline(report)} | {facts} | {markdown(report)}"


def with_intervals(report: Report, change: Any) -> Report:
    """The report with the intervals of the winner changed, in the order of their levels."""
    new = {level: change(one) for level, one in report.rows[report.winner].intervals.items()}
    return with_rows(report, lambda row: edited(row, intervals=new) if row.model == report.winner else row)


def network(name: str, number: int, another_seed: bool = False) -> NetworkRecord:
    return NetworkRecord(name, 0.5, number, another_seed, VALUES, 100, 300, "cd" * 32, 0.8)


@pytest.mark.parametrize(
    ("relative", "low", "high", "effect", "between"),
    [
        (0.003, -0.0005, 0.02, "under 1 % less", "-0.05 to 2 %"),
        (-0.004, -0.02, 0.004, "under 1 % more", "-2 to 0.4 %"),
        (0.998, 0.9, 1.2, "over 99 % less", "90 to 100 %"),
        (0.0, -0.1, 0.1, "no less", "-10 to 10 %"),
    ],
)
def test_small_effects_are_not_written_as_nothing(
    panel: Report, relative: float, low: float, high: float, effect: str, between: str
) -> None:
    mase = panel.rows[panel.evidence.against].mase
    verdict = "cannot tell" if relative > 0 else "not better"
    told = edited(panel.evidence, relative=relative, verdict=verdict, p=0.2, low=low * mase, high=high * mase)
    panel = edited(panel, evidence=told)
    facts = {name: value for name, value, _ in words.evidence_facts(panel)}
    assert facts["Error"] == effect
    assert facts["95 % interval"] == between
    assert not re.search(r"(?<![\d.])-?0 %|-0 to", summary(panel).split("###")[0])


def test_the_p_is_that_of_at_least_such_a_difference_and_only_said_of_a_test(panel: Report) -> None:
    meaning = {name: text for name, _, text in words.evidence_facts(panel)}
    assert meaning["p"].endswith("chance of at least such a difference if both were equally good")
    untested = edited(panel.evidence, p=None, low=None, high=None, method=None, verdict="cannot tell")
    report = edited(panel, evidence=untested)
    assert {name: text for name, _, text in words.evidence_facts(report)}["p"] == "too few steps to test"


def test_counts_have_the_right_number(panel: Report) -> None:
    report = edited(panel, folds=1, plan__left_out=("a",), warnings=[f"w{k}" for k in range(11)])
    report = edited(report, reproduce__machine__workers=1, reproduce__machine__cores=1)
    text = f"{summary(report)} {page(report)}"
    for right in ("1 fold, then", "1 column left out", "and 1 more warning\n", "1 worker on 1 core ·"):
        assert right in text
    assert not re.search(r"\b1 (folds|columns|more warnings|workers|cores)\b", text)


@pytest.mark.parametrize(("levels", "expected"), [([], "and ahead."), ([99.05, 80.0], "its intervals (99.05, 80 %)")])
def test_levels_are_written_as_they_are(panel: Report, levels: list[float], expected: str) -> None:
    assert expected in page(edited(panel, levels=levels))


@pytest.mark.parametrize("limited", [False, True])
def test_the_command_gives_the_same_under_conditions_that_are_said(panel: Report, limited: bool) -> None:
    text = page(edited(panel, reproduce__limited=limited))
    assert "with as many workers" in text
    assert ("depends on the clock" in text) is limited


def test_shares_next_to_nothing_have_no_sign_and_no_coverage_is_a_dash(panel: Report) -> None:
    assert percent(-0.003) == "0 %"
    report = with_intervals(panel, lambda one: edited(one, coverage=None))
    assert "80 % intervals held - %" in str(words.answers(report))


def test_a_tie_counts_among_the_others_and_the_chosen_is_lowest(panel: Report) -> None:
    best = panel.rows[panel.winner]
    tie = Paired("bootstrap", 0.0, 0.0, 0.0, 0.0, 1.0, "not better")
    report = with_rows(panel, lambda row: edited(row, mase=best.mase, against={"winner": tie} if row != best else {}))
    figure = accuracy.against(report)
    assert figure is not None
    assert f"none of {len(report.leaderboard) - 1} other models" in figure.title
    assert "has the lowest error on the test set of all that compete, too" in accuracy.leaderboard(report).title


def test_what_was_not_tested_is_not_said_to_be_no_win() -> None:
    figure = accuracy.against(made_report(horizon=1, rows=40))
    assert figure is not None
    assert figure.title == "The test set has too few steps to tell any difference from luck"


def test_many_tests_are_said_to_be_many(panel: Report) -> None:
    figure = accuracy.against(panel)
    assert figure is not None
    assert "Each is a test of its own" in figure.note


def test_seconds_of_the_leaderboard_are_not_those_of_training_alone(panel: Report) -> None:
    table = accuracy.leaderboard(panel).table
    assert table.header[-3:] == ("fitting s", "trial", "competes")
    assert "with compiling" in table.caption


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.01], "are about as large in the last third of the steps as in the first"),
        ([1.0, 1.0, 1.0, 1.0, 1.3, 1.3], "are 1.3 times as large in the last third of the steps as in the first"),
        ([2.0, 1.0], "are 0.5 times as large at step 2 as at step 1"),
        ([None, None, None], "by step ahead"),
    ],
)
def test_how_errors_grow_is_a_ratio(panel: Report, errors: list[float | None], expected: str) -> None:
    steps = {name: one | {"mase": errors} for name, one in panel.extracts.steps.items()}
    assert expected in accuracy.steps(edited(panel, extracts__steps=steps)).title


def test_series_without_a_scale_are_in_no_mean_and_are_no_sample() -> None:
    report = edited(made_report(series=8), n_series_without_scale=2)
    losses = report.extracts.losses
    fewer = edited(losses, ids=losses.ids[:-2], winner=losses.winner[:-2], beside=losses.beside[:-2])
    report = edited(report, extracts__losses=fewer)
    figure, held = accuracy.by_series(report), accuracy.coverage(report)
    assert figure is not None
    assert held is not None
    assert figure.title.endswith("of 6 series")
    some = accuracy.coverage(edited(report, n_series_repeating=1))  # it has no MASE, but intervals
    assert some is not None
    assert some.note.startswith("Of the test values of 7 series")
    assert accuracy.steps(report).note == "Means over 6 series of the test set."
    assert held.note.startswith("Of the test values of 6 series")
    assert "evenly spread" not in page(edited(report, extracts__series=report.extracts.series[:-2]))


def test_where_no_series_has_a_scale_there_is_a_page_without_scores(panel: Report) -> None:
    none = [None] * len(panel.extracts.losses.ids)
    report = edited(panel, extracts__losses__winner=none, extracts__losses__beside=none)
    report = with_rows(
        with_series(report, mase=None), lambda row: edited(row, mase=None, against=dict.fromkeys(row.against, UNTESTED))
    )
    report = edited(report, evidence=edited(report.evidence, **plain(UNTESTED)))
    steps = {name: one | {"mase": [None] * report.horizon} for name, one in report.extracts.steps.items()}
    report = edited(report, extracts__steps=steps)
    text = page(report)
    assert accuracy.steps(report) is not None
    assert "only MAE compares" in markdown(report)
    said = markdown(edited(report, n_series_without_scale=report.n_series_scored))
    assert "MASE is not defined here" in said
    assert "only MAE compares" not in said
    assert accuracy.steps(edited(report, n_series_without_scale=report.n_series_scored)) is None
    assert "MASE -" not in text
    assert "worst: " not in text
    assert "its MASE is not defined" in text
    assert "the test set cannot say" in words.headline(report)


@pytest.mark.parametrize(("horizon", "header"), [(1, ["whole horizon"]), (2, ["first half", "second half"])])
def test_parts_of_short_horizons_are_no_thirds(horizon: int, header: list[str]) -> None:
    report = made_report(series=4, rows=60, horizon=horizon)
    figure = accuracy.coverage(report)
    assert figure is not None
    assert list(figure.table.header[3:-2]) == header
    assert {len(row) for row in figure.table.rows} == {len(figure.table.header)}
    assert f"| {' / '.join(header)} |" in markdown(report)


def trial(number: int, score: float, **values: Any) -> Scored:
    return Scored(number, score, values)


def test_options_of_noise_seldom_matter() -> None:
    """Twelve options without effect: each alone passes a bound of its own in every twentieth search."""
    passed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        options = [{f"o{k}": int(rng.integers(3)) for k in range(12)} for _ in range(16)]
        results = shares([trial(k, float(rng.normal()), **one) for k, one in enumerate(options)])
        passed += any(own > bound for own, bound in results.values())
    assert passed <= 8


def test_equal_scores_say_nothing_whatever_their_order() -> None:
    results = shares([trial(k, 0.5, log=k < 6) for k in range(12)])
    assert results["log"][0] == 0.0


def test_what_the_best_share_may_be_an_axis_that_is_not_drawn() -> None:
    rng = np.random.default_rng(0)
    trials = []
    for k in range(16):
        strong = {f"o{j}": (k + j) // 4 for j in range(7)}  # go with the score, but differ among the best
        trials.append(trial(k, 1.0 + k, **strong, zlog=k < 4 or bool(rng.integers(2))))
    figure = parallel(trials)
    assert figure is not None
    assert "zlog" not in figure.table.header
    assert "zlog yes" in figure.title


def test_the_first_trial_is_named_and_small_gains_are_not_nothing() -> None:
    report = made_report(trials=4)
    trials = [trial(1, 0.5), trial(2, 0.4999)]
    assert scores(report, trials).title == "Trial 2 is the best of 4, under 1 % below trial 1, the first with a score"
    assert scores(report, trials[:1] * 2).title == "Trial 1 is the best of 4; no later one was better"


def test_the_first_call_trains_too() -> None:
    seconds = TrainingSeconds(trace=0.1, compile=0.2, train=0.1, total=0.4)
    figure = times(edited(made_report(), search=[TrialRecord(0, VALUES, "completed", 0.5, seconds=seconds)]))
    assert figure is not None
    assert "compiling and first steps" in figure.title
    assert "trains 25 steps" in figure.note


def cell(name: Any, *scores: float) -> CellRecord:
    seeds = Seeds(list(scores), list(scores)) if len(scores) > 1 else None
    mase = sum(scores) / len(scores)
    return CellRecord(name, "short", 2, False, 100, seeds, 100, 1.0, 1.0, 0.5, 400, mase, mase)


def test_seeds_that_do_not_overlap_are_not_said_to() -> None:
    three = [cell("gru", 0.686, 0.677, 0.713), cell("lstm", 0.697, 0.688, 0.729), cell("rnn", 0.671, 0.672, 0.676)]
    title = cells._title(three)
    assert title == (
        "The simple RNN has the lowest mean error at one equal budget, but the seeds do not tell it from the GRU and "
        "the LSTM"
    )
    assert cells._title([cell("gru", 0.5), cell("rnn", 0.6)]).endswith("but one seed each says little")
    assert cells._title([edited(one, mase=None) for one in three]) == "Errors of the cells at one equal budget"


def test_a_series_without_a_score_is_neither_worst_nor_best(panel: Report) -> None:
    first, *others = panel.extracts.series
    report = edited(panel, extracts__series=[edited(first, mase=None), *others])
    label = page_data(report, [])["series"][0]["label"]
    assert label.endswith("(no MASE)")
    assert not label.startswith("worst")


def test_rows_that_do_not_compete_are_named(panel: Report) -> None:
    assert "Not competing" not in accuracy.leaderboard(panel).note
    first = panel.leaderboard[0]
    rows = [edited(first, model=name, kind="gru", competes=False, against={}) for name in ("gru", "gru-2")]
    report = edited(
        panel, leaderboard=[*panel.leaderboard, *rows], networks=[network("gru", 4, True), network("gru-2", 7)]
    )
    chart = accuracy.leaderboard(report)
    assert "Not competing: gru to gru-2, parts of the ensemble" in chart.note
    cells = {row[0]: row[-2:] for row in chart.table.rows}
    assert list(cells["gru"]) == ["4, another seed", "no"]
    assert list(cells["gru-2"]) == ["7", "no"]
    assert list(cells["naive"]) == ["-", "yes"]


def test_folds_are_told_one_by_one(panel: Report) -> None:
    table = accuracy.folds_table(panel)
    assert table is not None
    assert table.header == ("model", "fold 1", "fold 2", "fold 3", "mean of the folds", "test set")
    assert {row[0].removesuffix(" ★") for row in table.rows} == {row.model for row in panel.leaderboard if row.competes}
    for row in panel.leaderboard:
        assert np.mean(row.fold_mase) == pytest.approx(row.val_mase)
    assert accuracy.folds_table(with_rows(panel, lambda row: edited(row, fold_mase=row.fold_mase[:1]))) is None


def test_a_worse_winner_is_called_so() -> None:
    lost = edited(UNTESTED, high=-0.1, verdict="not better")
    assert figure.verdict_word(lost) == "worse"
    assert figure.verdict_word(edited(lost, high=0.1)) == "not better"
    assert [figure.chance(p) for p in (None, 1e-9, 0.0123)] == ["-", "< 0.001", "0.012"]


def test_where_naive_is_kept_a_better_test_score_is_named(panel: Report) -> None:
    lost = edited(UNTESTED, high=-0.1, difference=-0.3, verdict="not better")
    new = {"seasonal-naive": {"mase": 1.0}, "theta": {"mase": 0.7, "against": {"winner": lost}}}
    report = edited(panel, winner="seasonal-naive", evidence=None)
    report = with_rows(report, lambda row: edited(row, **{"against": {}} | new.get(row.model, {})))
    assert words.headline(report) == (
        "On the folds no model was reliably better than seasonal naive, so it is kept; on the test set Theta erred "
        "30 % less."
    )


@pytest.mark.parametrize(("inside", "values", "share"), [(11, 12, 0.8), (4, 12, 0.8), (300, 400, 0.8), (12, 12, 0.95)])
def test_the_binomial_chance_is_that_of_scipy(inside: int, values: int, share: float) -> None:
    both = binom.cdf(inside, values, share), binom.sf(inside - 1, values, share)
    assert figure.binomial(inside, values, share) == pytest.approx(min(1.0, 2 * min(both)))


def test_the_binomial_chance_of_many_values_is_nearly_the_same() -> None:
    exact = 2 * binom.cdf(3_940, 5_000, 0.8)
    assert figure.binomial(3_940, 5_000, 0.8) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize(
    ("share", "error", "values", "expected"),
    [
        (92.0, None, 12, "as far as 12 values can tell, as asked"),
        (40.0, None, 12, "too narrow"),
        (81.0, 1.0, 600, "as asked"),
        (90.0, 1.0, 600, "wider than needed"),
        (70.0, 1.0, 600, "too narrow"),
        (None, None, 0, "no value to tell by"),
    ],
)
def test_intervals_are_judged_as_far_as_can_be(
    share: float | None, error: float | None, values: int, expected: str
) -> None:
    interval = IntervalScores(share, error, [], None, None, None, None)
    assert figure.width_verdict("80", interval, values) == expected


def test_the_chart_of_coverage_says_whether_intervals_held(panel: Report) -> None:
    held = iter((95.0, 94.0))
    report = with_intervals(panel, lambda one: edited(one, coverage=next(held), coverage_error=2.0))
    chart = accuracy.coverage(report)
    assert chart is not None
    assert "what was asked for. 80 %: wider than needed; 95 %: as asked. With 72 values" in chart.note
    assert "80 % intervals held 95 % of the test values (wider than needed)" in summary(report)


def test_every_option_of_the_search_is_explained_where_it_varied() -> None:
    fields = ("lookback", "segment", "decoder", "dropout", "learning_rate", "weight_decay", "length", "own_spread")
    fields += ("averaged", "log", "trend", "calendar", "use_inputs", "layers", "units")
    assert sorted(fields) == sorted(VALUES.__struct_fields__)
    other = {name: k for k, name in enumerate(fields, 100)}
    trials = [TrialRecord(0, VALUES, "crashed"), TrialRecord(1, edited(VALUES, **other), "crashed")]
    [table] = meanings(trials)
    assert len(table.rows) == len(fields)
    assert meanings(trials[:1]) == []
    assert "What the options mean" in page(made_report())


def test_what_was_left_out_on_request_is_told(panel: Report) -> None:
    report = edited(panel, reproduce__left_out=["--no-stats", "--compare=none"])
    expected = (
        "Left out on request: AutoETS, dynamic Theta, MSTL and AutoARIMA of statsforecast (--no-stats), the comparison"
    )
    assert words.left_out(report).startswith(expected)
    assert words.left_out(panel) == ""


def test_without_a_script_the_first_series_can_be_read(panel: Report) -> None:
    one = panel.extracts.series[0]
    tables = first_tables(panel)
    ahead = [row for row in tables["forecast"].rows if row[1] == "ahead"]
    assert [row[0] for row in ahead] == one.ahead.ds
    assert [row[0] for row in tables["folds"].rows if row[1] == "fold 1"] == one.ds[one.folds[0].begin :][:12]
    assert len(tables["forecast"].header) == 4 + 2 * len(panel.levels)
    assert "<noscript>" in page(panel)
    assert first_tables(made_report(data=False)) == {}


def test_every_model_of_the_leaderboard_is_explained(panel: Report) -> None:
    names = ("auto-ets", "auto-arima", "dynamic-theta", "mstl", "blend", "pretrained", "fine-tuned", *baselines(12))
    first = edited(panel.leaderboard[0], budget=None)
    rows = [edited(first, model="gru-2", budget="member"), edited(first, model="lstm (full)", budget="full")]
    rows += [edited(first, model=name) for name in names]
    report = edited(panel, leaderboard=[*panel.leaderboard, *rows], networks=[network("gru-2", 1)])
    explained = {row[0] for row in accuracy.models_table(report).rows}
    assert explained == set(ENTRIES)


def test_a_run_that_the_clock_cut_is_said_to_be(panel: Report) -> None:
    report = edited(panel, reproduce__limited=True)
    assert "as long as its time limit ends nothing" in words.repeats(report)
    assert words.repeats(edited(report, cut_short=True)).startswith("Its time limit cut this run short")


def test_the_model_beside_a_naive_winner_competes() -> None:
    report = made_report(series=6)
    assert report.extracts.models.beside == "seasonal-naive"
    worse = made_report(series=6, spoiled=True)
    assert worse.winner == "seasonal-naive"
    assert worse.extracts.models == ShownModels("seasonal-naive", "networks")
