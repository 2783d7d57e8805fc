"""What a network sees of the columns beside the target: each value, and how far it is from a season before.

The columns come standardised by one constant pair each (`Scaling`). Numbers are seen as they are (a frost is a frost),
and by mean and spread of the window, because series of one panel may differ in size; flags only as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gruforecast.arrays import Bools, Floats
from gruforecast.config import NetworkConfig

MOST = 10.0  # standard deviations beyond which a value is cut off
LEAST_SPREAD = 1e-3  # of a column in a window, in units of its spread in the panel: flatter ones would be all noise


@dataclass(frozen=True)
class Scaling:
    """One pair of constants for each column beside the target, (n_columns,) each."""

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, x: Floats, rows: Bools, inputs: tuple[str, ...]) -> Scaling:
        """Mean and standard deviation of the columns of `x` (n_rows, n_columns) in `rows`; flags are centred only."""
        pairs = [_moments(column[rows], flag=kind.endswith("flag")) for column, kind in zip(x.T, inputs, strict=True)]
        both = np.array(pairs, float).reshape(-1, 2)
        return cls(both[:, 0], both[:, 1])

    def __call__(self, x: Floats) -> Floats:
        """`x` (…, n_columns) standardised."""
        return (x - self.centre) / self.spread


def _moments(values: Floats, *, flag: bool) -> tuple[float, float]:
    seen = values[~np.isnan(values)]
    if not len(seen):
        return 0.0, 1.0
    spread = float(seen.std())
    return float(seen.mean()), 1.0 if flag or spread < 1e-9 * abs(float(seen.mean())) or spread == 0 else spread


def past_channels(x: Any, use: tuple[Any, Any], config: NetworkConfig, xp: Any = np) -> list[Any]:
    """The views (n, lookback) of each column that is not constant in a series.

    Args:
        x: (n, lookback + horizon, n_columns) standardised, NaN = not known.
        use: 1, or 0 to show none of it; the same for columns that are known ahead.
    """
    columns = [(x[:, :, k], kind) for k, kind in enumerate(config.inputs) if kind != "static"]
    return [
        use[kind.startswith("known")] * view[:, : config.lookback]
        for column, kind in columns
        for view in _views(column, kind, config, xp)
    ]


def ahead(x: Any, use: Any, phases: list[Any], config: NetworkConfig, xp: Any = np) -> Any:
    """What is known of each row of the horizon, (n, horizon, `config.ahead`); None if nothing is.

    Args:
        use: 1, or 0 to show none of it.
        phases: (n, horizon) each, of the calendar.
    """
    if not config.ahead:
        return None
    views = [view for k in config.known for view in _views(x[:, :, k], config.inputs[k], config, xp)]
    channels = phases + [use * view[:, config.lookback :] for view in views]
    for k, kind in enumerate(config.inputs):
        if kind == "static":
            value = use * _value(x[:, config.lookback - 1 : config.lookback, k], xp)  # (n, 1)
            channels.append(xp.tile(value, (1, config.horizon)))
    return xp.stack(channels, axis=-1)


def _views(column: Any, kind: str, config: NetworkConfig, xp: Any) -> list[Any]:
    """Value, difference to the season before, and for numbers the value in its window, (n, lookback + horizon) each.

    Of the past only, if no more may be seen. Rows of the horizon are compared with the row that the seasonal naive
    forecast repeats.
    """
    lookback, m = config.lookback, config.season_length
    if kind.startswith("past"):
        column = column[:, :lookback]
    seen = xp.logical_not(xp.isnan(column))
    value = xp.where(seen, column, xp.zeros_like(column))
    mask = xp.where(seen, xp.ones_like(column), xp.zeros_like(column))
    before = [xp.concatenate([xp.zeros_like(one[:, :m]), one[:, : lookback - m]], axis=1) for one in (value, mask)]
    if not kind.startswith("past"):
        times = -(-config.horizon // m)
        later = [xp.tile(one[:, lookback - m : lookback], (1, times))[:, : config.horizon] for one in (value, mask)]
        before = [xp.concatenate(pair, axis=1) for pair in zip(before, later, strict=True)]
    difference = (value - before[0]) * mask * before[1]
    views = [value, difference]
    if not kind.endswith("flag"):
        mean, spread = _moments_of(value, mask, xp)
        views = [value, difference / spread, (value - mean) / spread * mask]
    return [xp.clip(view, -MOST, MOST) for view in views]


def _value(column: Any, xp: Any) -> Any:
    """A column with zeros, its mean, where it is not known."""
    return xp.clip(xp.where(xp.isnan(column), xp.zeros_like(column), column), -MOST, MOST)


def _moments_of(value: Any, mask: Any, xp: Any) -> tuple[Any, Any]:
    """Mean and standard deviation in the window, (n, 1) each."""
    total = xp.maximum(xp.sum(mask, axis=1, keepdims=True), 1.0)
    mean = xp.sum(value * mask, axis=1, keepdims=True) / total
    variance = xp.sum(mask * (value - mean) ** 2, axis=1, keepdims=True) / total
    return mean, xp.maximum(xp.sqrt(variance), LEAST_SPREAD)
