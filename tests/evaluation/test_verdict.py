"""The verdict claims no more than the test set shows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from makers import panel_of
from msgspec import structs
from scipy.stats import t as student
from scipy.stats import ttest_rel

from gruforecast.automl.summary import cell_facts
from gruforecast.errors import UsageError
from gruforecast.evaluation.leaderboard import (
    Candidate,
    Judged,
    Reference,
    Row,
    Seeds,
    StoredRow,
    TrainingFacts,
    compared,
    judge,
    mean_row,
    stored,
    winner,
    with_leads,
)
from gruforecast.evaluation.scores import Evaluated, IntervalScores
from gruforecast.evaluation.significance import Paired
from gruforecast.evaluation.splits import Forecasts, split
from gruforecast.evaluation.verdict import (
    STUDENT,
    check_baseline,
    evidence,
    in_percent,
    interval_in_percent,
    shortfall,
    verdict,
)
from gruforecast.models.conformal import Calibration
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.serialization import plain

NAN = float("nan")
BASE = Row(
    model="gru",
    kind="gru",
    mase=0.5,
    smape=5.0,
    rmse=1.0,
    mae=1.0,
    coverage={"80": 80.0},
    val_mase=0.6,
    competes=True,
    rmsse=NAN,
    wape=NAN,
    bias=NAN,
    wql=NAN,
    parameters=100,
    seconds=2.0,
    budget="full",
)


def row(model: str, mase: float, val_mase: float, kind: str = "baseline", **changes) -> Row:
    competes = changes.pop("competes", True)
    return structs.replace(BASE, model=model, kind=kind, mase=mase, val_mase=val_mase, competes=competes, **changes)


NAIVE, SEASONAL = row("naive", 1.2, 1.3), row("seasonal-naive", 1.0, 1.1)


def test_a_win_on_both_parts_is_claimed_with_its_size() -> None:
    text = verdict([BASE, NAIVE, SEASONAL])
    assert text.startswith("The GRU was chosen")
    assert "50 % below seasonal naive (1.000)" in text


def test_a_tiny_win_is_not_nothing() -> None:
    assert ", under 1 % below seasonal naive" in verdict([structs.replace(BASE, mase=0.998), NAIVE, SEASONAL])
    unclear = paired(method="bootstrap", low=-0.002, high=0.4, p=0.06, verdict="cannot tell")
    beside = structs.replace(SEASONAL, against={"winner": unclear})
    assert "95 % interval -0.2 to 40 %" in verdict([BASE, NAIVE, beside])


def test_a_win_that_the_test_set_does_not_show_is_no_win() -> None:
    text = verdict([structs.replace(BASE, mase=1.01), NAIVE, SEASONAL])
    assert "does not show a win" in text
    assert "no better than seasonal naive" in text
    assert "below" not in text


def test_naive_can_win() -> None:
    text = verdict([structs.replace(BASE, val_mase=2.0, mase=0.9), NAIVE, SEASONAL])
    assert text.startswith("Seasonal naive was chosen")
    assert "no model was better than seasonal naive" in text


def test_where_naive_wins_lower_numbers_elsewhere_are_explained() -> None:
    picked = structs.replace(BASE, val_mase=1.0, mase=0.7, competes=False)
    networks = row("networks", 0.8, 1.2, "gru")
    others = [row("theta", 0.6, 1.5), row("drift", 0.9, 1.6), row("window-mean", 0.95, 1.7)]
    text = verdict([picked, networks, NAIVE, SEASONAL, *others])
    assert text.startswith("Seasonal naive was chosen")
    assert "The single GRU's 1.000 does not count: it is the best of all that were tried on these very folds" in text
    assert "did not choose its parts: 1.200." in text
    assert "lower than its 1.000: Theta (0.600), the GRU ensemble (0.800), drift (0.900) and 1 more." in text
    assert "does not count" not in verdict([structs.replace(picked, val_mase=1.3), networks, NAIVE, SEASONAL])
    assert "chooses nothing" not in verdict([structs.replace(BASE, val_mase=2.0, mase=1.1), NAIVE, SEASONAL])


def test_where_naive_wins_each_fold_is_told() -> None:
    naive = structs.replace(SEASONAL, fold_mase=[1.5, 1.0, 0.8])
    networks = row("networks", 0.8, 1.2, "gru", fold_mase=[2.0, 0.9, 0.7])
    text = verdict([networks, NAIVE, naive])
    assert "MASE by fold: seasonal naive 1.500, 1.000, 0.800; the GRU ensemble 2.000, 0.900, 0.700." in text
    one = structs.replace(SEASONAL, fold_mase=[1.1])
    assert verdict([networks, NAIVE, one]).startswith("Seasonal naive was chosen on the validation fold (")
    assert "by fold" not in verdict([networks, NAIVE, one])


def test_seeds_are_averaged_in_costs_too() -> None:
    first = structs.replace(BASE, seconds=9.0, train_seconds=4.0, forecast_ms=1.0, fold_mase=[1.0, 2.0])
    second = structs.replace(BASE, seconds=5.0, train_seconds=2.0, forecast_ms=None, fold_mase=[3.0, 2.0])
    found = mean_row([first, second])
    assert (found.seconds, found.train_seconds, found.forecast_ms) == (7.0, 3.0, 1.0)
    assert found.fold_mase == [2.0, 2.0]


def test_a_lead_that_may_be_luck_does_not_win() -> None:
    lucky, clear = structs.replace(BASE, lead=0.4), structs.replace(BASE, lead=0.6)
    assert winner([clear, NAIVE, SEASONAL]) is clear
    assert winner([lucky, NAIVE, SEASONAL]) is SEASONAL
    text = verdict([lucky, NAIVE, SEASONAL])
    assert text.startswith("Seasonal naive was chosen")
    assert "may be luck (0.4 standard errors); no model was clearly better than seasonal naive" in text
    theta = row("theta", 0.4, 0.9, lead=3.0)
    assert winner([lucky, NAIVE, SEASONAL, theta]) is theta


def test_the_lead_is_a_paired_t_statistic_over_windows() -> None:
    rng = np.random.default_rng(0)
    naive, gru = rng.uniform(1, 2, 30), rng.uniform(0.9, 1.9, 30)
    gru[3] = naive[3] = np.nan
    seen = ~np.isnan(naive)
    found = with_leads(
        [judged(NAIVE, naive), judged(structs.replace(SEASONAL, val_mase=9.0), naive + 5), judged(BASE, gru)]
    )
    assert found[2].row.lead == pytest.approx(ttest_rel(naive[seen], gru[seen]).statistic)
    assert found[0].row.lead is None  # nothing differs
    one = with_leads([judged(NAIVE, naive[:1]), judged(BASE, gru[:1])])
    assert one[1].row.lead is None  # a single window


def judged(row: Row, losses: np.ndarray, actual: np.ndarray | None = None) -> Judged:
    """With forecasts of zero, whose scaled errors are `actual` (n_series, horizon)."""
    actual = np.zeros((1, 1)) if actual is None else actual
    one, none = np.ones(len(actual)), np.zeros((*actual.shape, 0))
    tested = Evaluated(actual, np.zeros_like(actual), none, none, (), one, one)
    return Judged(row, Calibration((), np.zeros((actual.shape[1], 0))), True, losses, tested)


def test_rows_say_what_the_test_set_says_against_them() -> None:
    rng = np.random.default_rng(1)
    small, large = (size * rng.uniform(0.5, 1.5, (60, 12)) for size in (1.0, 2.0))
    folds = np.ones(5)
    networks = row("networks", 1.0, 0.5, "gru")
    theta = row("theta", 1.0, 0.4, lead=3.0)
    found = {
        one.row.model: one.row
        for one in compared([judged(NAIVE, folds, large), judged(networks, folds, small), judged(theta, folds, small)])
    }
    assert found["naive"].against["winner"].verdict == found["naive"].against["gru"].verdict == "better"
    assert found["naive"].against["winner"].difference == pytest.approx(large.mean() - small.mean())
    assert found["networks"].against.keys() == {"winner"}
    assert found["networks"].against["winner"].verdict == "not better"  # the same forecasts
    assert found["theta"].against.keys() == {"gru"}


def paired(**changes) -> Paired:
    return structs.replace(Paired("Diebold-Mariano", 0.5, 0.5, 0.4, 0.6, 0.002, "better"), **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "more than luck (95 % interval 40 to 60 %, Diebold-Mariano, p = 0.002)"),
        ({"p": 1e-9}, "p < 0.001)"),
        ({"verdict": "cannot tell", "low": -0.1, "p": 0.2}, "may be luck (95 % interval -10 to 60 %"),
        ({"verdict": "cannot tell", "low": None, "high": None, "p": None}, "the test set has too few steps to tell"),
        ({"verdict": "not better"}, "does not show a win"),
    ],
)
def test_a_win_is_said_to_be_luck_or_not(changes: dict[str, object], words: str) -> None:
    rows = [BASE, NAIVE, structs.replace(SEASONAL, against={"winner": paired(**changes)})]
    assert words in verdict(rows)
    assert evidence(rows) == Reference(**structs.asdict(paired(**changes)), against="seasonal-naive")
    assert evidence([BASE, NAIVE]) is None


def rows_with(**against: Paired) -> list[StoredRow]:
    return stored([row("naive", 1.2, 1.3, against=against), row("networks", 0.5, 0.6, "gru")])


def test_what_is_required_of_the_gru() -> None:
    better, unclear = paired(), paired(verdict="cannot tell", p=0.3, difference=0.1)
    assert shortfall(rows_with(winner=unclear, gru=better), 1, "naive") is None
    assert shortfall(rows_with(gru=better), 1, "seasonal-naive") is None  # without a season it is the naive one
    text = shortfall(rows_with(winner=better, gru=unclear), 1, "naive")
    assert text == "the test set does not show that the GRU is better than naive: +0.100 MASE may be luck, p = 0.3"
    assert "did not take part" in str(shortfall(rows_with(winner=better), 1, "auto-ets"))
    check_baseline("auto-ets")
    with pytest.raises(UsageError, match="Did you mean 'theta'"):
        check_baseline("thetta")


def seeded(kind: str, scores: list[float]) -> Row:
    return mean_row(
        [
            row(f"{kind} (short)", one, 0.1, kind, competes=False, budget="short", wape=0.1, bias=0.0, wql=0.1)
            for one in scores
        ]
    )


def test_between_seeds_there_may_be_no_winner() -> None:
    clear = [BASE, NAIVE, seeded("gru", [0.50, 0.51, 0.52]), seeded("lstm", [0.60, 0.61, 0.62])]
    assert "the GRU scored 0.510 on the test set, the LSTM 0.610 (3 seeds each, standard dev" in verdict(clear)
    unclear = [BASE, NAIVE, seeded("gru", [0.50, 0.60, 0.70]), seeded("lstm", [0.45, 0.60, 0.80])]
    assert "no clear winner, seeds alone may give as much (3 seeds each" in verdict(unclear)
    unequal = [BASE, NAIVE, seeded("gru", [0.50, 0.51, 0.52]), seeded("lstm", [0.545, 0.555])]
    assert "the LSTM 0.550 (3 and 2 seeds, standard dev" in verdict(unequal)
    wider = [BASE, NAIVE, seeded("gru", [0.50, 0.51, 0.52]), seeded("lstm", [0.518, 0.548])]  # t of 3 degrees: 3.18
    assert "no clear winner, seeds alone may give as much (3 and 2 seeds" in verdict(wider)


def test_another_baseline_can_win() -> None:
    text = verdict([BASE, NAIVE, SEASONAL, row("theta", 0.4, 0.5)])
    assert text.startswith("Theta was chosen")
    assert "The best single GRU: 0.600 on the folds, 0.500 on the test set" in text


def test_a_blend_says_what_it_is_made_of() -> None:
    blend = row("blend", 0.45, 0.55, "blend", shares={"networks": 0.75, "auto-ets": 0.25})
    text = verdict([BASE, NAIVE, SEASONAL, blend])
    assert text.startswith("The blend (75 % GRU, 25 % AutoETS) was chosen")
    assert "55 % below seasonal naive" in text
    assert "The best single GRU: 0.600 on the folds, 0.500 on the test set" in text


def test_the_blend_is_shipped_unless_a_model_surpasses_it() -> None:
    blend = row("blend", 0.45, 0.8, "blend", shares={"networks": 1.0})
    sure, surer = structs.replace(BASE, surpasses=True), row("theta", 0.9, 0.5, surpasses=True)
    assert winner([BASE, NAIVE, blend]) is blend
    assert winner([sure, NAIVE, blend]) is sure
    assert winner([sure, surer, NAIVE, blend]) is surer
    assert winner([structs.replace(sure, competes=False), NAIVE, blend]) is blend
    assert winner([BASE, row("naive", 0.1, 0.1), structs.replace(blend, lead=-3.0)]).kind == "blend"
    text = verdict([BASE, NAIVE, SEASONAL, blend])
    assert text.startswith("The blend")
    assert "; the GRU alone 0.600, but a blend is less a matter of luck)" in text
    assert "alone" not in verdict([BASE, NAIVE, SEASONAL, structs.replace(blend, val_mase=0.6)])
    assert "matter of luck" not in verdict([sure, NAIVE, SEASONAL, blend])


def test_a_blend_that_scores_below_naive_claims_nothing_by_that() -> None:
    """What is shipped and what is claimed are two questions: the second is for the test set alone."""
    blend = row("blend", 0.9, 1.4, "blend", shares={"networks": 1.0})
    shown = structs.replace(SEASONAL, against={"winner": paired(verdict="cannot tell", low=-0.1, p=0.2)})
    text = verdict([BASE, NAIVE, shown, blend])
    assert "was chosen on the validation folds (MASE 1.400, seasonal naive 1.100; the GRU alone 0.600" in text
    assert "10 % below seasonal naive (1.000), but that may be luck" in text


@pytest.mark.parametrize(("gain", "count", "surpasses"), [(0.5, 9, True), (0.04, 9, False), (0.5, 2, False)])
def test_a_model_surpasses_the_blend_by_a_share_that_is_no_luck(gain: float, count: int, surpasses: bool) -> None:
    noise = np.array([0.1, -0.1, 0.05, -0.05, 0.02, -0.02, 0.07, -0.07, 0.0])[:count]
    losses = np.full(count, 1.0)
    better = row("networks", 1, 1 - gain, "gru")
    blend = row("blend", 1, 1.0, "blend")
    found = with_leads([judged(NAIVE, losses), judged(better, losses - gain + noise), judged(blend, losses)])
    assert [one.row.surpasses for one in found] == [False, surpasses, False]
    silent = structs.replace(better, competes=False)
    found = with_leads([judged(NAIVE, losses), judged(silent, losses - gain + noise), judged(blend, losses)])
    assert not any(one.row.surpasses for one in found)


def test_the_more_models_compete_the_surer_one_has_to_be() -> None:
    losses = np.full(6, 1.0)
    gains = 0.23 + np.array([0.2, -0.2, 0.15, -0.15, 0.1, -0.1])
    assert 0.05 / 4 < ttest_rel(losses, losses - gains).pvalue < 0.05 / 2
    best = row("theta", 1, 0.8)
    pair = [judged(NAIVE, losses), judged(best, losses - gains), judged(row("blend", 1, 1.0, "blend"), losses)]
    more = [judged(row(f"m{k}", 1, 1.2), losses + 0.2) for k in range(2)]
    assert with_leads(pair)[1].row.surpasses
    assert not with_leads([*pair, *more])[1].row.surpasses


def test_a_baseline_that_is_better_on_the_test_set_is_named() -> None:
    assert "On the test set alone better: Theta (0.400)" in verdict([BASE, NAIVE, SEASONAL, row("theta", 0.4, 0.7)])


def test_without_a_season_naive_is_the_reference() -> None:
    assert "58 % below naive (1.200)" in verdict([BASE, NAIVE])


def test_where_mase_is_not_defined_the_errors_are_in_the_unit_of_the_target() -> None:
    rows = [
        structs.replace(row("gru", NAN, 0.02, "gru"), mae=0.25),
        structs.replace(row("seasonal-naive", NAN, 0.01), mae=0.0),
        structs.replace(row("naive", NAN, 0.9), mae=7.125),
    ]
    expected = "MASE is not defined here. MAE on the test set: of seasonal naive 0, of the GRU 0.25."
    assert verdict(rows) == f"Seasonal naive was chosen on the validation folds. {expected}"
    ahead = [structs.replace(rows[0], val_mase=0.001), *rows[1:]]
    assert verdict(ahead).endswith("MAE on the test set: of the GRU 0.25, of seasonal naive 0.")
    assert "nan" not in verdict(rows) + verdict(ahead)


@pytest.mark.parametrize(("lstm", "better"), [(0.6, "the GRU scored 0.550"), (0.5, "the LSTM scored 0.500")])
def test_gru_and_lstm_are_compared_at_one_budget(lstm: float, better: str) -> None:
    short = [
        row("gru (short)", 0.55, 0.1, "gru", competes=False, budget="short"),
        row("lstm (short)", lstm, 0.1, "lstm", competes=False, budget="short"),
    ]
    rows = [BASE, NAIVE, SEASONAL, *short]
    assert better in verdict(rows)
    assert winner(rows) is BASE
    assert [cell.gates for cell in cell_facts(stored(rows))] == [2, 3]
    assert [cell.memory_cell for cell in cell_facts(stored(rows))] == [False, True]


def test_the_full_comparison_is_against_the_best_gru_itself() -> None:
    rows = [BASE, NAIVE, row("lstm (full)", 0.4, 0.1, "lstm", competes=False)]
    assert "the LSTM scored 0.400 on the test set, the GRU 0.500" in verdict(rows)
    assert [cell.cell for cell in cell_facts(stored(rows))] == ["gru", "lstm"]


def test_seeds_are_averaged() -> None:
    mean = mean_row([structs.replace(BASE, mase=0.4, seconds_per_epoch=1.0), structs.replace(BASE, mase=0.8)])
    assert mean.mase == pytest.approx(0.6)


def test_a_score_that_is_no_number_neither_wins_nor_reaches_json() -> None:
    broken = row("drift", float("nan"), float("nan"))
    assert winner([broken, NAIVE]) is NAIVE
    held = with_intervals(80.0, None, [NAN, 90.0], fold_mase=[NAN, 1.0], seeds=Seeds([NAN], [0.5]))
    first, second = stored([broken, held])
    assert (first.mase, first.model) == (None, "drift")
    assert second.intervals["80"] == IntervalScores(80.0, None, [None, 90.0], 160.0, None, 3.0, None)
    assert (second.fold_mase, second.seeds) == ([None, 1.0], Seeds([None], [0.5]))


def test_seeds_are_compared_by_the_mean_of_their_losses() -> None:
    rng = np.random.default_rng(2)
    folds, lstm = np.ones(3), seeded("lstm", [0.5])
    parts = [judged(lstm, folds, rng.uniform(0.1, 2.0, (1, 12))) for _ in range(3)]
    three = Judged.of_seeds([dataclasses.replace(one, row=structs.replace(one.row, seeds=None)) for one in parts])
    np.testing.assert_allclose(three.test_losses, np.mean([one.test_losses for one in parts], axis=0))
    assert len(three.more) == 2


def test_no_interval_reaches_below_an_error_of_zero() -> None:
    rows = [BASE, NAIVE, structs.replace(SEASONAL, against={"winner": paired(high=1.7)})]
    assert "95 % interval 40 to 100 %" in verdict(rows)


# --- numbers in words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.93, "93 %"), (0.0, "0 %"), (1.0, "100 %"), (-0.25, "25 %"), (1.3, "130 %"), (0.0049, "under 1 %"),
        (0.005, "under 1 %"), (0.006, "1 %"), (-0.001, "under 1 %"), (0.994, "99 %"), (0.995, "over 99 %"),
        (0.9999, "over 99 %"), (0.826, "83 %"),
    ],
)  # fmt: skip
def test_what_is_not_nothing_and_not_all_is_never_written_so(share: float, words: str) -> None:
    assert in_percent(share) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.93, 1.0, "93 to 100 %"), (-0.002, 0.4, "-0.2 to 40 %"), (0.0, 0.004, "0 to 0.4 %"),
        (0.01, 1.7, "1 to 100 %"), (-1.3, -0.01, "-130 to -1 %"), (-0.0099, 0.5, "-1 to 50 %"),
    ],
)  # fmt: skip
def test_two_ends_in_percent(low: float, high: float, words: str) -> None:
    assert interval_in_percent(low, high) == words


def test_quantiles_of_student_are_those_of_scipy() -> None:
    assert STUDENT.keys() == {2, 3, 4}  # two and two seeds, two and three, three and three
    for df, quantile in STUDENT.items():
        assert quantile == pytest.approx(student.ppf(0.975, df), abs=0.006)


def test_numbers_that_json_does_not_know_become_none_however_deep() -> None:
    nan, inf = float("nan"), float("inf")
    assert plain({"a": [nan, 1.5, {"b": -inf}], "c": "nan", "d": None, "e": 3}) == {
        "a": [None, 1.5, {"b": None}], "c": "nan", "d": None, "e": 3,
    }  # fmt: skip


# --- whole sentences


def test_a_win_word_by_word() -> None:
    blend = row("blend", 0.45, 0.62, "blend", shares={"auto-ets": 0.25, "networks": 0.75})
    reference = structs.replace(SEASONAL, against={"winner": paired()}, mase=1.25)
    one = structs.replace(blend, fold_mase=[0.62])
    text = (
        "The blend (75 % GRU, 25 % AutoETS) was chosen on the validation folds (MASE 0.620, seasonal naive 1.100; the "
        "GRU alone 0.600, but a blend is less a matter of luck); on the test set it scores 0.450, "
        "64 % below seasonal naive (1.250), which is more than luck (95 % interval 32 to 48 %, Diebold-Mariano, "
        "p = 0.002). The best single GRU: 0.600 on the folds, 0.500 on the test set. On the test set alone better: "
        "Theta (0.400), drift (0.440)."
    )
    others = [row("theta", 0.4, 0.9), row("drift", 0.44, 0.9), row("window-mean", 0.45, 0.9)]
    assert verdict([BASE, NAIVE, reference, blend, *others]) == text
    assert verdict([BASE, NAIVE, reference, one, *others]) == text.replace("folds (MASE", "fold (MASE")
    bare = structs.replace(blend, shares=None)
    assert verdict([BASE, NAIVE, reference, bare]).startswith("The blend was chosen")


def test_no_win_word_by_word() -> None:
    worse = structs.replace(BASE, mase=1.0)
    assert verdict([worse, NAIVE, SEASONAL]) == (
        "The GRU was chosen on the validation folds (MASE 0.600, seasonal naive 1.100), but the test set does not "
        "show a win: MASE 1.000 against 1.000 of seasonal naive. Treat it as no better than seasonal naive."
    )


def test_a_naive_win_word_by_word() -> None:
    naive = structs.replace(SEASONAL, fold_mase=[1.2, 1.0])
    networks = row("networks", 0.8, 1.05, "gru", lead=0.4, fold_mase=[1.1, 1.0])
    single = structs.replace(BASE, val_mase=0.9, mase=0.7, competes=False)
    drift = row("drift", 0.95, 1.0, lead=0.3)
    others = [row("theta", 0.9, 1.5), row("window-mean", 1.0, 1.6)]
    text = (
        "Seasonal naive was chosen on the validation folds (MASE 1.100; the best GRU scored 0.900 there and 0.700 on "
        "the test set): drift scored 1.000 there, but the folds differ so much among themselves that this may be luck "
        "(0.3 standard errors); no model was clearly better than seasonal naive. The single GRU's 0.900 does not "
        "count: it is the best of all that were tried on these very folds. The GRU ensemble is scored on folds that "
        "did not choose its parts: 1.050. MASE by fold: seasonal naive 1.200, 1.000; the GRU ensemble 1.100, 1.000. On "
        "the test set, which chooses nothing, lower than its 1.000: the GRU ensemble (0.800), Theta (0.900), drift "
        "(0.950)."
    )
    assert verdict([single, networks, NAIVE, naive, drift, *others]) == text
    alone = verdict([structs.replace(NAIVE, fold_mase=[1.2, 1.4]), row("theta", 1.3, 1.5)])
    assert alone == "Naive was chosen on the validation folds (MASE 1.300): no model was better than naive."


def test_equal_scores_of_the_single_gru_need_no_explanation() -> None:
    networks = row("networks", 1.1, 1.2, "gru")
    picked = structs.replace(BASE, val_mase=1.1, mase=1.1, competes=False)
    assert "does not count" not in verdict([picked, networks, NAIVE, SEASONAL])
    competing = structs.replace(picked, val_mase=1.0, competes=True, lead=0.1)
    assert "does not count" not in verdict([competing, networks, NAIVE, SEASONAL])


def test_a_test_set_with_too_few_steps_or_a_p_at_the_bound() -> None:
    few = structs.replace(SEASONAL, against={"winner": paired(verdict="cannot tell", low=None, high=None, p=None)})
    assert "below seasonal naive (1.000), but that may be luck: the test set has too few steps to tell." in verdict(
        [BASE, NAIVE, few]
    )
    bound = structs.replace(SEASONAL, against={"winner": paired(p=0.001)})
    assert ", p = 0.001)" in verdict([BASE, NAIVE, bound])


def test_seeds_are_told_where_both_have_some() -> None:
    one = [BASE, NAIVE, seeded("gru", [0.5]), seeded("lstm", [0.6, 0.7])]
    assert "the GRU scored 0.500 on the test set, the LSTM 0.650 (one seed each)." in verdict(one)
    two = [BASE, NAIVE, seeded("gru", [0.50, 0.52]), seeded("lstm", [0.60, 0.64])]
    assert (
        "the GRU scored 0.510 on the test set, the LSTM 0.620 (2 seeds each, standard deviations 0.014 and 0.028)."
        in verdict(two)
    )
    near = [BASE, NAIVE, seeded("gru", [0.50, 0.52]), seeded("lstm", [0.58, 0.62])]  # 4.1 standard errors, 4.30 needed
    assert "no clear winner, seeds alone may give as much (2 seeds each" in verdict(near)
    assert "At one equal budget" not in verdict([BASE, NAIVE, row("lstm", 0.4, 0.1, "lstm", competes=False, budget="")])


def test_a_shortfall_that_is_no_win_and_a_refusal_say_so() -> None:
    worse = paired(verdict="not better", p=None, difference=-0.1)
    text = "the test set does not show that the GRU is better than naive: -0.100 MASE is no win"
    assert shortfall(rows_with(gru=worse), 1, "naive") == text
    assert "did not take part" in str(shortfall(rows_with(gru=worse), 7, "seasonal-naive"))
    with pytest.raises(UsageError, match="'x' is no baseline") as caught:
        check_baseline("x")
    assert caught.value.remedy.startswith("Use naive, seasonal-naive, drift, window-mean, theta, ")
    assert caught.value.remedy.endswith(", dynamic-theta, auto-ets, mstl, auto-arima.")
    assert caught.value.code == "GF-U42"
    check_baseline("seasonal-naive")


# --- who wins


def test_the_bounds_of_winning_are_inclusive() -> None:
    assert winner([structs.replace(BASE, lead=0.5), NAIVE]).model == "gru"
    assert winner([structs.replace(BASE, lead=0.499), NAIVE]).model == "naive"


def test_a_lead_needs_two_windows_that_differ() -> None:
    naive, two = np.array([2.0, 3.0, np.nan]), np.array([1.0, 1.5, 0.5])
    found = with_leads([judged(NAIVE, naive), judged(BASE, two), judged(BASE, naive - 1)])
    assert found[1].row.lead == pytest.approx(1.25 / 0.25)  # gains of 1 and 1.5
    assert found[2].row.lead is None  # without any spread


# --- from forecasts to a row


def zigzag(values: float = 0.0, *lengths: int):
    """Series that go up and down by one, so that every MASE scale is 1."""
    return split(panel_of(*(values + np.arange(n) % 2 for n in lengths)), 4, 2, 1, "f.csv")


def off_by(divided, folds: tuple[float, float], origins: float | None, test: float) -> Forecasts:
    """Forecasts that are too high by constants."""
    truth = [divided.actual(one) for one in divided.fold_windows()]
    far = None if origins is None else QuantileForecast(divided.actual(divided.calibration_windows()) + origins)
    there = [one + error for one, error in zip(truth, folds, strict=True)]
    return Forecasts(there, far, QuantileForecast(divided.actual(divided.test_windows()) + test))


def test_intervals_come_from_the_errors_at_the_origins_where_a_model_was_asked_there() -> None:
    divided = zigzag(0.0, 40, 40, 19)
    with_origins = judge(Candidate("a", "gru", off_by(divided, (1, 1), 5.0, 2.0)), divided, (50.0,))
    at_folds = judge(Candidate("a", "gru", off_by(divided, (1, 1), None, 2.0)), divided, (50.0,))
    few = 0.71114 / 0.67449  # t with 7 degrees of freedom, the normal: three series of two horizons, and one
    np.testing.assert_allclose(with_origins.calibration.factor, 5.0 * few, rtol=1e-4)
    np.testing.assert_allclose(at_folds.calibration.factor, few, rtol=1e-4)
    assert (with_origins.row.coverage, at_folds.row.coverage) == ({"50": 100.0}, {"50": 0.0})
    lower = with_origins.tested.lower[:, :, 0]
    np.testing.assert_array_equal(lower, 0.0)  # never below zero where the series never was
    below = zigzag(-5.0, 40, 40)
    found = judge(Candidate("a", "gru", off_by(below, (1, 1), 5.0, 2.0)), below, (50.0,))
    np.testing.assert_allclose(
        found.tested.lower[:, :, 0], below.actual(below.test_windows()) + 2.0 - 5.0 * 0.72669 / 0.67449, rtol=1e-5
    )


def test_a_row_by_hand() -> None:
    divided = zigzag(0.0, 40, 40, 16)  # the third series is too short for the first fold
    assert [len(one) for one in divided.fold_windows()] == [2, 3]
    candidate = Candidate(
        "a", "lstm", off_by(divided, (1, 4), 5.0, 2.0), TrainingFacts(parameters=7), competes=False, shipped=False
    )
    found = judge(candidate, divided, (50.0, 99.9))
    assert (found.row.model, found.row.kind, found.row.competes, found.shipped) == ("a", "lstm", False, False)
    assert found.row.fold_mase == [1.0, 4.0]
    assert found.row.val_mase == 2.5
    assert (found.row.mase, found.row.rmsse, found.row.bias, found.row.parameters) == (2.0, 2.0, 2.0, 7)
    assert found.losses.tolist() == [1, 1, 4, 4, 4]
    assert found.calibration.levels == (50.0,)  # 999 errors would be needed
    assert found.test_losses.tolist() == [[2.0] * 4] * 3
    assert [len(one) for one in found.folds] == [2, 3]


def test_errors_of_a_series_without_a_scale_support_no_level() -> None:
    divided = split(panel_of(*[np.full(40, 3.0)] * 5, np.arange(40) % 2), 4, 2, 1, "f.csv")
    found = judge(Candidate("a", "gru", off_by(divided, (1, 1), None, 2.0)), divided, (80.0, 85.0, 90.0))
    assert found.calibration.levels == (80.0, 85.0)  # eight errors: 4, 6 and 9 are needed


def test_the_networks_together_stand_for_the_gru() -> None:
    first, second = np.full((1, 12), 1.0), np.full((1, 12), 2.0)
    folds = np.ones(4)
    found = compared(
        [
            judged(NAIVE, folds, 4 * first),
            judged(BASE, folds, second),
            judged(row("networks", 1, 0.7, "gru"), folds, first),
        ]
    )
    against = {one.row.model: one.row.against for one in found}
    assert against["naive"]["gru"].difference == pytest.approx(3.0)
    assert against["naive"]["winner"].difference == pytest.approx(2.0)
    assert list(against["networks"]) == ["winner"]
    alone = compared([judged(NAIVE, folds, first), judged(row("theta", 1, 0.7), folds, second)])
    assert [list(one.row.against) for one in alone] == [["winner"], []]


# --- several seeds


def with_intervals(coverage: float, error: float | None, thirds: list[float], **changes) -> Row:
    found = IntervalScores(coverage, error, thirds, width=2 * coverage, score=NAN, mean_width=3.0, interval_score=None)
    return structs.replace(BASE, coverage={"80": coverage}, intervals={"80": found}, **changes)


def test_intervals_of_two_seeds_are_averaged_number_by_number() -> None:
    first = with_intervals(70.0, 2.0, [60.0, 80.0], mase=0.4, val_mase=0.2, wape=1.0, seconds=None)
    second = with_intervals(90.0, 3.0, [70.0, 100.0], mase=0.8, val_mase=0.6, wape=3.0)
    found = mean_row([first, second])
    assert found.coverage == {"80": 80.0}
    interval = found.intervals["80"]
    assert np.isnan(interval.score)
    expected = IntervalScores(80.0, 2.5, [65.0, 90.0], 160.0, 7.0, 3.0, None)
    assert structs.replace(interval, score=7.0) == expected
    assert (found.wape, found.val_mase) == (2.0, pytest.approx(0.4))
    assert found.seeds == Seeds([0.2, 0.6], [0.4, 0.8])
    assert found.seconds is None  # of the first, since not both have it
    few = mean_row([first, with_intervals(90.0, None, [70.0, 100.0])])
    assert few.intervals["80"].coverage_error is None
    assert few.intervals["80"].coverage_by_third == [65.0, 90.0]
    assert mean_row([first]) is first


def test_losses_of_seeds_are_averaged_window_by_window() -> None:
    parts = [judged(BASE, np.array(losses)) for losses in ([1.0, 5.0], [3.0, 6.0])]
    assert Judged.of_seeds(parts).losses.tolist() == [2.0, 5.5]


def test_losses_on_the_test_set_are_in_units_of_each_series() -> None:
    one = judged(BASE, np.ones(2), np.array([[3.0, 6.0], [1.0, 2.0]]))
    scaled = dataclasses.replace(one, tested=dataclasses.replace(one.tested, mase_scale=np.array([3.0, 0.5])))
    assert scaled.test_losses.tolist() == [[1.0, 2.0], [2.0, 4.0]]


def test_a_candidate_competes_and_can_be_forecast_with_unless_it_says_otherwise() -> None:
    candidate = Candidate("naive", "baseline", Forecasts([], None, QuantileForecast(np.ones((1, 2)))))
    assert (candidate.competes, candidate.shipped, candidate.facts) == (True, True, TrainingFacts())
