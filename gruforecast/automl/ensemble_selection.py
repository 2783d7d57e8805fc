"""Ensemble weights from forecasts made without the values that they are compared with.

Greedy forward selection with replacement (Caruana et al. 2004): the member that helps the mean most joins, again and
again; how often each has joined is its weight. Half of the weight is divided equally among the members that are nearly
as good as the best one: what helped on a few folds says little about the next, however many series there are (on M3
quarterly a fold of 756 series put AutoETS 19 % behind the networks; on the horizons after it they were level), and
equal weights are hard to beat (the forecast combination puzzle). The more folds, the nearer a member must be. A
combination's own score is cross-fitted: each fold is forecast with weights that were chosen on the other folds, so it
may be compared with the scores of its members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.automl.prior_weights import Prior, trust_in_prior
from gruforecast.data.windows import Windows
from gruforecast.evaluation.leaderboard import Candidate, TrainingFacts
from gruforecast.evaluation.splits import Folds, Forecasts, Split
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import BLEND, NETWORKS

ROUNDS = 20
LIBRARY, MAX_MEMBERS = 8, 8  # members that are considered, the best alone; members that stay
MIN_WEIGHT = 0.05  # members with less do not pay for their room and time
NEAR, MAX_EQUAL = 0.3, 4  # members with equal weights: how much worse than the best on one fold, and how many at most
MAX_NUMBERS = 400_000  # forecasts of one member that the selection reads; more say nothing new
MOST, ENOUGH_WINDOWS = 0.5, 200  # weight of those that speak for all at the origins; windows of folds that need it not
MIN_SERIES = 10  # with a single fold, so many series can be divided into two groups instead
EnsembleWeights = dict[str, float]
PriorWeights = Callable[[int | None, Sequence[Ints]], EnsembleWeights]  # of a group left out, and the groups


@dataclass(frozen=True)
class Combination:
    """A weighted mean of members.

    Attributes:
        weights: of the members that take part, largest first; they add up to one.
        folds: cross-fitted forecasts.
    """

    weights: EnsembleWeights
    folds: Folds


@overload
def select_weights(split: Split, members: Mapping[str, Folds], limit: int = MAX_MEMBERS) -> Combination | None: ...


@overload
def select_weights(
    split: Split, members: Mapping[str, Folds], limit: int = MAX_MEMBERS, *, prior: PriorWeights
) -> Combination: ...


def select_weights(
    split: Split, members: Mapping[str, Folds], limit: int = MAX_MEMBERS, *, prior: PriorWeights | None = None
) -> Combination | None:
    """Return the combination of `members` with the lowest mean MASE on the folds.

    Without a `prior`, None if nothing could test it.

    Weights are the mean of those chosen without one group of windows each, so no single fold decides; the `limit`
    largest stay, without those below `MIN_WEIGHT`. The fewer windows the folds have, the more the weights of `prior`
    count, which is asked without each group of windows, and with all of them (None).
    """
    windows = split.fold_windows()
    groups = _groups(windows)
    count = int(max(group.max(initial=-1) for group in groups)) + 1
    importance = [_importance(split, one) for one in windows]
    testable = count > 1 and all(_seen(importance, groups, k) for k in range(count))
    if not testable and prior is None:
        return None
    actual = [split.actual(one) for one in windows]
    chosen = []
    for left_out in range(count) if testable else ():
        kept = [np.where((group != left_out)[:, None], one, 0.0) for group, one in zip(groups, importance, strict=True)]
        chosen.append(_selected(members, actual, kept))
    weights = {name: float(np.mean([one[name] for one in chosen])) for name in members} if chosen else {}
    if prior is not None:
        trust = trust_in_prior(sum(map(len, windows))) if testable else 1.0
        chosen = [_mixed(one, prior(k, groups), trust) for k, one in enumerate(chosen or [{}] * count)]
        weights = _mixed(weights, prior(None, groups), trust)
    order = sorted(weights, key=lambda name: -weights[name])[:limit]
    large = [name for name in order if weights[name] >= MIN_WEIGHT] or order[:1]
    weights = _normalised({name: weights[name] for name in large})
    by_group = [_normalised({name: one[name] for name in weights}) or weights for one in chosen]
    folds = [np.zeros_like(one) for one in actual]
    for name in weights:
        weight = np.array([one[name] for one in by_group])  # by the group that was left out
        folds = [
            total + weight[group][:, None] * one for total, group, one in zip(folds, groups, members[name], strict=True)
        ]
    return Combination(weights, folds)


def _mixed(selected: EnsembleWeights, prior: EnsembleWeights, trust: float) -> EnsembleWeights:
    """Return the weights selected on folds and those of the prior, which has the share `trust`."""
    return {name: trust * weight + (1 - trust) * selected.get(name, 0.0) for name, weight in prior.items()}


def _normalised(weights: EnsembleWeights) -> EnsembleWeights:
    """Return the weights scaled to add up to one; nothing if all are zero."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()} if total > 0 else {}


def weighted(weights: EnsembleWeights, forecasts: Mapping[str, Forecasts], folds: Folds) -> Forecasts:
    """Return the weighted mean of forecasts, with the cross-fitted `folds`.

    At the origins, where folds have few windows, those that were asked there speak for all if they have most weight.
    """
    parts, values = [forecasts[name] for name in weights], list(weights.values())
    asked = [(value, one.origins) for value, one in zip(values, parts, strict=True) if one.origins is not None]
    share = sum(value for value, _ in asked)
    mean = None
    if len(asked) == len(parts) or (share >= MOST and sum(map(len, folds)) < ENOUGH_WINDOWS):
        mean = QuantileForecast.mixed([value / share for value, _ in asked], [origins for _, origins in asked])
    return Forecasts(folds, mean, QuantileForecast.mixed(values, [one.test for one in parts]))


def blended(split: Split, networks: Candidate, others: Sequence[Candidate]) -> tuple[list[Candidate], EnsembleWeights]:
    """Return the blend of all networks together with the other models, perhaps one of them alone; and weights to ship.

    Those are found anew with the test set as one more fold, as networks are trained anew with its rows.
    """
    forecasts = {NETWORKS: networks.forecasts} | {one.name: one.forecasts for one in others}
    prior = Prior.of(split, forecasts)
    blend = select_weights(split, {name: one.folds for name, one in forecasts.items()}, prior=prior.without)
    folds = {name: [*forecasts[name].folds, forecasts[name].test.mean] for name in blend.weights}
    newest = prior.with_test(blend.weights)
    shipped = select_weights(split.with_test_as_fold(), folds, prior=lambda *_: newest)
    whole = weighted(blend.weights, forecasts, blend.folds)
    return [Candidate(BLEND, "blend", whole, TrainingFacts(shares=blend.weights))], shipped.weights


def _groups(windows: Sequence[Windows]) -> list[Ints]:
    """Return the group of each window of each fold: one a fold, or two halves of the series of a single fold."""
    if len(windows) > 1:
        return [np.full(len(one), fold) for fold, one in enumerate(windows)]
    return [windows[0].series % 2 if len(windows[0]) >= MIN_SERIES else np.zeros(len(windows[0]), np.int64)]


def _importance(split: Split, windows: Windows) -> Floats:
    """Return what each absolute error (n, horizon) adds to the fold's mean MASE."""
    seen = ~np.isnan(split.actual(windows))
    scale = split.choice_unit(windows)
    usable = (scale > 0) & seen.any(axis=1)
    divisor = np.where(usable, scale, 1.0) * np.maximum(seen.sum(axis=1), 1)
    return np.where(seen & usable[:, None], 1.0 / divisor[:, None], 0.0) / max(int(usable.sum()), 1)


def _seen(importance: list[Floats], groups: list[Ints], left_out: int) -> bool:
    """Return whether there is something to choose by without one group, and something to test on in it."""
    inside = sum(float(one[group == left_out].sum()) for one, group in zip(importance, groups, strict=True))
    return 0 < inside < sum(float(one.sum()) for one in importance)


def _selected(members: Mapping[str, Folds], actual: Folds, importance: Folds) -> EnsembleWeights:
    """Return the greedily selected weights of the round with the lowest error, drawn halfway to equal ones."""
    flat = np.concatenate([one.ravel() for one in importance])
    used = np.flatnonzero(flat)
    stride = -(-len(used) // MAX_NUMBERS)
    while math.gcd(stride, actual[0].shape[1]) > 1:  # so that every step of the horizon counts
        stride += 1
    used = used[::stride]
    flat = flat[used]
    truth = np.concatenate([one.ravel() for one in actual])[used]
    forecasts = np.stack([np.concatenate([one.ravel() for one in folds])[used] for folds in members.values()])
    losses = [_losses(folds, actual, importance) for folds in members.values()]
    library = np.argsort([one.sum() for one in losses], kind="stable")[:LIBRARY]
    total, counts = np.zeros_like(truth), np.zeros(len(forecasts))
    best_error, best = np.inf, counts
    for size in range(1, ROUNDS + 1):
        errors = np.full(len(forecasts), np.inf)
        for k in library:
            errors[k] = float(flat @ np.abs((total + forecasts[k]) / size - truth))
        pick = int(np.argmin(errors))
        total, counts = total + forecasts[pick], counts + (np.arange(len(counts)) == pick)
        if errors[pick] < best_error:
            best_error, best = errors[pick], counts
    weights = best / best.sum()
    equal = [k for k in library[:MAX_EQUAL] if _is_near(losses[k], losses[library[0]], len(actual))]
    if len(equal) > 1:
        weights = 0.5 * weights + 0.5 * np.isin(np.arange(len(weights)), equal) / len(equal)
    return dict(zip(members, weights.tolist(), strict=True))


def _losses(folds: Folds, actual: Folds, importance: Folds) -> Floats:
    """Return what each window that counts adds to the error of a member, (n_windows,)."""
    return np.concatenate(
        [
            (one * np.abs(np.where(one > 0, forecast - truth, 0.0))).sum(axis=1)[one.any(axis=1)]
            for forecast, truth, one in zip(folds, actual, importance, strict=True)
        ]
    )


def _is_near(losses: Floats, best: Floats, folds: int) -> bool:
    """Return whether a member is not clearly worse than the best one: within a share of it, or one standard error."""
    worse = losses - best
    error = np.sqrt(len(worse)) * float(worse.std(ddof=1)) if len(worse) > 1 else 0.0
    return bool(worse.sum() <= max(NEAR / math.sqrt(folds) * best.sum(), error))
