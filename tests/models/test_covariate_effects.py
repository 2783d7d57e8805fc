"""Known covariates in harmonic regression: foreign witnesses, known answers, noise that does no harm, no look ahead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import make_forecaster, random_weights
from makers import history_of, panel_of
from msgspec import structs

from gruforecast.artifact.folder import load, save
from gruforecast.artifact.manifest import seal
from gruforecast.automl.preparation import normalised
from gruforecast.automl.reference_models import baseline_candidates
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate
from gruforecast.data.windows import History
from gruforecast.errors import UsageError
from gruforecast.evaluation.backtest import roll
from gruforecast.evaluation.splits import split
from gruforecast.models import covariate_effects as room
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.conformal import Calibration
from gruforecast.models.covariate_effects import Effects, Place, known_places
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.harmonic import Design, Harmonic, waves_of
from gruforecast.models.networks.covariates import Scaling

NAN = float("nan")
HORIZON = 6


def dated(y: Any, x: Any) -> History:
    """Daily rows of one series with covariates."""
    flat = history_of(y)
    ds = np.datetime64("2015-03-01", "s") + np.timedelta64(1, "D") * np.arange(len(y))
    return History.of(flat.values, flat.indptr, ds, np.asarray(x, float).reshape(len(y), -1))


def before(history: History, end: int, inputs: tuple[str, ...], horizon: int = 14, m: int = 7) -> np.ndarray:
    """The forecast from a row of the only series."""
    return Harmonic(inputs).forecast(history, history.windows(np.array([0]), np.array([end])), horizon, m).mean[0]


def week(rows: int) -> np.ndarray:
    return np.resize(np.random.default_rng(8).normal(size=7), rows)


# --- the equations


def solved(rho: float, monkeypatch: pytest.MonkeyPatch, *, doubt: float, ridge: float) -> tuple[np.ndarray, ...]:
    """Coefficients of three columns by the module; the rows that they come from, less rho times the row before."""
    monkeypatch.setattr(room, "RHOS", (rho,))
    monkeypatch.setattr(room, "DOUBT", doubt)
    monkeypatch.setattr(room, "RIDGE", ridge)
    generator, rows = np.random.default_rng(5), 90
    design = Design.of(rows, 5, waves_of(rows, 1.0, 7))
    columns = np.column_stack([generator.normal(size=(rows, 2)), np.arange(rows) % 10 == 3]).astype(float)
    columns -= columns.mean(axis=0)
    z = 0.3 * columns[:, 0] + 0.05 * columns[:, 1] + week(rows) + np.cumsum(generator.normal(size=rows)) / 3
    place = Place(design.past, design.future, design.ridge(1.0, 1e-3))
    ((slope, _),) = room._solved(np.column_stack([columns, z])[None], place)
    whole = np.column_stack([design.past, columns, z])
    less = whole - rho * np.concatenate([np.zeros((1, whole.shape[1])), whole[:-1]])
    less[0] = np.sqrt(1 - rho**2) * whole[0]
    size = np.sqrt(np.append(np.diag(design.ridge(1.0, 1e-3)), np.full(3, ridge)))
    return slope[0], less[:, :-1], less[:, -1], size


@pytest.mark.parametrize("rho", [0.0, 0.7, 0.95])
def test_the_coefficients_are_those_of_scikit_learn(rho: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.linear_model import Ridge

    slope, x, y, size = solved(rho, monkeypatch, doubt=0.0, ridge=0.1)
    fitted = Ridge(alpha=1.0, fit_intercept=False, solver="svd").fit(x / size, y)
    np.testing.assert_allclose(slope, (fitted.coef_ / size)[-3:], rtol=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_they_are_drawn_in_by_their_standard_errors_as_statsmodels_has_them(
    rho: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ridge as further rows that are zero: least squares have the same coefficients and squares."""
    import statsmodels.api as sm

    slope, x, y, size = solved(rho, monkeypatch, doubt=4.0, ridge=0.1)
    result = sm.OLS(np.append(y, np.zeros(x.shape[1])), np.vstack([x, np.diag(size)])).fit()
    b, error = result.params[-3:], result.bse[-3:]  # with p further rows: of as many degrees of freedom as rows
    wanted = np.where(np.abs(b) > 2 * error, b - 4 * error**2 / b, 0.0)
    np.testing.assert_allclose(slope, wanted, rtol=1e-6, atol=1e-12)
    assert (slope != 0).any()
    assert (slope == 0).any()


def test_fadings_with_clearly_smaller_errors_take_part_by_a_power_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors without columns are 1 at best: 0.4 and 0.8 are clearly smaller, 0.99 is not."""
    slopes = [(np.full((1, 1), value), np.zeros((1, 1, 2))) for value in (1.0, 2.0, 3.0)]
    errors = np.array([[[0.4], [0.8], [0.99]], [[1.5], [1.0], [3.0]]])
    monkeypatch.setattr(room, "_solved", lambda *_: slopes)
    monkeypatch.setattr(room, "_errors", lambda *_: errors)
    z, place = np.zeros((1, 9)), Place(np.zeros((9, 1)), np.zeros((1, 1)), np.eye(1))
    found = room.coefficients(z, np.isnan(z), np.ones((1, 9, 1)), [place, place])
    np.testing.assert_allclose(found, [[(1 + 2 / 256) / (1 + 1 / 256)]])  # (0.4 / 0.8) ** 8
    errors[0] = 0.99
    assert room.coefficients(z, np.isnan(z), np.ones((1, 9, 1)), [place, place]) == 0


def test_the_error_of_the_last_row_fades_in_the_forecasts_that_are_compared() -> None:
    """Values that go on just so are forecast without an error, by their own fading only."""
    generator = np.random.default_rng(7)
    design = Design.of(60, 10, waves_of(60, 1.0, 7))
    place = Place(design.past, design.future, design.ridge(1.0, 1e-3))
    d = np.zeros((1, 70, 2))  # a column that never moves, and values
    d[0, :60, 1] = generator.normal(size=60).cumsum()
    (_, (_, solved), _) = room._solved(d, place)
    b = solved[0, :, 1]
    d[0, 60:, 1] = design.future @ b + (d[0, 59, 1] - design.past[-1] @ b) * 0.7 ** np.arange(1, 11)
    with_it, without = room._errors(d, np.zeros((1, 70), bool), place)[:, :, 0]
    np.testing.assert_allclose(with_it, without)
    assert (without > 0.1).tolist() == [True, False, True]
    np.testing.assert_allclose(without[1], 0, atol=1e-9)


def test_values_that_are_not_there_are_no_errors() -> None:
    generator = np.random.default_rng(6)
    design = Design.of(60, 10, waves_of(60, 1.0, 7))
    place = Place(design.past, design.future, design.ridge(1.0, 1e-3))
    d = generator.normal(size=(1, 75, 3))
    missing = np.zeros((1, 75), bool)
    whole = room._errors(d, missing, place)
    missing[0, [60, 64]] = True
    first = room._errors(d, missing, place)
    assert (first < whole).all()
    d[0, [60, 64], 2] = 1000
    np.testing.assert_array_equal(room._errors(d, missing, place), first)


# --- known answers


@pytest.mark.parametrize("multiplied", [False, True])
def test_a_season_and_three_times_a_known_column_go_on(*, multiplied: bool) -> None:
    generator = np.random.default_rng(1)
    rows, end = 314, 300
    x = generator.normal(size=rows)
    y = week(rows) + 3 * x + generator.normal(size=rows) / 20
    y = np.exp(3 + y / 10) if multiplied else y
    found, blind = (before(dated(y, x), end, inputs) for inputs in (("known",), ()))
    assert np.abs(found - y[end:]).mean() < 0.05 * np.abs(blind - y[end:]).mean()
    days = (np.arange(rows)[:, None] % 7 == np.arange(7)).astype(float)
    columns = np.column_stack([days, x])
    target = np.log(y) if multiplied else y
    twin = columns[end:] @ np.linalg.lstsq(columns[:end], target[:end])[0]
    twin = np.exp(twin) if multiplied else twin
    np.testing.assert_allclose(found, twin, atol=0.02 * np.ptp(y))


def test_a_rare_event_is_learned_from_the_times_it_was_there() -> None:
    generator = np.random.default_rng(2)
    rows = 420
    event = np.zeros(rows)
    event[[40, 99, 150, 203, 260, 321, 371, 410]] = 1
    y = 50 + week(rows) - 12 * event + generator.normal(size=rows) / 3
    found = before(dated(y, event), 406, ("known flag",))
    assert abs(found[4] - y[410]) < 2
    assert np.abs(np.delete(found - y[406:420], 4)).mean() < 0.6


def test_gaps_of_target_and_column_are_left_out_of_the_coefficient() -> None:
    generator = np.random.default_rng(3)
    x = 20 + generator.normal(size=314)
    y = week(314) + 3 * x + generator.normal(size=314) / 20
    whole = before(dated(y, x), 300, ("known",))
    holes, blanks = y.copy(), x.copy()
    holes[generator.choice(290, 60, replace=False)] = NAN
    blanks[generator.choice(290, 5, replace=False)] = NAN
    np.testing.assert_allclose(before(dated(holes, x), 300, ("known",)), whole, atol=0.3)
    np.testing.assert_allclose(before(dated(holes, blanks), 300, ("known",)), whole, atol=1.5)


@pytest.mark.parametrize(("rows", "m"), [(30, 1), (60, 12), (150, 7), (400, 7)])
def test_noise_does_no_harm(rows: int, m: int) -> None:
    """Columns that say nothing, wandering ones among them, beside many series."""
    generator = np.random.default_rng(rows)
    n, horizon = 100, 8
    noise = np.cumsum(generator.normal(size=(n, rows + horizon)), axis=1) / 4
    season = np.stack([np.resize(generator.normal(size=m), rows + horizon) for _ in range(n)])
    y = season + noise + generator.normal(size=(n, rows + horizon))
    flat = history_of(*y)
    x = np.column_stack(
        [
            generator.normal(size=(flat.values.size, 2)),
            np.concatenate([np.cumsum(generator.normal(size=rows + horizon)) / 5 for _ in range(n)]),
            generator.random(flat.values.size) < 0.1,
        ]
    ).astype(float)
    history = replace(flat, x=x)
    windows = history.windows(np.arange(n), flat.indptr[:-1] + rows)
    found, blind = (
        np.abs(Harmonic(inputs).forecast(history, windows, horizon, m).mean - y[:, rows:]).mean()
        for inputs in (("known",) * 3 + ("known flag",), ())
    )
    assert found < 1.01 * blind


# --- what must change nothing


def test_columns_known_in_the_past_only_and_later_rows_are_never_read() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(size=(330, 4))
    y = week(330) + 3 * x[:, 0] + 2 * x[:, 1]
    inputs = ("past", "known", "past flag", "static")
    first = before(dated(y, x), 300, inputs)
    other, later = x.copy(), y.copy()
    other[:, [0, 2, 3]] = 1000 * generator.normal(size=(330, 3))
    other[314:, 1] = NAN  # beyond the horizon
    later[300:] *= -1000
    np.testing.assert_array_equal(before(dated(later, other), 300, inputs), first)
    other[305, 1] += 1
    assert (before(dated(y, other), 300, inputs) != first).tolist() == [k == 5 for k in range(14)]


def test_which_columns_are_read() -> None:
    inputs = ("past", "past flag", "known", "known flag", "static", "known")
    assert known_places(inputs).tolist() == [2, 3, 5]
    assert len(known_places(("known",) * 300)) == 100
    assert known_places(()).shape == (0,)


def test_a_column_that_never_moves_and_few_rows_change_nothing() -> None:
    y = week(60) + np.arange(60) / 9
    for x in (np.full(60, 1e6), np.full(60, NAN), np.zeros(60)):
        np.testing.assert_array_equal(before(dated(y, x), 46, ("known",)), before(dated(y, x), 46, ()))
    x = np.random.default_rng(1).normal(size=22)
    for end in (1, 3, 8):
        np.testing.assert_array_equal(before(dated(y[:22], x), end, ("known",)), before(dated(y[:22], x), end, ()))


def test_effects_add_or_multiply_and_stay_near_those_that_were_seen() -> None:
    x = np.array([[[0.0, 1.0], [2.0, 1.0], [NAN, 4.0]]] * 2)
    found = Effects.of(np.array([False, True]), x, np.array([[2.0, -1.0]] * 2))
    np.testing.assert_allclose(found.centre, [[1.0, 2.0]] * 2)
    np.testing.assert_allclose(found.bounds, [[-7.0, 8.0]] * 2)  # -1, 3 and -2 were seen
    ahead = np.array([[[1.0, 2.0], [2.0, NAN], [NAN, NAN], [900.0, 0.0], [-900.0, 0.0]]] * 2)
    wanted = [0.0, 2.0, 0.0, 8.0, -7.0]
    values = np.full((2, 5), 10.0)
    np.testing.assert_allclose(found.onto(values, ahead), [10 + np.array(wanted), 10 * np.exp(wanted)])
    np.testing.assert_allclose(found.onto(found.onto(values, ahead), ahead, sign=-1), values)
    np.testing.assert_array_equal(Effects.none(2, 2).onto(values, ahead), values)


# --- from folds to the model folder


COLUMNS = (Covariate("promo", "known", flag=True), Covariate("shop", "known", categories=("a", "b")))
COLUMNS += (Covariate("rain", "past"),)


def made(*, holidays: str = "AT", covariates: tuple[Covariate, ...] = COLUMNS) -> tuple[Forecaster, Panel]:
    """A forecaster with harmonic regression in it, fitted but for the last rows of a panel that follows its columns."""
    generator = np.random.default_rng(9)
    rows = (120, 96)
    panel = panel_of(*(np.zeros(n) for n in rows))
    plan = structs.replace(panel.plan, covariates=covariates, holidays=holidays)
    kinds = generator.integers(0, 3, sum(rows))
    x = np.column_stack([generator.integers(0, 2, sum(rows)), kinds == 0, kinds == 1, generator.normal(size=sum(rows))])
    x[kinds == 2, 1:3] = NAN  # a category that was not there
    x = np.column_stack([x[:, : sum(len(one.columns) for one in covariates)], plan.holiday_column(panel.ds)])
    y = 5 + np.sin(np.arange(sum(rows)) * np.pi / 6) + 2 * x[:, 0] + 0.5 * x[:, -1] + generator.normal(size=len(x)) / 9
    panel = replace(panel, y=np.exp(y / 5), plan=plan, x=x.astype(float))
    panel.y[120:] = y[120:] - 5  # the second has negative values, too
    past = panel.rows(panel.indptr[:-1], panel.indptr[1:] - HORIZON)
    plain = make_forecaster(panel_of(np.arange(40.0)))
    configs = [replace(one.config, inputs=plan.inputs, use_inputs="none") for one in plain.networks]
    networks = tuple(
        replace(one, config=config, weights=random_weights(config))
        for one, config in zip(plain.networks, configs, strict=True)
    )
    scaling = Scaling.of(past.x, np.ones(len(past.y), bool), plan.inputs)
    calibration = Calibration((80.0,), np.ones((HORIZON, 1)))
    return replace(
        plain,
        networks=networks,
        blend={"networks": 0.5, HARMONIC: 0.5},
        calibrations=dict.fromkeys(("networks", "gru", "gru-2", "naive", HARMONIC, "blend"), calibration),
        winner="blend",
        plan=plan,
        scaling=scaling,
        context=past,
        ends=EndForecasts.of(past, ["naive", HARMONIC], (HORIZON, networks[0].config.season_length), scaling),
    ), panel


def future_of(panel: Panel) -> FutureCovariates:
    """The last rows of each series as a file would have them."""
    known = [k for k, role in enumerate(panel.plan.roles) if role == "known"]
    where = np.concatenate([np.arange(end - HORIZON, end) for end in panel.indptr[1:]])
    at = panel.ds.astype(np.int64)[where].tolist()
    rows = {(panel.ids[k // HORIZON], at[k]): k for k in range(len(where))}
    return FutureCovariates("later.csv", panel.plan, rows, panel.x[where][:, known], ())


@pytest.mark.parametrize("member", [HARMONIC, "blend"])
def test_what_is_kept_what_the_rows_give_and_a_backtest_forecast_the_same(member: str, tmp_path: Path) -> None:
    forecaster, panel = made()
    past = panel.rows(panel.indptr[:-1], panel.indptr[1:] - HORIZON)
    future = future_of(panel)
    kept = forecaster.predict(member=member, future=future).mean
    (block,) = roll(forecaster, panel, windows=1, members=[member]).blocks()
    np.testing.assert_allclose(kept, block.evaluated[member].mean, rtol=1e-9)
    np.testing.assert_allclose(forecaster.predict(past, member=member, future=future).mean, kept, rtol=1e-9)
    folder = tmp_path / "model"
    folder.mkdir()
    save(forecaster, folder)
    seal(folder)
    np.testing.assert_array_equal(load(folder).predict(member=member, future=future).mean, kept)
    some = forecaster.predict(member=member, future=future, ids=["s1"], horizon=2).mean
    np.testing.assert_allclose(some, kept[1:, :2], rtol=1e-6)  # networks count in single precision
    blind = replace(panel, x=np.zeros_like(panel.x))
    assert np.abs(forecaster.predict(member=member, future=future_of(blind)).mean / kept - 1).max() > 0.05


def test_each_fold_and_the_test_set_are_forecast_with_the_columns() -> None:
    _, panel = made()
    divided, _ = normalised(split(panel, HORIZON, 2, 12, ""), panel)
    found = {one.name: one for one in baseline_candidates(divided)}[HARMONIC].forecasts
    for windows, forecast in zip(
        [*divided.fold_windows(), divided.test_windows()], [*found.folds, found.test.mean], strict=True
    ):
        actual = divided.actual(windows)
        blind = Harmonic().forecast(divided.history, windows, HORIZON, 12).mean
        assert np.abs(forecast - actual).mean() < 0.5 * np.abs(blind - actual).mean()


def test_holidays_need_no_file() -> None:
    forecaster, panel = made(covariates=())
    (block,) = roll(forecaster, panel, windows=1, members=[HARMONIC]).blocks()
    kept = forecaster.predict(member=HARMONIC)
    np.testing.assert_allclose(kept.mean, block.evaluated[HARMONIC].mean, rtol=1e-9)
    effects = forecaster.ends.effects
    assert effects is not None
    assert (effects.slope > 0).all()


def test_the_future_is_asked_for_where_the_regression_reads_it() -> None:
    forecaster, panel = made()
    for member in (HARMONIC, "blend", "winner"):
        with pytest.raises(UsageError, match="needs promo, shop for the 3 steps ahead") as caught:
            forecaster.predict(member=member, horizon=3)
        assert caught.value.code == "GF-U38"
    forecaster.predict(member="networks")  # which see none of them
    forecaster.predict(member="naive")
    lacking = FutureCovariates("later.csv", panel.plan, {}, np.zeros((0, 3)), ())
    with pytest.raises(Exception, match="6 steps have no row"):
        forecaster.predict(member=HARMONIC, ids=["s0"], future=lacking)


def test_nothing_is_asked_for_where_all_coefficients_that_are_kept_are_zero() -> None:
    """Those of columns in a file, in the series that are forecast; from new rows they are estimated anew."""
    forecaster, panel = made()
    effects, future = forecaster.ends.effects, future_of(panel)
    assert effects is not None
    zero = np.zeros_like(effects.slope)
    zero[:, -1] = effects.slope[:, -1]  # of the holidays, which need no file
    one = zero.copy()
    one[0, 0] = 0.5  # in the first series only
    for slope, ids, needed in ((zero, None, False), (one, None, True), (one, ["s0"], True), (one, ["s1"], False)):
        own = replace(forecaster, ends=replace(forecaster.ends, effects=replace(effects, slope=slope)))
        for member in (HARMONIC, "blend"):
            if needed:
                with pytest.raises(UsageError, match="needs promo, shop"):
                    own.predict(member=member, ids=ids)
            else:
                without, with_them = (
                    own.predict(member=member, ids=ids, future=given).mean for given in (None, future)
                )
                np.testing.assert_array_equal(without, with_them)
            with pytest.raises(UsageError, match="needs promo, shop"):
                own.predict(panel, member=member, ids=ids)


def test_a_folder_whose_effects_do_not_fit_is_refused(tmp_path: Path) -> None:
    forecaster, _ = made()
    assert forecaster.ends.effects is not None
    for effects in (None, forecaster.ends.effects.at(np.array([0])), Effects.none(2, 3)):
        save(replace(forecaster, ends=replace(forecaster.ends, effects=effects)), tmp_path)
        seal(tmp_path)
        with pytest.raises(Exception, match="arrays cannot be read"):
            load(tmp_path)
