"""Titles and sentences of the report follow from its numbers, also where these are odd."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
from made_report import made_report
from scipy.stats import binom

from gruforecast.models.baselines import baselines
from gruforecast.models.registry import ENTRIES
from gruforecast.report.markdown import markdown
from gruforecast.report.page import accuracy, cells, figure, words
from gruforecast.report.page.figure import percent
from gruforecast.report.page.html import page
from gruforecast.report.page.hyperparameters import meanings, shares
from gruforecast.report.page.parallel import parallel
from gruforecast.report.page.search import scores, times
from gruforecast.report.page.series import chosen_series, first_tables


@pytest.fixture
def panel() -> dict[str, Any]:
    return made_report(series=6)


def summary(report: dict[str, Any]) -> str:
    """All that is read first, and the titles, as one text."""
    facts = " | ".join(" ".join(one) for one in (*words.evidence_facts(report), *words.answers(report)))
    return f"{words.headline(report)} | {facts} | {markdown(report)}"


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
    panel: dict[str, Any], relative: float, low: float, high: float, effect: str, between: str
) -> None:
    mase = next(row["mase"] for row in panel["leaderboard"] if row["model"] == panel["evidence"]["against"])
    verdict = "cannot tell" if relative > 0 else "not better"
    ends = {"low": low * mase, "high": high * mase}
    panel["evidence"] |= {"relative": relative, "verdict": verdict, "p": 0.2, **ends}
    facts = {name: value for name, value, _ in words.evidence_facts(panel)}
    assert facts["Error"] == effect
    assert facts["95 % interval"] == between
    assert not re.search(r"(?<![\d.])-?0 %|-0 to", summary(panel).split("###")[0])


def test_the_p_is_that_of_at_least_such_a_difference_and_only_said_of_a_test(panel: dict[str, Any]) -> None:
    meaning = {name: text for name, _, text in words.evidence_facts(panel)}
    assert meaning["p"].endswith("chance of at least such a difference if both were equally good")
    panel["evidence"] |= {"p": None, "low": None, "high": None, "method": None, "verdict": "cannot tell"}
    assert {name: text for name, _, text in words.evidence_facts(panel)}["p"] == "too few steps to test"


def test_counts_have_the_right_number(panel: dict[str, Any]) -> None:
    panel["folds"], panel["plan"]["left_out"] = 1, ["a"]
    panel["warnings"] = [f"w{k}" for k in range(11)]
    panel["reproduce"]["machine"] |= {"workers": 1, "cores": 1}
    text = f"{summary(panel)} {page(panel)}"
    for right in ("1 fold, then", "1 column left out", "and 1 more warning\n", "1 worker on 1 core ·"):
        assert right in text
    assert not re.search(r"\b1 (folds|columns|more warnings|workers|cores)\b", text)


@pytest.mark.parametrize(("levels", "expected"), [([], "and ahead."), ([99.05, 80.0], "its intervals (99.05, 80 %)")])
def test_levels_are_written_as_they_are(panel: dict[str, Any], levels: list[float], expected: str) -> None:
    assert expected in page(panel | {"levels": levels})


@pytest.mark.parametrize(("limit", "clock"), [("", False), (" --max-time=540s", True), (" --trial-time=9s", True)])
def test_the_command_gives_the_same_under_conditions_that_are_said(
    panel: dict[str, Any], limit: str, clock: bool
) -> None:
    panel["reproduce"]["command"] += limit
    assert "with as many workers" in page(panel)
    assert ("depends on the clock" in page(panel)) is clock


def test_shares_next_to_nothing_have_no_sign_and_no_coverage_is_a_dash(panel: dict[str, Any]) -> None:
    assert percent(-0.003) == "0 %"
    for one in next(row for row in panel["leaderboard"] if row["model"] == panel["winner"])["intervals"].values():
        one["coverage"] = None
    assert "80 % intervals held - %" in str(words.answers(panel))


def test_a_tie_counts_among_the_others_and_the_chosen_is_lowest(panel: dict[str, Any]) -> None:
    best = next(row for row in panel["leaderboard"] if row["model"] == panel["winner"])
    for row in panel["leaderboard"]:
        row["mase"] = best["mase"]
        if row is not best:
            row["against"]["winner"] |= {"difference": 0.0, "relative": 0.0, "verdict": "not better", "p": 1.0}
    figure = accuracy.against(panel)
    assert figure is not None
    assert f"none of {len(panel['leaderboard']) - 1} other models" in figure.title
    assert "has the lowest error on the test set of all that compete, too" in accuracy.leaderboard(panel).title


def test_what_was_not_tested_is_not_said_to_be_no_win() -> None:
    figure = accuracy.against(made_report(horizon=1, rows=40))
    assert figure is not None
    assert figure.title == "The test set has too few steps to tell any difference from luck"


def test_many_tests_are_said_to_be_many(panel: dict[str, Any]) -> None:
    figure = accuracy.against(panel)
    assert figure is not None
    assert "Each is a test of its own" in figure.note


def test_seconds_of_the_leaderboard_are_not_those_of_training_alone(panel: dict[str, Any]) -> None:
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
def test_how_errors_grow_is_a_ratio(panel: dict[str, Any], errors: list[float | None], expected: str) -> None:
    steps = panel["extracts"]["steps"]
    panel["extracts"]["steps"] = {name: one | {"mase": errors} for name, one in steps.items()}
    assert expected in accuracy.steps(panel).title


def test_series_without_a_scale_are_in_no_mean_and_are_no_sample() -> None:
    report = made_report(series=8)
    report["n_series_without_scale"] = 2
    losses = report["extracts"]["losses"]
    for name in ("ids", "winner", "beside"):
        losses[name] = losses[name][:-2]
    figure, held = accuracy.by_series(report), accuracy.coverage(report)
    assert figure is not None
    assert held is not None
    assert figure.title.endswith("of 6 series")
    assert accuracy.steps(report).note == "Means over 6 series of the test set."
    assert held.note.startswith("Of the test values of 6 series")
    report["extracts"]["series"] = report["extracts"]["series"][:-2]
    assert "evenly spread" not in page(report)


def test_where_no_series_has_a_scale_there_is_a_page_without_scores(panel: dict[str, Any]) -> None:
    losses = panel["extracts"]["losses"]
    losses["winner"] = losses["beside"] = [None] * len(losses["ids"])
    for one in panel["extracts"]["series"]:
        one["mase"] = None
    for row in panel["leaderboard"]:
        row["mase"] = None
        for paired in row["against"].values():
            paired.update(dict.fromkeys(paired) | {"verdict": "cannot tell"})
    panel["evidence"] |= panel["leaderboard"][-1]["against"]["winner"]
    for one in panel["extracts"]["steps"].values():
        one["mase"] = [None] * panel["horizon"]
    text = page(panel)
    assert "MASE -" not in text
    assert "worst: " not in text
    assert "it has no score" in text
    assert "the test set cannot say" in words.headline(panel)


@pytest.mark.parametrize(("horizon", "header"), [(1, ["whole horizon"]), (2, ["first half", "second half"])])
def test_parts_of_short_horizons_are_no_thirds(horizon: int, header: list[str]) -> None:
    report = made_report(series=4, rows=60, horizon=horizon)
    figure = accuracy.coverage(report)
    assert figure is not None
    assert list(figure.table.header[3:-2]) == header
    assert {len(row) for row in figure.table.rows} == {len(figure.table.header)}
    assert f"| {' / '.join(header)} |" in markdown(report)


def trial(number: int, score: float, **values: Any) -> dict[str, Any]:
    seconds = {"trace": 0.1, "compile": 0.2, "train": 0.1, "validate": 0.0, "evaluate": 0.0, "total": 0.4}
    return {"number": number, "status": "completed", "score": score, "values": values, "seconds": seconds}


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
    figure = times({"search": [trial(0, 0.5)]})
    assert figure is not None
    assert "compiling and first steps" in figure.title
    assert "trains 25 steps" in figure.note


def cell(name: str, *seeds: float, parameters: int = 100) -> dict[str, Any]:
    mase = sum(seeds) / len(seeds)
    return {"cell": name, "mase": mase, "seeds": {"mase": list(seeds)} if len(seeds) > 1 else {}} | {
        "parameters": parameters,
        "seconds_per_epoch": 1.0,
    }


def test_seeds_that_do_not_overlap_are_not_said_to() -> None:
    three = [cell("gru", 0.686, 0.677, 0.713), cell("lstm", 0.697, 0.688, 0.729), cell("rnn", 0.671, 0.672, 0.676)]
    title = cells._title(three)
    assert title == (
        "The simple RNN has the lowest mean error at one equal budget, but the seeds do not tell it from the GRU and "
        "the LSTM"
    )
    assert cells._title([cell("gru", 0.5), cell("rnn", 0.6)]).endswith("but one seed each says little")
    assert cells._title([one | {"mase": None} for one in three]) == "Errors of the cells at one equal budget"


def test_a_series_without_a_score_is_neither_worst_nor_best(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    report["extracts"]["series"][0]["mase"] = None
    label = chosen_series(report)["series"][0]["label"]
    assert label.endswith("(no MASE)")
    assert not label.startswith("worst")


def test_rows_that_do_not_compete_are_named(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    rows = report["leaderboard"]
    assert "Not competing" not in accuracy.leaderboard(report).note
    for name in ("gru", "gru-2"):
        rows.append(rows[0] | {"model": name, "kind": "gru", "competes": False, "against": {}})
    report["networks"] = [{"name": "gru", "number": 4, "another_seed": True}, {"name": "gru-2", "number": 7}]
    chart = accuracy.leaderboard(report)
    assert "Not competing: gru to gru-2, parts of the ensemble" in chart.note
    cells = {row[0]: row[-2:] for row in chart.table.rows}
    assert list(cells["gru"]) == ["4, another seed", "no"]
    assert list(cells["gru-2"]) == ["7", "no"]
    assert list(cells["naive"]) == ["-", "yes"]


def test_folds_are_told_one_by_one(panel: dict[str, Any]) -> None:
    table = accuracy.folds_table(panel)
    assert table is not None
    assert table.header == ("model", "fold 1", "fold 2", "fold 3", "mean of the folds", "test set")
    assert {row[0].removesuffix(" ★") for row in table.rows} == {
        row["model"] for row in panel["leaderboard"] if row["competes"]
    }
    for row in panel["leaderboard"]:
        assert np.mean(row["fold_mase"]) == pytest.approx(row["val_mase"])
    one = copy.deepcopy(panel)
    for row in one["leaderboard"]:
        row["fold_mase"] = row["fold_mase"][:1]
    assert accuracy.folds_table(one) is None


def test_a_worse_winner_is_called_so() -> None:
    lost = {"high": -0.1, "verdict": "not better"}
    assert figure.verdict_word(lost) == "worse"
    assert figure.verdict_word(lost | {"high": 0.1}) == "not better"
    assert [figure.chance(p) for p in (None, 1e-9, 0.0123)] == ["-", "< 0.001", "0.012"]


def test_where_naive_is_kept_a_better_test_score_is_named(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    report |= {"winner": "seasonal-naive", "evidence": None}
    rows = {row["model"]: row for row in report["leaderboard"]}
    for row in report["leaderboard"]:
        row["against"] = {}
    rows["seasonal-naive"]["mase"], rows["theta"]["mase"] = 1.0, 0.7
    rows["theta"]["against"] = {"winner": {"high": -0.1, "difference": -0.3, "verdict": "not better"}}
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
    assert figure.width_verdict("80", {"coverage": share, "coverage_error": error}, values) == expected


def test_the_chart_of_coverage_says_whether_intervals_held(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    row = next(row for row in report["leaderboard"] if row["model"] == report["winner"])
    row["intervals"]["80"] |= {"coverage": 95.0, "coverage_error": 2.0}
    row["intervals"]["95"] |= {"coverage": 94.0, "coverage_error": 2.0}
    chart = accuracy.coverage(report)
    assert chart is not None
    assert "what was asked for. 80 %: wider than needed; 95 %: as asked. With 72 values" in chart.note
    assert "80 % intervals held 95 % of the test values (wider than needed)" in summary(report)


def test_a_report_that_did_not_count_series_judges_no_interval(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    for row in report["leaderboard"]:
        for one in row["intervals"].values():
            del one["coverage_error"]
    assert figure.width_verdict("80", {"coverage": 79.0}, 25_704) == ""
    assert "()" not in summary(report)
    assert not re.search(r"\bas asked(?! for)", summary(report) + accuracy.coverage(report).note)


def test_every_option_of_the_search_is_explained_where_it_varied() -> None:
    fields = ("lookback", "segment", "decoder", "dropout", "learning_rate", "weight_decay", "length", "own_spread")
    fields += ("averaged", "log", "trend", "calendar", "use_inputs", "layers", "units")
    trials = [{"values": dict.fromkeys(fields, k)} for k in range(2)]
    [table] = meanings(trials)
    assert len(table.rows) == len(fields)
    assert meanings(trials[:1]) == []
    assert "What the options mean" in page(made_report())


def test_what_was_left_out_on_request_is_told(panel: dict[str, Any]) -> None:
    report = panel | {"reproduce": {"command": "gruforecast fit a.csv --no-stats --compare=none"}}
    expected = "Left out on request: AutoETS, dynamic Theta and AutoARIMA of statsforecast (--no-stats), the comparison"
    assert words.left_out(report).startswith(expected)
    assert words.left_out(panel) == ""


def test_without_a_script_the_first_series_can_be_read(panel: dict[str, Any]) -> None:
    one = panel["extracts"]["series"][0]
    tables = first_tables(panel)
    ahead = [row for row in tables["forecast"].rows if row[1] == "ahead"]
    assert [row[0] for row in ahead] == one["ahead"]["ds"]
    assert [row[0] for row in tables["folds"].rows if row[1] == "fold 1"] == one["ds"][one["folds"][0]["begin"] :][:12]
    assert len(tables["forecast"].header) == 4 + 2 * len(panel["levels"])
    assert "<noscript>" in page(panel)
    assert first_tables(made_report(data=False)) == {}


def test_every_model_of_the_leaderboard_is_explained(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    rows = report["leaderboard"]
    names = ("gru-2", "lstm (full)", "auto-ets", "auto-arima", "dynamic-theta", "blend", *baselines(12))
    rows += [rows[0] | {"model": name} for name in names]
    explained = {row[0] for row in accuracy.models_table(report).rows}
    assert explained == set(ENTRIES)


def test_a_run_that_the_clock_cut_is_said_to_be(panel: dict[str, Any]) -> None:
    report = copy.deepcopy(panel)
    report["reproduce"]["command"] += " --max-time=60s"
    assert "as long as its time limit ends nothing" in words.repeats(report)
    report["warnings"] = ["the time budget did not allow for the lstm comparison"]
    assert words.repeats(report).startswith("Its time limit cut this run short")


def test_the_model_beside_a_naive_winner_competes() -> None:
    report = made_report(series=6)
    assert report["extracts"]["models"]["beside"] == "seasonal-naive"
    worse = made_report(series=6, spoiled=True)
    assert worse["winner"] == "seasonal-naive"
    assert worse["extracts"]["models"] == {"winner": "seasonal-naive", "beside": "networks"}
