"""What the gates of a GRU do along a series: windows laid over it, their tokens mapped back to rows.

    rows of one series   |-----------------------------------------|
    windows                       |---- seen, --|--- counted ---|
    a quarter further on                |---- not counted --|-- counted --|

A token counts where it lies in the newer half of a window, so that the state before it knows something; what several
windows say of it is averaged. The oldest window counts whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats, Ints, Single, Weights
from gruforecast.data.windows import History, Windows, evenly
from gruforecast.explain.gates import Gates, replay
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.features import encode_windows

MAX_TOKENS = 8_000  # that are looked at in all; more say nothing new of gates
BLOCK_NUMBERS = 6_000_000  # bounds the memory of one block of windows
MIN_GATE = 1e-7  # a gate of float32 may be exactly zero


@dataclass(frozen=True)
class Timeline:
    """One entry a token, by series and then by time.

    Attributes:
        series: (n,) number of the series.
        first, last: (n,) flat rows that the token stands for, both included.
        update, reset: (n, layers, units) the gates.
        log_update: (n, layers, units) logarithm of the update gate, whose mean says how fast memory fades.
        rewritten: (n,) how far the state has moved for good, see `lasting`; NaN where that is not known.
    """

    series: Ints
    first: Ints
    last: Ints
    update: Floats
    reset: Floats
    log_update: Floats
    rewritten: Floats

    def __len__(self) -> int:
        return len(self.series)


def watch(history: History, config: NetworkConfig, weights: Weights, first: int = 0) -> Timeline:
    """Return what the gates do along the newest rows of the series of `history`.

    Args:
        first: series that is looked at in any case; of others as many, evenly spread, as `MAX_TOKENS` allows for.
    """
    rows = _Rows.of(history, config, first)
    total = np.zeros((len(rows.series), 3, config.layers, config.units))
    count, rewritten, known = np.zeros((3, len(rows.series)))
    for place, gates in rows.replayed(history, config, weights):
        used = place >= 0
        at = place[used]
        np.add.at(count, at, 1)
        update, reset = (one[used].astype(float) for one in (gates.update, gates.reset))  # (n_used, layers, units)
        np.add.at(total, at, np.stack([update, reset, np.log(np.maximum(update, MIN_GATE))], axis=1))
        moved = lasting(gates.state.reshape(*place.shape, -1))[used]
        sure = ~np.isnan(moved)
        np.add.at(rewritten, at[sure], moved[sure])
        np.add.at(known, at[sure], 1)
    keep = count > 0
    update, reset, log_update = (total[keep] / count[keep, None, None, None]).swapaxes(0, 1)  # (3, n, layers, units)
    moved = np.where(known > 0, rewritten / np.maximum(known, 1), np.nan)[keep]
    return Timeline(rows.series[keep], rows.first[keep], rows.last[keep], update, reset, log_update, moved)


def lasting(states: Single) -> Floats:
    """Return how far each step (n, steps) has moved the states (n, steps, units) for good; NaN at both ends.

    The distance between the mean state of the step and the one after it, and that of the two before. A state moves by
    nothing but (1 - update gate) * (candidate - state), so this is what the gates have written over and left so; what
    is taken back at once, after a single odd value, counts half.
    """
    n, steps, _ = states.shape
    moved = np.full((n, steps), np.nan)
    if steps >= 4:
        pairs = (states[:, 1:] + states[:, :-1]) / 2  # (n, steps - 1, units)
        moved[:, 2:-1] = np.linalg.norm((pairs[:, 2:] - pairs[:, :-2]).astype(float), axis=2)
    return moved


@dataclass(frozen=True)
class _Rows:
    """The tokens that are looked at, (n,) each, and the first of them and their number for each chosen series."""

    series: Ints
    first: Ints
    last: Ints
    chosen: Ints
    begin: Ints
    size: Ints

    @classmethod
    def of(cls, history: History, config: NetworkConfig, first: int) -> _Rows:
        lengths = np.diff(history.indptr)
        tokens = -(-lengths // config.segment)
        others = np.delete(np.arange(len(lengths)), first)
        room = max(MAX_TOKENS - int(tokens[first]), 0) // max(int(tokens.mean()), 1)
        chosen = np.sort(np.append(others[evenly(len(others), room)], first)).astype(np.int64)
        size = np.minimum(tokens[chosen], MAX_TOKENS)
        begin = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        series = np.repeat(chosen, size)
        back = np.concatenate([np.arange(one)[::-1] for one in size])  # tokens between this one and the series' end
        last = history.indptr[series + 1] - 1 - back * config.segment
        start = np.maximum(last - config.segment + 1, history.indptr[series])
        return cls(series, start, last, chosen, begin[:-1], size)

    def replayed(self, history: History, config: NetworkConfig, weights: Weights) -> Iterator[tuple[Ints, Gates]]:
        """Gates of blocks of windows, and the entry (n, tokens) of each token, -1 where it does not count."""
        windows, place = self._windows(history, config)
        block = max(1, BLOCK_NUMBERS // (config.tokens * config.layers * config.units * 7))
        for start in range(0, len(windows), block):
            part = windows[start : start + block]
            yield place[start : start + block], replay(encode_windows(history, part, config).features, config, weights)

    def _windows(self, history: History, config: NetworkConfig) -> tuple[Windows, Ints]:
        """Return the windows a quarter of their length apart from the end of each series back to its beginning."""
        tokens = config.tokens
        hop, fresh = max(1, tokens // 4), tokens - tokens // 2
        series, ends, places = [], [], []
        for number, begin, size in zip(self.chosen, self.begin, self.size, strict=True):
            count = 1 + max(0, -(-(int(size) - tokens) // hop))
            back = np.arange(count)[:, None] * hop + np.arange(tokens)[::-1]  # (windows, tokens) from the series' end
            counted = back < size
            counted[:-1, : tokens - fresh] = False
            series.append(np.full(count, number))
            ends.append(history.indptr[number + 1] - np.arange(count) * hop * config.segment)
            places.append(np.where(counted, begin + size - 1 - back, -1))
        windows = history.windows(np.concatenate(series), np.concatenate(ends))
        keep = windows.end > windows.start
        return windows[keep], np.concatenate(places)[keep]
