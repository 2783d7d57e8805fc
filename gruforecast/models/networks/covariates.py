"""What a network sees of the covariates: each value, and how far it is from a season before.

The columns come standardised by one constant pair each (`Scaling`). Numbers are seen as they are (a frost is a frost),
and by mean and spread of the window, because series of one panel may differ in size; flags only as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gruforecast.arrays import ArrayModule, Bools, Floats, Number
from gruforecast.models.networks.config import FLAGS, KNOWN, PAST, NetworkConfig

MAX_SEEN = 10.0  # standard deviations beyond which a value is cut off
MIN_SPREAD = 0.1  # of a column in a window, in units of its spread in the panel: flatter ones would be all noise
SILENT = 1e30  # spread of a column that never moves before the first fold: nothing was learned of it, nothing is seen
MAX_STANDARDISED = 1e6  # far beyond `MAX_SEEN`


@dataclass(frozen=True)
class Scaling:
    """One pair of constants for each covariate, (n_columns,) each."""

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, x: Floats, rows: Bools, inputs: tuple[str, ...]) -> Scaling:
        """Return mean and standard deviation of `x` (n_rows, n_columns) in `rows`; flags are centred only."""
        pairs = [_moments(column[rows], flag=kind in FLAGS) for column, kind in zip(x.T, inputs, strict=True)]
        return cls(*np.array(pairs, float).reshape(-1, 2).T)

    def __call__(self, x: Floats, xp: ArrayModule = np) -> Floats:
        """Return `x` (…, n_columns) standardised."""
        with np.errstate(over="ignore"):
            return xp.clip((x - self.centre) / self.spread, -MAX_STANDARDISED, MAX_STANDARDISED)


def _moments(values: Floats, *, flag: bool) -> tuple[float, float]:
    seen = values[~np.isnan(values)]
    mean, spread = (float(seen.mean()), float(seen.std())) if len(seen) else (0.0, 0.0)
    if spread <= 1e-9 * abs(mean):
        return mean, SILENT
    return mean, 1.0 if flag else spread


class Views(NamedTuple):
    """Columns as a network sees them.

    Attributes:
        past: (n, lookback, k); future: (n, horizon, k), of future covariates.
        static: (n, k) of columns that are constant in a series.
    """

    past: list[Floats]
    future: list[Floats]
    static: Floats | None


def views(x: Floats | None, use: tuple[Number, Number], config: NetworkConfig, xp: ArrayModule = np) -> Views:
    """Return what is seen of the covariates.

    Args:
        x: (n, lookback + horizon, n_columns) standardised, NaN = not known; None where there are no columns.
        use: 1, or 0 to show none of it; the same for the past of future covariates.
    """
    past: list[Floats] = []
    future: list[Floats] = []
    if x is None:
        return Views(past, future, None)
    for role in ("past", "known"):
        for kind in (role, f"{role} flag"):
            places = [k for k, one in enumerate(config.inputs) if one == kind]
            if places:
                seen = _seen(xp.take(x, np.array(places), axis=2), kind, config, xp)
                past += [use[role == "known"] * one[:, : config.lookback] for one in seen]
                future += [use[0] * one[:, config.lookback :] for one in seen if role == "known"]
    places = [k for k, one in enumerate(config.inputs) if one == "static"]
    if not places:
        return Views(past, future, None)
    static = xp.take(x[:, config.lookback - 1], np.array(places), axis=1)  # (n, k)
    return Views(past, future, use[0] * xp.clip(_known(static, xp)[0], -MAX_SEEN, MAX_SEEN))


def future_channels(seen: Views, phases: list[Floats], config: NetworkConfig, xp: ArrayModule = np) -> Floats | None:
    """Return what is known of each row of the horizon, (n, horizon, `config.future_channels`); None if nothing is.

    Args:
        phases: (n, horizon) each, of the calendar.
    """
    parts = [xp.stack(phases, axis=-1)] if phases else []
    parts += seen.future
    if seen.static is not None:
        parts.append(xp.tile(seen.static[:, None], (1, config.horizon, 1)))
    return xp.concatenate(parts, axis=2) if parts else None


def _seen(x: Floats, kind: str, config: NetworkConfig, xp: ArrayModule) -> list[Floats]:
    """Return the values, differences to the season before, and for numbers the values in their window.

    Rows of the horizon are compared with the row that the seasonal naive forecast repeats. Mean and spread are those of
    the past, so that they do not depend on how much of the future is known.

    Args:
        x: (n, lookback + horizon, k) columns of one kind.

    Returns:
        Arrays (n, lookback + horizon, k); (n, lookback, k) for columns that are known in the past only.
    """
    lookback, m = config.lookback, config.season_length
    if kind in PAST:
        x = x[:, :lookback]
    value, mask = _known(x, xp)
    before = [xp.concatenate([xp.zeros_like(one[:, :m]), one[:, : lookback - m]], axis=1) for one in (value, mask)]
    if kind in KNOWN:
        times = -(-config.horizon // m)
        newest = [xp.tile(one[:, lookback - m : lookback], (1, times, 1))[:, : config.horizon] for one in (value, mask)]
        before = [xp.concatenate(pair, axis=1) for pair in zip(before, newest, strict=True)]
    difference = (value - before[0]) * mask * before[1]
    seen = [value, difference]
    if kind not in FLAGS:
        mean, spread = _moments_of(value[:, :lookback], mask[:, :lookback], xp)
        seen = [value, difference / spread, (value - mean) / spread * mask]
    return [xp.clip(one, -MAX_SEEN, MAX_SEEN) for one in seen]


def _known(x: Floats, xp: ArrayModule) -> tuple[Floats, Floats]:
    """Return the values with zeros, their mean, where they are not known, and a mask."""
    seen = xp.logical_not(xp.isnan(x))
    return xp.where(seen, x, xp.zeros_like(x)), xp.where(seen, xp.ones_like(x), xp.zeros_like(x))


def _moments_of(value: Floats, mask: Floats, xp: ArrayModule) -> tuple[Floats, Floats]:
    """Return the mean and standard deviation over rows, (n, 1, k) each."""
    total = xp.maximum(xp.sum(mask, axis=1, keepdims=True), 1.0)
    mean = xp.sum(value * mask, axis=1, keepdims=True) / total
    variance = xp.sum(mask * (value - mean) ** 2, axis=1, keepdims=True) / total
    return mean, xp.maximum(xp.sqrt(variance), MIN_SPREAD)
