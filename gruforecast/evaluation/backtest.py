"""A saved model asked at many cutoffs of a panel: all windows in batched calls, one block of them in memory at a time.

    rows of one series  |------------ past -----------|- horizon -|                    cutoff 0
                        |-------------- past -------------|- horizon -|                cutoff 1, a step later
                        |---------------- past ---------------|- horizon -|            the last: ends with the series

Nothing is fitted but statistical models, which have no other way. What a window is given are the rows before its
cutoff and, of the horizon, future covariates: the same forecast as `Forecaster.predict` makes of the panel
cut at that cutoff, with intervals that adapt to the same errors (`adaptation.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data.joining import Joined, newer_rows
from gruforecast.data.panel import Adapted, Panel
from gruforecast.data.scale import error_unit, mase_scale, rmsse_scale
from gruforecast.data.windows import History, Windows, gather_future
from gruforecast.errors import DataError, UsageError
from gruforecast.evaluation.adaptation import adapted_at
from gruforecast.evaluation.scores import Evaluated
from gruforecast.evaluation.splits import MIN_ROWS
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.model import Model
from gruforecast.models.networks.inference import Network
from gruforecast.models.registry import NETWORKS, TUNED
from gruforecast.models.statistical import STATISTICAL, affordable, installed, rows_read, trouble_with

DEFAULT_CUTOFFS = 10  # where so many fit
MAX_OPTION = 10_000_000
BLOCK_NUMBERS = 500_000  # forecasts of all members in a block, each with quantiles and bounds
CAUTION = 5  # statistical models get this share of the time that they may take in `fit`, about two minutes each


@dataclass(frozen=True)
class Cutoffs:
    """Windows of all series, ordered by cutoff, then by series.

    Attributes:
        number: (n,) which cutoff of its series each window is, 0 = the earliest; the last ones end with their series.
        horizon: steps that are forecast; step: rows from one cutoff to the next.
    """

    windows: Windows
    number: Ints
    horizon: int
    step: int

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: slice | Bools) -> Cutoffs:
        return replace(self, windows=self.windows[index], number=self.number[index])

    @property
    def count(self) -> int:
        """How many cutoffs the longest series has."""
        return int(self.number[-1]) + 1 if len(self) else 0


@dataclass(frozen=True)
class Block:
    """Some windows, one after the other, and what each member forecast there."""

    cutoffs: Cutoffs
    evaluated: dict[str, Evaluated]


@dataclass(frozen=True)
class Rolling:
    """A model, the members that are asked, a panel, and the windows at which they are.

    Attributes:
        history: the panel's, with standardised covariates.
        levels: of intervals, in percent, ascending; a member may have fewer.
        left_out: why, by name, for members that would be asked but are not.
        refit: whether the networks are trained anew before each cutoff, by whoever takes the blocks.
        adapt: whether intervals adapt to rows newer than the training rows; where networks are trained anew, none is.
        recalibrate: whether intervals are measured on the rows before each cutoff, by whoever takes the blocks.
    """

    forecaster: Forecaster
    panel: Panel
    history: History
    cutoffs: Cutoffs
    members: tuple[str, ...]
    levels: tuple[float, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    refit: bool = False
    adapt: bool = True
    recalibrate: bool = False

    def trained_on(self, windows: Windows) -> Bools:
        """Return whether the first row of each window's horizon is among those that the networks learned from, (n,)."""
        return windows.end < (0 if self.refit else self._newer[windows.series])

    @functools.cached_property
    def _newer(self) -> Ints:
        """First row of each series that is newer than the rows that the saved networks learned from, (n_series,)."""
        return newer_rows(self.forecaster.context, self.panel)

    @functools.cached_property
    def adapted(self) -> dict[str, Adapted]:
        """How the intervals of each member adapt at each window; empty where none does."""
        if self.refit or not self.adapt:
            return {}
        windows = self.cutoffs.windows
        return adapted_at(self.forecaster, self.history, windows, self._newer[windows.series], self.members)

    @property
    def out_of_sample(self) -> int:
        """How many of the cutoffs, the last ones, lie behind the training rows of every series."""
        before = self.cutoffs.number[self.trained_on(self.cutoffs.windows)]
        return self.cutoffs.count - (int(before.max()) + 1 if len(before) else 0)

    def levels_of(self, name: str) -> tuple[float, ...]:
        """Return the levels that a member's intervals have."""
        return tuple(level for level in self.forecaster.calibrations[name].levels if level in self.levels)

    def at(self, number: int) -> Rolling:
        """Return the same at one cutoff only."""
        return replace(self, cutoffs=self.cutoffs[self.cutoffs.number == number])

    def cutoff(self, number: int) -> Ints:
        """Return a cutoff in every series, the first row of those that are shorter, (n_series,)."""
        indptr, cutoffs = self.panel.indptr, self.cutoffs
        back = cutoffs.horizon + cutoffs.step * (cutoffs.count - 1 - number)
        return np.maximum(indptr[1:] - back, indptr[:-1])

    def blocks(self) -> Iterator[Block]:
        """All windows with their forecasts, in order, as many at a time as fit into bounded memory."""
        size = max(1, BLOCK_NUMBERS // (self.forecaster.horizon * len(self.members)))
        models = self.forecaster.models(self.members)
        for first in range(0, len(self.cutoffs), size):
            part = slice(first, first + size)
            block = self.cutoffs[part]
            yield Block(block, {name: self._evaluated(name, model, block, part) for name, model in models.items()})

    @functools.cached_property
    def _scales(self) -> tuple[Floats, Floats, Floats]:
        """MASE and RMSSE scale of the rows before each window, and the unit of interval widths, (n,) each."""
        windows, m = self.cutoffs.windows, self.forecaster.season_length
        mase, rmsse, unit = (scale(self.history, windows, m) for scale in (mase_scale, rmsse_scale, error_unit))
        return mase, rmsse, unit

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that take part in some member."""
        names = {one.name for member in self.members for one in self.forecaster.networks_in(member)}
        return tuple(one for one in self.forecaster.networks if one.name in names)

    def _evaluated(self, name: str, model: Model, block: Cutoffs, part: slice) -> Evaluated:
        """Return what a member forecasts at the windows of a block, with bounds, and what happened."""
        own, windows, horizon, levels = self.forecaster, block.windows, block.horizon, self.levels_of(name)
        forecast = model.forecast(self.history, windows, own.horizon, own.season_length).first(horizon)
        scale, root, unit = (one[part] for one in self._scales)
        multiplier = self.adapted[name].multiplier[part] if name in self.adapted else None
        lower, upper = own.calibrations[name].bounds_at(windows, forecast, unit, levels, multiplier)
        actual = np.asarray(gather_future(self.history.values, windows, horizon))
        return Evaluated(actual, forecast.mean, lower, upper, levels, scale, root)


def roll(
    forecaster: Forecaster,
    data: Panel | Joined,
    *,
    windows: int | None = None,
    step: int | None = None,
    horizon: int | None = None,
    members: Sequence[str] = (),
    levels: Sequence[float] = (),
    refit: bool = False,
    adapt: bool = True,
) -> Rolling:
    """Return the windows of `data` at which a model is to be asked, and the members that are.

    A series takes part in a window that has `horizon` + 3 rows before its cutoff.

    Args:
        windows: how many cutoffs, the last of each series; ten if not given, or as many as the longest series has, or
            as many as lie behind the rows that the model was trained on, if any do; of new rows after kept ones as many
            as lie in the new ones.
        step: rows from one cutoff to the next; the horizon if not given.
        horizon: steps, at most those fitted.
        members: names as for `predict`; if none are given, the winner, the networks, the blend and the simpler models,
            without statistical ones that would take long.
        levels: of the intervals that are calibrated; all if none are given.
        refit, adapt: see `Rolling`.

    Raises:
        UsageError: an argument asks for what the model does not have.
        DataError: the panel has other columns or another step than the model's data, or too few rows.
    """
    panel, own = (data.panel, int(data.rows.max())) if isinstance(data, Joined) else (data, int(data.lengths.max()))
    forecaster.check(panel)
    check_counts(windows, step)
    steps = forecaster.steps(horizon)
    most = (own - steps) // (step or steps) + 1
    history = History.of(panel.y, panel.indptr, panel.wall, forecaster.scaling(panel.x))
    cutoffs = _cutoffs(panel, history, count_cutoffs(panel, windows, step or steps, steps, most), step or steps, steps)
    left_out: dict[str, str] = {}
    names = tuple(dict.fromkeys(map(forecaster.member_named, members)))
    if not names:
        names, left_out = default_members(forecaster, cutoffs.windows, refit=refit)
    wanted = forecaster.levels(names, levels)
    rolling = Rolling(forecaster, panel, history, cutoffs, names, wanted, left_out, refit, adapt)
    if windows is None and 0 < (unseen := rolling.out_of_sample) < cutoffs.count:
        return roll(
            forecaster, data, windows=unseen, step=step, horizon=horizon, members=members, levels=levels, adapt=adapt
        )
    return rolling


def check_counts(windows: int | None, step: int | None) -> None:
    """Refuse numbers of windows, and of rows from one to the next, that cannot be.

    Raises:
        UsageError: one is out of range.
    """
    for option, value in (("windows", windows), ("step", step)):
        if value is not None and not 1 <= value <= MAX_OPTION:
            raise UsageError(
                f"`{option}` {value} is out of range.",
                remedy=f"Pass a whole number from 1 to {MAX_OPTION}.",
                code="GF-U12",
            )


def default_members(forecaster: Forecaster, windows: Windows, *, refit: bool) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the members asked unless others are named, and why not, of those that cannot be or would take long.

    They are the winner, all networks together, the blend, and the models that are no networks.
    """
    single = [one.name for one in forecaster.networks]
    together = NETWORKS if len(single) > 1 else single[0]
    others = [name for name in forecaster.members if name not in {NETWORKS, *single}]
    left_out = {}
    quick = affordable(CAUTION * rows_read(windows, forecaster.season_length), forecaster.season_length)
    names = dict.fromkeys([forecaster.winner, together, *others])
    for name in names:
        for part in forecaster.weights_of(name):
            if part in STATISTICAL and (why := _obstacle(part, len(windows), quick=part in quick)):
                left_out[name] = why
            if refit and part == TUNED:
                left_out[name] = f"{TUNED} has learned from these rows, and `refit` does not train it anew"
    return tuple(name for name in names if name not in left_out), left_out


def _obstacle(model: str, windows: int, *, quick: bool) -> str | None:
    """Return why a statistical model is not asked without being named, None if it is."""
    if installed() is None:
        return f"{model} needs the package statsforecast, which is not installed"
    if trouble := trouble_with(model):
        return f"{model} cannot be used ({trouble})"
    return None if quick else f"{model} would be fitted anew for each of {windows} windows, which takes long"


def count_cutoffs(panel: Panel, requested: int | None, step: int, horizon: int, most: int = DEFAULT_CUTOFFS) -> int:
    """Return how many cutoffs the longest series has: those requested, or ten where so many fit, at most `most`.

    Raises:
        DataError: it has not so many.
    """
    longest = int(panel.lengths.max(initial=0))
    fitting = (longest - MIN_ROWS - 2 * horizon) // step + 1
    count = requested or 1
    if fitting < count:
        want = f"{count} windows of horizon {horizon} need" if count > 1 else f"a window of horizon {horizon} needs"
        remedy = f"Pass `windows={fitting}`" if fitting > 0 else "Pass a shorter `horizon`"
        raise DataError(
            f"the longest series has {longest} rows; {want} {MIN_ROWS + 2 * horizon + (count - 1) * step}.",
            remedy=f"{remedy}, or give more rows.",
            code="GF-D65",
        )
    return requested or min(DEFAULT_CUTOFFS, fitting, max(most, 1))


def _cutoffs(panel: Panel, history: History, count: int, step: int, horizon: int) -> Cutoffs:
    """Return the last `count` cutoffs of every series."""
    back = horizon + step * np.arange(count - 1, -1, -1)
    end = panel.indptr[1:] - back[:, None]  # (n_cutoffs, n_series)
    number, series = np.nonzero(end - panel.indptr[:-1] >= horizon + MIN_ROWS)
    return Cutoffs(history.windows(series, end[number, series]), number, horizon, step)
