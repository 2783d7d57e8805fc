"""What a network needs: how much worse its forecasts become when a part of what it sees comes from another window.

Permutation importance (Breiman 2001) in units of MASE, on windows that the network has not learned from. The simple
forecast that the network adds to is left as it is: this is about what the network makes of its inputs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats, Ints, Weights
from gruforecast.data.scale import mase_scale
from gruforecast.data.windows import History, Windows, evenly, gather_future
from gruforecast.evaluation.metrics import mase
from gruforecast.evaluation.splits import average
from gruforecast.explain.records import ImportanceRecord, PartImportance, PartKind, significant
from gruforecast.models.networks.config import MIDDLE, QUANTILES, NetworkConfig
from gruforecast.models.networks.features import Features, decode, encode
from gruforecast.models.networks.inference import residuals

TIMES = 8  # permutations of each part
MAX_WINDOWS, MIN_WINDOWS = 200, 24
DIGITS = 4
EFFORT = 3e10  # multiplications in all, about a second or two
VALUES = 4  # channels made of the series itself: value, mask, two differences
SEASONS = 4  # seasons back that are told apart


@dataclass(frozen=True)
class Part:
    """A part of what a network sees.

    Attributes:
        rows: first and end of the rows of the past (lags, all); column: its number (column).
    """

    name: str
    kind: PartKind
    rows: tuple[int, int] = (0, 0)
    column: int = 0


def parts_of(config: NetworkConfig, columns: tuple[str, ...] = ()) -> list[Part]:
    """Return the lags in groups, then the calendar and each of `columns` where the network is shown them."""
    lags = [Part(_lag_name(near, far, config), "lags", (config.lookback - far, config.lookback - near))
            for near, far in _lags(config)]  # fmt: skip
    calendar = [Part("calendar", "calendar")] if config.calendar and config.periods else []
    shown = {"none": (), "ahead": ("known", "known flag", "static")}.get(config.use_inputs, config.inputs)
    kinds = zip(columns, config.inputs, strict=True) if columns else ()
    covariates = [Part(name, "column", column=k) for k, (name, kind) in enumerate(kinds) if kind in shown]
    return [*lags, Part("all rows together", "all", (0, config.lookback)), *calendar, *covariates]


def _lags(config: NetworkConfig) -> list[tuple[int, int]]:
    """Return groups of rows back from the end of the window, newest first: (rows before it, rows up to its last)."""
    m, lookback = config.season_length, config.lookback
    edges = [0, max(1, m // 4), *[m * (k + 1) for k in range(SEASONS)]] if m > 1 else [0, 3, 6, 12, 24, 48]
    edges = [edge for edge in dict.fromkeys(edges) if edge < lookback] + [lookback]
    return list(itertools.pairwise(edges))


def _lag_name(near: int, far: int, config: NetworkConfig) -> str:
    m = config.season_length
    if m > 1 and near >= m and far - near == m:
        return f"season {far // m} back"
    if far - near == 1:
        return "last row" if near == 0 else f"{far} rows back"
    return f"last {far} rows" if near == 0 else f"{near + 1} to {far} rows back"


def thinned(windows: Windows, config: NetworkConfig, parts: int) -> Windows:
    """Return as many windows, evenly spread, as a second or two allows for."""
    each = config.tokens * config.layers * config.units * config.units * 6 * TIMES * max(parts, 1)
    return windows[evenly(len(windows), int(np.clip(EFFORT / each, MIN_WINDOWS, MAX_WINDOWS)))]


def importance(
    history: History,
    windows: Windows,
    config: NetworkConfig,
    weights: Weights,
    columns: tuple[str, ...] = (),
    described: str = "",
    seed: int = 0,
) -> ImportanceRecord | None:
    """Return how much the MASE grows when parts of the input are exchanged between windows; None without scores.

    Args:
        windows: those of `thinned`; columns: names of the covariates.
        described: in words, how the windows relate to what the network has learned from.
    """
    seen = _Seen(history, windows, config, weights)
    generator = np.random.default_rng(seed)
    whole, without = seen.mase(seen.encoded), seen.mase(seen.encoded, silent=True)
    if len(windows) < 2 or not np.isfinite([whole, without]).all():
        return None
    grown = {}  # (TIMES,) by part
    for part in parts_of(config, columns):
        orders = [generator.permutation(len(windows)) for _ in range(TIMES)]
        grown[part] = np.array([seen.mase(seen.exchanged(part, order)) for order in orders]) - whole
    return ImportanceRecord(
        mase=significant(whole, DIGITS),
        without=significant(without, DIGITS),
        windows=len(windows),
        permutations=TIMES,
        parts=[_growth(part, grown[part]) for part in sorted(grown, key=lambda part: -grown[part].mean())],
        seen=described,
    )


def _growth(part: Part, grown: Floats) -> PartImportance:
    facts = (float(one) for one in (grown.mean(), grown.min(), grown.max(), grown.std(ddof=1)))
    return PartImportance(part.name, part.kind, *(significant(one, DIGITS) for one in facts))


class _Seen:
    """The windows as the network sees them, and how well it forecasts what came after."""

    def __init__(self, history: History, windows: Windows, config: NetworkConfig, weights: Weights) -> None:
        self.config, self.weights = config, weights
        self.past, self.origin = history.past(windows, config.lookback), history.origin(windows)
        self.x = history.covariates(windows, config.lookback, config.horizon) if config.inputs else None
        self.flags, self.windows = windows.use_log & config.log, windows
        self.actual = np.asarray(gather_future(history.values, windows, config.horizon))
        self.scale = mase_scale(history, windows, config.season_length)
        self.encoded = self._encode(self.origin, self.x)

    def _encode(self, origin: Floats, x: Floats | None) -> Features:
        return encode(self.past, origin, self.flags, self.config, covariates=x)

    def exchanged(self, part: Part, order: Ints) -> Features:
        """Return the windows with one part of each from another window."""
        if part.kind == "calendar":
            return self._encode(self.origin[order], self.x)
        if part.kind == "column" and self.x is not None:
            x = self.x.copy()
            x[:, :, part.column] = x[order, :, part.column]
            return self._encode(self.origin, x)
        features = np.array(self.encoded.features)
        features[:, slice(*part.rows), :VALUES] = features[order, slice(*part.rows), :VALUES]
        return self.encoded._replace(features=features)

    def mase(self, encoded: Features, *, silent: bool = False) -> float:
        """Return the mean MASE over the windows; silent: of what the network adds to alone."""
        added: Floats = np.zeros(len(QUANTILES))
        if not silent:
            added = residuals(encoded.features, encoded.future, self.config, self.weights).astype(np.float64)
        forecast = np.asarray(decode(added, encoded, self.flags))[:, :, MIDDLE]
        return average(mase(self.actual, self.windows.floor_at_zero(forecast), self.scale))
