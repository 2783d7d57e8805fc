"""Leaks that are planted to see whether the audit finds them. The package has no switch for that: it is done from here.

    python tests/torture/leaks.py season fit data.csv --trials 2

Each leak puts a mistake in the place of something that is right, as a programmer might have made it; two of them were
in the package until the audit was written. In the workers the calls of this module do the same and go on to the true
ones.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import gruforecast.automl.preparation
import gruforecast.automl.search.space
import gruforecast.automl.search.trial
import gruforecast.automl.search.tuning
import gruforecast.data.windows
import gruforecast.evaluation.splits
import gruforecast.models.covariate_effects
import gruforecast.models.harmonic
import gruforecast.models.networks.inference
import gruforecast.models.pretrained.model
from gruforecast.data.align.grid import interpolated
from gruforecast.data.calendar.seasonality import find_seasons
from gruforecast.models.networks.covariates import Scaling

VARIABLE = "GRUFORECAST_PLANTED_LEAK"  # how the workers of this script hear of it; nothing else reads it
Patch = Callable[[Any, str, Any], None]
Split, History = gruforecast.evaluation.splits.Split, gruforecast.data.windows.History
LEAKS: dict[str, Callable[[Patch], None]] = {}


def leak(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    LEAKS[plant.__name__] = plant
    return plant


@leak
def season(patch: Patch) -> None:
    """The season is found from all rows."""

    def leaky(panel: Any, _: int) -> list[int]:
        return find_seasons(panel.y, panel.indptr, panel.freq)

    patch(gruforecast.automl.preparation, "seasons_before", leaky)


@leak
def horizon(patch: Patch) -> None:
    """The season that decides the horizon is looked for in rows of the test set (until November 2026)."""
    true = gruforecast.automl.preparation.horizon_and_seasons

    def leaky(panel: Any, asked: int | None, length: int | None) -> tuple[int, list[int]]:
        found = gruforecast.automl.preparation.seasons_before(panel, int(panel.lengths.max()) // 6)[0]
        return true(panel, asked or max(6, 2 * found), length)

    patch(gruforecast.automl.preparation, "horizon_and_seasons", leaky)


@leak
def lines(patch: Patch) -> None:
    """`--fill` draws lines over gaps before the data are divided (until November 2026)."""
    true = gruforecast.automl.preparation.normalised

    def leaky(divided: Any, panel: Any) -> Any:
        return true(divided, replace(panel, y=interpolated(panel.indptr, panel.y)))

    patch(gruforecast.automl.preparation, "normalised", leaky)


@leak
def scaling(patch: Patch) -> None:
    """Covariates are standardised by all their rows."""

    def leaky(self: Any, inputs: tuple[str, ...]) -> Any:
        found = Scaling.of(self.history.x, np.ones(len(self.history.x), bool), inputs)
        return replace(self, history=replace(self.history, x=found(self.history.x)), inputs=inputs), found

    patch(Split, "scaled", leaky)


@leak
def unit(patch: Patch) -> None:
    """The unit of logged values comes from the rows before the test set, those of the folds included."""
    true = gruforecast.automl.search.space._log_unit

    def leaky(split: Any, lookback: int) -> float:
        return true(replace(split, folds=split.test[None], held=0), lookback)

    patch(gruforecast.automl.search.space, "_log_unit", leaky)


@leak
def logarithm(patch: Patch) -> None:
    """Whether a window is logged is decided by its whole series."""
    true = History.windows

    def leaky(self: Any, series: Any, end: Any, stop: Any = None) -> Any:
        return replace(true(self, series, end, stop), use_log=self.nonnegative_until[series] >= self.indptr[series + 1])

    patch(History, "windows", leaky)


@leak
def training(patch: Patch) -> None:
    """Networks learn from one row more than they may."""
    true = gruforecast.automl.search.trial._train

    def leaky(config: Any, how: Any, split: Any, cutoff: Any, schedule: Any) -> Any:
        return true(config, how, split, np.minimum(cutoff + 1, split.history.indptr[1:]), schedule)

    patch(gruforecast.automl.search.trial, "_train", leaky)


@leak
def tuning(patch: Patch) -> None:
    """Fine-tuning learns from one row more than it may."""
    true = gruforecast.automl.search.trial.fine_tuned

    def leaky(network: Any, history: Any, cutoff: Any, *more: Any, **rest: Any) -> Any:
        return true(network, history, np.minimum(cutoff + 1, history.indptr[1:]), *more, **rest)

    for module in (gruforecast.automl.search.trial, gruforecast.automl.search.tuning):
        patch(module, "fine_tuned", leaky)


@leak
def forecast(patch: Patch) -> None:
    """A network is shown the first row that it has to forecast."""
    true = gruforecast.models.networks.inference.forecast

    def leaky(history: Any, windows: Any, *more: Any) -> Any:
        return true(history, replace(windows, end=windows.end + 1), *more)

    patch(gruforecast.models.networks.inference, "forecast", leaky)


@leak
def pretrained(patch: Patch) -> None:
    """The pretrained network is shown the first row that it has to forecast."""
    true = gruforecast.models.pretrained.model.Pretrained.forecast

    def leaky(self: Any, history: Any, windows: Any, *more: Any) -> Any:
        return true(self, history, replace(windows, end=windows.end + 1), *more)

    patch(gruforecast.models.pretrained.model.Pretrained, "forecast", leaky)


@leak
def regression(patch: Patch) -> None:
    """Harmonic regression reads columns that are known only afterwards, and believes each coefficient."""
    patch(gruforecast.models.harmonic, "known_places", lambda inputs: np.arange(len(inputs)))
    patch(gruforecast.models.covariate_effects, "DOUBT", 0.0)
    patch(gruforecast.models.covariate_effects, "CLEARLY", np.inf)


@leak
def columns(patch: Patch) -> None:
    """A network is shown covariates of the first row that it has to forecast."""
    true = History.covariates

    def leaky(self: Any, windows: Any, *more: Any) -> Any:
        return true(self, replace(windows, end=windows.end + 1), *more)

    patch(History, "covariates", leaky)


@leak
def choice(patch: Patch) -> None:
    """Trials are scored on the test set, too: no few steps of one configuration can show that."""
    import gruforecast.automl.search.loop

    patch(Split, "before_test", lambda self: (self.history.values, self.history.x))
    patch(gruforecast.automl.search.loop, "RUN_TRIAL", "leaks:trial_scored_on_the_test_part")


def trial_scored_on_the_test_part(request: dict[str, Any]) -> dict[str, Any]:
    true = Split.fold_windows
    Split.fold_windows = lambda self: [*true(self), self.test_windows()]  # type: ignore[method-assign]
    try:
        return gruforecast.automl.search.trial.run_trial(request)
    finally:
        Split.fold_windows = true  # type: ignore[method-assign]


def run_audit(request: dict[str, Any]) -> dict[str, Any]:
    """The worker's part of the audit in a process with the same leak as the parent's."""
    if VARIABLE in os.environ:
        LEAKS[os.environ.pop(VARIABLE)](setattr)
    return gruforecast.automl.search.trial.run_audit(request)


if __name__ == "__main__":
    import leaks  # by the name that the workers know

    import gruforecast.automl.leakage_audit
    from gruforecast.cli import main

    name = sys.argv.pop(1)
    gruforecast.automl.leakage_audit.RUN_AUDIT = "leaks:run_audit"
    leaks.LEAKS[name](setattr)
    os.environ[VARIABLE] = name
    main()
