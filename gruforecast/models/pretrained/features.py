"""What the pretrained network sees of a window: the same channels for every season length and every horizon.

Cut by its season, a window of any length becomes few tokens: means of seasons (slow), newest rows without their
season (fast), what is known of each step ahead (ahead), numbers of the whole window (facts). The network need not
learn what a season is, only how much of what was seen to believe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Array, Bools, Floats, Single
from gruforecast.models.pretrained.ready import RATES, READY, Ready, lagged, masked_mean

SLOW, FAST = 20, 96  # seasons, newest rows
ROWS = 4  # rows of a token: of the newest ones, and of the horizon
SLOW_CHANNELS, FAST_CHANNELS = 4, 8
AHEAD_CHANNELS = len(READY) + 8
FACTS = len(READY) + len(RATES) + 13
LIMIT = 1e5  # of scaled values


def window_rows(season: int, second: int | None = None) -> int:
    """Return how many of the newest rows are looked at: about twenty seasons, four of the second one, at most 2,100."""
    rows = 160 // season * season if season < 4 else season * int(np.clip(700 // season, 7, 20))
    if second is not None:
        rows = max(rows, -(-min(4 * second, max(1500, second + 2 * season)) // season) * season)
    return rows


def squash(x: Single) -> Single:
    """Return the inverse hyperbolic sine: linear near zero, logarithmic far from it."""
    return np.arcsinh(x)


@dataclass(frozen=True)
class Features:
    """What the network takes of n windows, and the way back.

    Attributes:
        slow: (n, SLOW, SLOW_CHANNELS) of each season, the newest last.
        fast: (n, FAST, FAST_CHANNELS) of each row, the newest last.
        ahead: (n, steps, AHEAD_CHANNELS) of each step ahead; a multiple of `ROWS` of them.
        facts: (n, FACTS) of the window.
        ready: (n, steps, ready) ready forecasts, scaled.
        level, scale: (n, 1) scaled value 0 and 1.
        log: (n,) whether these are logarithms.
        horizon: steps that were asked for.
    """

    slow: Single
    fast: Single
    ahead: Single
    facts: Single
    ready: Single
    level: Floats
    scale: Floats
    log: Bools
    horizon: int

    @classmethod
    def of(cls, past: Floats, season: int, horizon: int, log: Bools, second: int | None = None) -> Features:
        """Return the features of windows.

        Args:
            past: (n, N) values, NaN for gaps and before the start; every other one is finite.
            season: rows of a season, 1 for none.
            log: (n,) which windows are seen on the logarithmic scale; all of their values are positive.
            second: rows of a longer season such as the week of hourly data.
        """
        z, seen, level, scale = _scaled(_cut(past, window_rows(season, second)), season, log)
        steps = -(-horizon // ROWS) * ROWS
        found = Ready.of(z, seen, season, steps, second)
        return cls(
            _slow(z, seen, season, found),
            _fast(z, seen, season, second, found),
            _ahead(season, second, found),
            _facts(z, seen, season, second, found, log),
            np.clip(found.forecasts, -LIMIT, LIMIT),
            level,
            scale,
            log,
            horizon,
        )

    @property
    def arrays(self) -> dict[str, Single]:
        """Return what the network takes, by name."""
        return {name: getattr(self, name) for name in ("slow", "fast", "ahead", "facts", "ready")}

    def part(self, windows: slice) -> Features:
        """Return the features of some of the windows."""
        own = {name: one[windows] for name, one in vars(self).items() if name != "horizon"}
        return Features(**own, horizon=self.horizon)

    def restored(self, quantiles: Array) -> Floats:
        """Return scaled values (n, horizon, n_quantiles) in the units of the series."""
        z = quantiles.astype(float) * self.scale[:, :, None] + self.level[:, :, None]
        return np.where(self.log[:, None, None], np.exp(np.clip(z, -700, 700)), z)


def _cut(past: Floats, rows: int) -> Floats:
    """Return the newest `rows`, NaN before the start."""
    past = past[:, -rows:]
    return np.pad(past, ((0, 0), (rows - past.shape[1], 0)), constant_values=np.nan)


def _scaled(past: Floats, season: int, log: Bools) -> tuple[Single, Single, Floats, Floats]:
    """Return scaled values (n, N), zero where none is seen, which are seen (n, N), level and scale (n, 1).

    The level is the mean of the newest season, the scale the mean absolute difference of seasons.
    """
    mask = ~np.isnan(past)
    seen = mask * 1.0
    y = np.where(mask, past, 1.0)
    y = np.where(log[:, None], np.log(np.maximum(y, 1e-300)), y) * seen
    unit = np.maximum(np.abs(y).max(1, keepdims=True), 1e-290)  # so that no square overflows
    y = y / unit
    steps, step_count = lagged(y, seen, 1)
    seasons, season_count = lagged(y, seen, season)
    step = masked_mean(np.abs(steps), step_count)
    scale = np.where(season_count.sum(1) >= 2, masked_mean(np.abs(seasons), season_count), step)
    least = np.where(log, 1e-6 / unit[:, 0], 1e-6 * masked_mean(np.abs(y), seen))
    scale = np.maximum(np.maximum(scale, 0.02 * step), least + 1e-12)[:, None]
    span = max(season, 2)
    near = seen[:, -span:].sum(1)
    level = np.where(near > 0, masked_mean(y[:, -span:], seen[:, -span:]), masked_mean(y, seen))[:, None]
    z = np.clip((y - level) / scale, -LIMIT, LIMIT) * seen
    return z.astype(np.float32), seen.astype(np.float32), level * unit, scale * unit


def _slow(z: Single, seen: Single, season: int, found: Ready) -> Single:
    """Return of each season its mean, the share of it that was seen, the change from the one before, and its spread.

    Where a season is shorter than four rows, blocks of eight rows or a little more take its place.
    """
    block = season if season >= 4 else -(-8 // season) * season
    n, rows = z.shape
    blocks = min(rows // block, SLOW)
    apart = found.flat[:, rows - blocks * block :].reshape(n, blocks, block)
    mask = seen[:, rows - blocks * block :].reshape(n, blocks, block)
    mean, share = masked_mean(apart, mask, 2), mask.mean(2)
    there = share > 0
    change = np.zeros_like(mean)
    change[:, 1:] = np.diff(mean, axis=1) * (there[:, 1:] & there[:, :-1])
    spread = np.sqrt(masked_mean((apart - mean[:, :, None]) ** 2, mask, 2))
    slow = np.zeros((n, SLOW, SLOW_CHANNELS), np.float32)
    slow[:, SLOW - blocks :] = np.stack([squash(mean), share, squash(change), squash(spread)], axis=2)
    return slow


def _fast(z: Single, seen: Single, season: int, second: int | None, found: Ready) -> Single:
    """Return of each of the newest rows its value without and with season, differences, and phase."""
    n, rows = z.shape
    take = min(rows, FAST)
    angle = 2 * np.pi * np.arange(rows - take - rows, 0) / season
    again = lagged(z, seen, second)[0] if second is not None else np.zeros_like(z)
    cyclic = np.ones((n, 1)) * (season > 1)
    channels = [
        squash(found.flat),
        seen,
        squash(lagged(z, seen, season)[0]),
        squash(lagged(found.flat, seen, 1)[0]),
        squash(z),
        squash(again),
    ]
    fast = np.zeros((n, FAST, FAST_CHANNELS), np.float32)
    fast[:, FAST - take :, :6] = np.stack([one[:, rows - take :] for one in channels], axis=2)
    fast[:, FAST - take :, 6], fast[:, FAST - take :, 7] = cyclic * np.sin(angle), cyclic * np.cos(angle)
    return fast


def _ahead(season: int, second: int | None, found: Ready) -> Single:
    """Return of each step ahead its ready forecasts, its number and phase, spread and number of values of its phase."""
    n, steps, _ = found.forecasts.shape
    h = np.arange(steps)
    phase = h % season
    angle = 2 * np.pi * phase / season
    own = np.stack(
        [
            np.log1p(h + 1) / 3,
            (h + 1) / max(season, 4) / 3,
            np.sin(angle) * (season > 1),
            np.cos(angle) * (season > 1),
            np.full(steps, 1.0 * (second is not None)),
        ],
        axis=1,
    ).astype(np.float32)
    parts: list[Array] = [
        squash(found.forecasts),
        np.broadcast_to(own, (n, *own.shape)),
        squash(found.profile.spread[:, phase])[:, :, None],
        np.log1p(found.profile.counts[:, phase])[:, :, None] / 3,
        squash(found.spread)[:, :, None],
    ]
    return np.concatenate(parts, axis=2)


def _facts(z: Single, seen: Single, season: int, second: int | None, found: Ready, log: Bools) -> Single:
    """Return numbers of the whole window, and how well each ready forecast did on newest rows that were held back."""
    n, span = len(z), max(season, 2)
    held = season * -(-6 // season)  # rows held back, whole seasons
    old = Ready.of(z[:, :-held], seen[:, :-held], season, held, second)
    mask = seen[:, -held:, None] * (seen[:, :-held].sum(1) > 0)[:, None, None]
    missed = masked_mean(np.abs(old.forecasts - z[:, -held:, None]), np.broadcast_to(mask, old.forecasts.shape))
    step, both = lagged(z, seen, 1)
    remainder, pair = lagged(found.flat, seen, 1)
    again, again_seen = lagged(z, seen, second) if second is not None else (np.zeros_like(z), seen)
    ones = np.ones(n, np.float32)
    own = [
        squash(masked_mean(np.abs(step), both)),
        squash(masked_mean(np.abs(remainder), pair)),
        squash(found.profile.spread.mean(1)),
        squash(found.profile.shape.std(1)),
        np.log1p(seen.sum(1)) / 6,
        seen.mean(1),
        log.astype(np.float32),
        ones * np.log(season) / 4,
        ones * (second is not None),
        squash(masked_mean(np.abs(again), again_seen)),
    ]
    whole = [np.stack(own, axis=1), squash(found.slopes * span), squash(missed), squash(found.errors)]
    return np.concatenate(whole, axis=1, dtype=np.float32)
