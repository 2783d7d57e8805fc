"""Windows by index: which rows of a flat panel a model sees and which it must forecast.

    rows of one series   start ............ end ............ stop
                           |---- past ----->|<--- future ---->|

A window is three positions in the flat array of all values; its numbers are gathered per batch and never stored
whole, so memory is that of the data. Positions outside `[start, stop)` read as missing (NaN).
Everything here runs on numpy and, through the argument `xp`, on `keras.ops` inside a compiled step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import ArrayModule, Bools, Floats, Ints, Stamps


@dataclass(frozen=True)
class Windows:
    """Index arrays, each of shape (n,).

    Attributes:
        series: number of the series in the panel.
        start: first row of the series.
        end: first row to be forecast; the past is `[start, end)`.
        stop: first row that must not be read as a target.
        use_log: whether no observed value before `end` is negative: such series are seen on a logarithmic scale.
    """

    series: Ints
    start: Ints
    end: Ints
    stop: Ints
    use_log: Bools

    def __len__(self) -> int:
        return len(self.end)

    def __getitem__(self, index: Ints | Bools | slice) -> Windows:
        return Windows(self.series[index], self.start[index], self.end[index], self.stop[index], self.use_log[index])

    def floor_at_zero(self, forecasts: Floats) -> Floats:
        """Return forecasts (n, ...) without negative numbers for series that never had one before the window's end."""
        return np.where(self.use_log.reshape(-1, *[1] * (forecasts.ndim - 1)), np.maximum(forecasts, 0.0), forecasts)


@dataclass(frozen=True)
class History:
    """Flat values of all series and the running facts about them that windows need.

    Attributes:
        values: (n_rows,) in the user's unit, NaN = missing.
        indptr: (n_series + 1,) first row of each series.
        nonnegative_until: (n_series,) first row of each series whose value is below zero, or its end.
        last_seen: (n_rows,) newest row of the same series, up to this one, whose value is not missing.
        days: (n_rows,) stamps in days since 1970-01-01.
        x: (n_rows, n_columns) covariates, standardised, NaN = not known.
    """

    values: Floats
    indptr: Ints
    nonnegative_until: Ints
    last_seen: Ints
    days: Floats
    x: Floats

    @classmethod
    def of(cls, values: Floats, indptr: Ints, ds: Stamps | None = None, x: Floats | None = None) -> History:
        """Return the history of a flat panel whose series all begin with a value; without stamps all days are 0."""
        seen = np.where(np.isnan(values), 0, np.arange(len(values)))
        begin = indptr[:-1][indptr[:-1] < len(values)]
        seen[begin] = begin  # so that no series reads the value of another
        return cls(
            values,
            indptr,
            nonnegative_until=_first(values < 0, indptr),
            last_seen=np.maximum.accumulate(seen),
            days=np.zeros(len(values)) if ds is None else days_of(ds),
            x=np.zeros((len(values), 0)) if x is None else x,
        )

    @classmethod
    def of_ends(
        cls, past: Floats, origin: Floats, never_negative: Bools, x: Floats | None = None
    ) -> tuple[History, Windows]:
        """Return a history of the newest rows of series, and the windows at their ends.

        Args:
            past: (n, rows) values, NaN = missing or not yet begun.
            origin: (n,) stamps of the last rows in days since 1970-01-01; never_negative: (n,) as of `Windows.use_log`.
            x: (n, rows + horizon, n_columns) covariates, standardised; in the horizon what is known.
        """
        n, rows = past.shape
        steps = 0 if x is None else x.shape[1] - rows
        values = (np.concatenate([past, np.full((n, steps), np.nan)], axis=1) if steps else past).ravel()
        indptr = (rows + steps) * np.arange(n + 1)
        end, days = indptr[:-1] + rows, np.zeros(len(values))
        days[end - 1] = origin
        history = cls.of(values, indptr, x=None if x is None else x.reshape(len(values), x.shape[2]))
        history = replace(history, nonnegative_until=np.where(never_negative, indptr[1:], indptr[:-1]), days=days)
        return history, history.windows(np.arange(n), end)

    def at_ends(self, windows: Windows, lookback: int, future: Floats | None) -> tuple[History, Windows]:
        """Return a history of `lookback` rows before each window, and of the steps ahead, with the windows in it.

        Args:
            future: (n, horizon, n_columns) covariates in the steps ahead, None if none are read.
        """
        x = None
        if future is not None:
            x = np.concatenate([self.covariates(windows, lookback, 0), future], axis=1)
        return self.of_ends(self.past(windows, lookback), self.origin(windows), windows.use_log, x)

    def windows(self, series: Ints, end: Ints, stop: Ints | None = None) -> Windows:
        """Return windows of `series` whose forecast starts at row `end`; targets are read up to `stop` (or the end)."""
        return Windows(
            series=series,
            start=self.indptr[series],
            end=end,
            stop=self.indptr[series + 1] if stop is None else stop,
            use_log=self.nonnegative_until[series] >= end,
        )

    def origin(self, windows: Windows) -> Floats:
        """Return the stamp of the last row before each window's end, in days since 1970-01-01, (n,)."""
        return self.days[windows.end - 1]

    def past(self, windows: Windows, lookback: int) -> Floats:
        """Return the last `lookback` rows before each window's end, (n, lookback), from which a forecast is made.

        Where all of them are missing, the last value seen before takes the place of the newest one.
        """
        past = gather_past(self.values, windows, lookback)
        past[:, -1] = np.where(np.isnan(past).all(axis=1), self.values[self.last_seen[windows.end - 1]], past[:, -1])
        return past

    def covariates(self, windows: Windows, lookback: int, horizon: int) -> Floats:
        """Return the covariates around each window's end, (n, lookback + horizon, n_columns).

        They are read up to the end of the series: who calls this shows a network only what is known by then.
        """
        return gather_covariates(self.x, replace(windows, stop=self.indptr[windows.series + 1]), lookback, horizon)


def days_of(ds: Stamps) -> Floats:
    """Return the stamps in days since 1970-01-01."""
    return ds.astype("datetime64[s]").astype(np.int64) / 86_400


def _first(bad: Bools, indptr: Ints) -> Ints:
    """Return the first row of each series where `bad` holds, or the end of the series, (n_series,)."""
    rows = np.append(np.flatnonzero(bad), len(bad))
    return np.minimum(rows[np.searchsorted(rows, indptr[:-1])], indptr[1:])


@dataclass(frozen=True)
class Sampler:
    """Draws training windows: a series uniformly, then one of its windows uniformly.

    Attributes:
        series: (k,) series that have at least one window.
        first: (k,) earliest `end` of each; count: (k,) number of them.
        stop: (k,) cutoff of each: no target at or after it is ever read.
    """

    history: History
    series: Ints
    first: Ints
    count: Ints
    stop: Ints

    @classmethod
    def before(cls, history: History, cutoff: Ints, horizon: int, min_past: int) -> Sampler:
        """Return a sampler of windows whose targets all lie before `cutoff` (n_series,).

        A window has at least `min_past` rows of past and a whole horizon of targets where the series is long
        enough for that; shorter series give windows with fewer rows of either.
        """
        start = history.indptr[:-1]
        rows = cutoff - start
        first = start + np.clip(np.minimum(min_past, rows - horizon), 1, None)
        last = np.minimum(np.maximum(first, cutoff - horizon), cutoff - 1)
        usable = np.flatnonzero(rows >= 2)
        usable = usable[_content_order(history, usable, cutoff)]
        return cls(history, usable, first[usable], np.maximum(last - first + 1, 1)[usable], cutoff[usable])

    @property
    def total(self) -> int:
        """Number of different windows."""
        return int(self.count.sum())

    def draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Windows:
        """Return the random windows whose index arrays have `shape`."""
        pick = generator.integers(len(self.series), size=shape)
        end = self.first[pick] + (generator.random(shape) * self.count[pick]).astype(np.int64)
        series = self.series[pick]
        use_log = self.history.nonnegative_until[series] >= self.stop[pick]
        return Windows(series, self.history.indptr[series], end, self.stop[pick], use_log)


def _content_order(history: History, series: Ints, cutoff: Ints) -> Ints:
    """Return an order of `series` that depends on their values only, so that names and file order change nothing."""
    import hashlib

    def digest(index: int) -> bytes:
        part = slice(history.indptr[index], cutoff[index])
        return hashlib.sha256(history.values[part].tobytes() + history.x[part].tobytes()).digest()

    return np.array(sorted(range(len(series)), key=lambda k: digest(int(series[k]))), dtype=np.int64)


def evenly(n: int, limit: int) -> Ints:
    """Return at most `limit` of `n` positions, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(limit, n)).astype(np.int64))


def gather_past(values: Floats, windows: Windows, lookback: int, xp: ArrayModule = np) -> Floats:
    """Return the last `lookback` rows before each window's end, (n, lookback); NaN where the series has not begun."""
    index = windows.end[:, None] + xp.arange(-lookback, 0)  # (n, lookback)
    return xp.where(index >= windows.start[:, None], xp.take(values, xp.maximum(index, 0), axis=0), float("nan"))


def newest(past: Floats, lookback: int, xp: ArrayModule = np) -> Floats:
    """Return the newest `lookback` rows of `past` (n, at least `lookback`).

    Where all of them are missing, the last value seen before takes the place of the newest one, as in `History.past`.
    """
    seen = xp.logical_not(xp.isnan(past))
    values = xp.where(seen, past, xp.zeros_like(past))
    order = xp.cumsum(xp.where(seen, xp.ones_like(past), xp.zeros_like(past)), axis=1)
    last = xp.logical_and(seen, order == order[:, -1:])  # where the last value seen is
    value = xp.sum(xp.where(last, values, xp.zeros_like(past)), axis=1, keepdims=True)  # (n, 1)
    window = past[:, -lookback:]
    empty = xp.logical_not(xp.any(seen[:, -lookback:], axis=1, keepdims=True))
    tail = xp.where(xp.logical_and(empty, xp.any(seen, axis=1, keepdims=True)), value, window[:, -1:])
    return xp.concatenate([window[:, :-1], tail], axis=1)


def gather_future(values: Floats, windows: Windows, horizon: int, xp: ArrayModule = np) -> Floats:
    """Return the `horizon` rows from each window's end on, (n, horizon); NaN from `stop` on."""
    index = windows.end[:, None] + xp.arange(horizon)  # (n, horizon)
    last = values.shape[0] - 1
    return xp.where(index < windows.stop[:, None], xp.take(values, xp.minimum(index, last), axis=0), float("nan"))


def gather_covariates(x: Floats, windows: Windows, lookback: int, horizon: int, xp: ArrayModule = np) -> Floats:
    """Return the rows (n, lookback + horizon, n_columns) around each window's end; NaN outside `[start, stop)`."""
    index = windows.end[:, None] + xp.arange(-lookback, horizon)  # (n, lookback + horizon)
    inside = xp.logical_and(index >= windows.start[:, None], index < windows.stop[:, None])
    return xp.where(inside[:, :, None], xp.take(x, xp.clip(index, 0, x.shape[0] - 1), axis=0), float("nan"))
