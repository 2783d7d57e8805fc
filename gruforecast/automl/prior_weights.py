"""Weights of a blend by what files in general teach, corrected by the errors that its members made on this one.

Three horizons of one series say little: the model that was best there is seldom the best later, and what is selected by
them is worse than the networks alone (docs/accuracy.md). So every member begins with a share: the networks with 0.4, or
with 0.2 beside the pretrained network, which has 0.4 then (0.24 where there is no season); harmonic regression with 0.2
where there is a season, naive with 0.3 where there is none; the others with equal parts of the rest. It is multiplied
by a power of how much smaller the member's error was than that of the networks, on all windows before the test set at
which both were asked. The power is low because such errors hang together, and the next year is another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data.windows import Windows
from gruforecast.evaluation.metrics import mae
from gruforecast.evaluation.splits import Forecasts, Split
from gruforecast.models.registry import PRETRAINED

SHARE, BESIDE = 0.4, 0.2  # of the first member, the networks, before any error is seen; beside the pretrained one
# of others by whether there is a season: without one, the last value is hard to beat; the rest has equal parts
SHARES = {True: {PRETRAINED: 0.4, "harmonic": 0.2}, False: {PRETRAINED: 0.24, "naive": 0.3}}
POWER = 3.0  # of the ratio of errors
FLOOR = 0.02  # of a unit: smaller errors count as this one
WINDOWS = 12  # so many windows of folds weigh as much as the prior


def trust_in_prior(windows: int) -> float:
    """Return the share of the prior beside weights that were selected on so many windows of folds."""
    return WINDOWS / (WINDOWS + windows)


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors of one member at windows, in units of `Split.choice_unit`, NaN where none is known.

    Attributes:
        folds: (n_windows,) at the windows of all folds.
        origins: (n_origins,) at the calibration windows; None for a member that was not asked there.
        test: (n_series,) at the windows of the test set.
    """

    folds: Floats
    origins: Floats | None
    test: Floats

    @classmethod
    def of(cls, split: Split, forecasts: Forecasts) -> Errors:
        """Return the errors of a member's forecasts."""
        pairs = zip(split.fold_windows(), forecasts.folds, strict=True)
        folds = np.concatenate([_scaled(split, windows, forecast) for windows, forecast in pairs])
        origins = forecasts.origins
        at_origins = None if origins is None else _scaled(split, split.calibration_windows(), origins.mean)
        return cls(folds, at_origins, _scaled(split, split.test_windows(), forecasts.test.mean))


@dataclass(frozen=True)
class Prior:
    """What the members of a blend weigh before any is selected.

    Attributes:
        members: their errors by name, the networks first.
    """

    split: Split
    members: Mapping[str, Errors]

    @classmethod
    def of(cls, split: Split, forecasts: Mapping[str, Forecasts]) -> Prior:
        """Return the prior of members by their forecasts, the networks first."""
        return cls(split, {name: Errors.of(split, one) for name, one in forecasts.items()})

    def without(self, left_out: int | None, groups: Sequence[Ints]) -> dict[str, float]:
        """Return the weights without one group of windows, and without origins that share a value with them.

        Args:
            groups: for each fold the group of its windows, (n,).
        """
        folds, origins = self.split.fold_windows(), self.split.calibration_windows()
        near = np.zeros(len(origins), bool)
        for windows, group in zip(folds, groups, strict=True):
            inside = windows[group == left_out]
            begin = np.full(len(self.split.test), np.iinfo(np.int64).max)
            begin[inside.series] = inside.end
            near |= np.abs(begin[origins.series] - origins.end) < self.split.horizon
        return self._weights(np.concatenate(groups) != left_out, ~near)

    def with_test(self, names: Collection[str]) -> dict[str, float]:
        """Return the weights of some members by all windows, and the test set as one more horizon."""
        windows = sum(map(len, self.split.fold_windows())), len(self.split.calibration_windows())
        folds, origins = (np.ones(count, bool) for count in windows)
        weights = self._weights(folds, origins, test=True)
        total = sum(weights[name] for name in names)
        return {name: weights[name] / total for name in names}

    def _shares(self) -> dict[str, float]:
        """Return the weights before any error is seen."""
        first, *others = self.members
        known = {name: share for name, share in SHARES[self.split.season_length > 1].items() if name in others}
        known[first] = BESIDE if PRETRAINED in known else SHARE
        rest = (1 - sum(known.values())) / max(len(self.members) - len(known), 1)
        return {name: known.get(name, rest) for name in self.members}

    def _weights(self, folds: Bools, origins: Bools, *, test: bool = False) -> dict[str, float]:
        """Return the weights by some windows of folds, or calibration windows where both members were asked there."""
        first = next(iter(self.members.values()))
        horizons = float((self.split.test - self.split.learned).mean()) / self.split.horizon
        shares = self._shares()
        weights = {}
        for name, one in self.members.items():
            if one.origins is not None and first.origins is not None:
                ratio = _log_ratio(one.origins[origins], first.origins[origins])
            else:
                ratio = _log_ratio(one.folds[folds], first.folds[folds])
            if test:
                ratio = (horizons * ratio + _log_ratio(one.test, first.test)) / (horizons + 1)
            weights[name] = shares[name] * float(np.exp(-POWER * ratio))
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}


def _log_ratio(one: Floats, other: Floats) -> float:
    """Return the logarithm of the ratio of two mean errors; 0 where nothing tells it."""
    known = np.isfinite(one) & np.isfinite(other)
    if not known.any():
        return 0.0
    return float(np.log(max(one[known].mean(), FLOOR) / max(other[known].mean(), FLOOR)))


def _scaled(split: Split, windows: Windows, forecast: Floats) -> Floats:
    """Return the mean absolute error of each window in its unit, (n,)."""
    unit = split.choice_unit(windows)
    return mae(split.actual(windows), forecast) / np.where(unit > 0, unit, np.nan)
