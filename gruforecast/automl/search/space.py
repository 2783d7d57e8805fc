"""What the search may choose from: every bound follows from the season and the rows before the first fold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from gruforecast.data.windows import Sampler
from gruforecast.evaluation.splits import Split
from gruforecast.models.networks.config import (
    DECODERS,
    KNOWN,
    MAX_LOOKBACK,
    PERIODS,
    STEPS_PER_CALL,
    Cell,
    Decoder,
    Hyperparameters,
    NetworkConfig,
    TrainingConfig,
    Use,
)
from gruforecast.serialization import JsonValue

if TYPE_CHECKING:
    import keras_tuner

# layers and units for small, middle and large data
SIZES = (((1, 32), (2, 64)), ((1, 64), (2, 64)), ((1, 64), (1, 128), (2, 128)))
SMALL, LARGE = 2_000, 50_000  # training windows below and above which networks and batches are small and large
TRAINED_ON = 100_000  # training windows above which trained weights are trained on rather than trained anew
DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
BATCHES = (32, 64, 128)  # windows per step for small, middle and large data
PASSES = 3  # over the windows of large data
LENGTHS = (0.25, 0.5, 1.0)  # shares of the usual number of steps
MAX_TOKENS = 40


@dataclass(frozen=True)
class Space:
    """Bounds of the search and the configuration it starts from.

    Attributes:
        lookbacks, segments: choices, ascending; every lookback is a multiple of every segment.
        decoders: choices; only the direct one for small data, where compiling takes most of the time.
        sizes: choices of layers and units.
        log_unit, step_days, periods, inputs: see `NetworkConfig`.
        logged: whether some series may be seen on a logarithmic scale.
        batch_size, steps: of each full training of usual length.
        large: whether there is so much data that trained weights are trained on rather than trained anew.
        portfolio: values of the first trials, recipes that are good on their own; every other search starts from them.
    """

    horizon: int
    season_length: int
    lookbacks: tuple[int, ...]
    segments: tuple[int, ...]
    decoders: tuple[Decoder, ...]
    sizes: tuple[tuple[int, int], ...]
    log_unit: float
    logged: bool
    step_days: float
    periods: tuple[float, ...]
    inputs: tuple[str, ...]
    batch_size: int
    steps: int
    large: bool
    portfolio: tuple[Hyperparameters, ...]

    @classmethod
    def of(cls, split: Split) -> Space:
        """Return the space for a panel, from its rows before the first fold alone."""
        m = split.season_length
        sampler = Sampler.before(split.history, split.learned, split.horizon, max(m, 3))
        rows = (split.learned - split.history.indptr[:-1])[split.learned > split.history.indptr[:-1]]
        daily = m >= 12 and abs(m * _step_days(split) - 1.0) < 0.1
        wanted = _lookbacks(m, split.horizon, int(np.median(rows)), daily=daily)
        lookback = min(7 * m, wanted[-1]) if daily else _default_lookback(m, split.horizon, wanted)
        lookbacks = _around(wanted, lookback)
        segments, segment = _segments(m, lookbacks[-1])
        size = int(np.searchsorted((SMALL, LARGE), sampler.total))  # 0 small, 1 middle, 2 large
        start = recipe(size, lookback, segment, _uses(split.inputs)[-1])
        step_days, periods = _calendar(split, lookback)
        logged = bool((split.history.nonnegative_until >= split.learned).any())
        space = cls(
            horizon=split.horizon,
            season_length=m,
            lookbacks=lookbacks,
            segments=segments,
            decoders=DECODERS if size else DECODERS[:1],
            sizes=SIZES[size],
            log_unit=_log_unit(split, lookback),
            logged=logged,
            step_days=step_days,
            periods=periods,
            inputs=split.inputs,
            batch_size=BATCHES[size],
            steps=(200, 1000, _many_steps(sampler.total))[size],
            large=sampler.total > TRAINED_ON,
            portfolio=(start,),
        )
        return replace(space, portfolio=_portfolio(space))

    @property
    def start(self) -> Hyperparameters:
        """The values of the first trial."""
        return self.portfolio[0]

    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """Return the space as keras-tuner knows it."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        self.register(hp)
        return hp

    def register(self, hp: keras_tuner.HyperParameters) -> Hyperparameters:
        """Declare every dimension on `hp` and return the values that it holds."""
        start = self.start
        size = self.sizes.index((start.layers, start.units))
        layers, units = self.sizes[hp.Choice("size", list(range(len(self.sizes))), default=size, ordered=True)]
        flat = self.season_length == 1  # a trend may be added to the last value
        uses = list(_uses(self.inputs))
        return Hyperparameters(
            lookback=hp.Choice("lookback", list(self.lookbacks), default=start.lookback, ordered=True),
            segment=hp.Choice("segment", list(self.segments), default=start.segment, ordered=True),
            layers=layers,
            units=units,
            decoder=hp.Choice("decoder", list(self.decoders), default=start.decoder),
            dropout=hp.Choice("dropout", list(DROPOUTS), default=start.dropout, ordered=True),
            learning_rate=float(hp.Float("learning_rate", 5e-4, 8e-3, sampling="log", default=start.learning_rate)),
            weight_decay=float(hp.Float("weight_decay", 1e-3, 1e-1, sampling="log", default=start.weight_decay)),
            length=hp.Choice("length", list(LENGTHS), default=start.length, ordered=True),
            own_spread=hp.Choice("own_spread", [0.0, 0.5, 1.0], default=start.own_spread, ordered=True),
            averaged=hp.Choice("averaged", [0.0, 0.5, 1.0], default=start.averaged, ordered=True),
            log=hp.Boolean("log", default=start.log) if self.logged else True,
            trend=hp.Choice("trend", [0.0, 0.5, 1.0], default=start.trend, ordered=True) if flat else 0.0,
            calendar=hp.Boolean("calendar", default=start.calendar) if self.periods else False,
            use_inputs=hp.Choice("use_inputs", uses, default=start.use_inputs) if self.inputs else "none",
        )

    def hyperparameter_values(self, values: Hyperparameters) -> dict[str, JsonValue]:
        """Return `values` as keras-tuner names them: layers and units are one choice there."""
        size = self.sizes.index((values.layers, values.units))
        flat = self.season_length == 1
        optional = {"calendar": self.periods, "use_inputs": self.inputs, "trend": flat, "log": self.logged}
        left_out = {"layers", "units", *(name for name, there in optional.items() if not there)}
        return {
            "size": size,
            **{name: one for name, one in structs.asdict(values).items() if name not in left_out},
        }

    def network(self, values: Hyperparameters, cell: Cell = "gru") -> NetworkConfig:
        """Return the network that `values` stand for."""
        return NetworkConfig(
            horizon=self.horizon,
            lookback=values.lookback,
            season_length=self.season_length,
            cell=cell,
            layers=values.layers,
            units=values.units,
            dropout=round(float(values.dropout), 6),
            segment=values.segment,
            decoder=values.decoder,
            log_unit=self.log_unit,
            log=values.log,
            own_spread=values.own_spread,
            averaged=values.averaged,
            trend=values.trend,
            step_days=self.step_days,
            periods=self.periods,
            calendar=values.calendar,
            inputs=self.inputs,
            use_inputs=values.use_inputs,
        )

    def training(self, values: Hyperparameters, seed: int, share: float = 1.0) -> TrainingConfig:
        """Return the training that `values` stand for, with a `share` of the full number of steps."""
        steps = max(50, round(self.steps * values.length * share))
        return TrainingConfig(
            steps, self.batch_size, float(values.learning_rate), float(values.weight_decay), seed=seed
        )


def recipe(size: int, lookback: int, segment: int, use_inputs: Use = "none") -> Hyperparameters:
    """Return the first trial's values for small, middle and large data (0, 1, 2)."""
    return Hyperparameters(
        layers=(1, 2, 2)[size],
        units=(32, 64, 128)[size],
        dropout=(0.3, 0.2, 0.1)[size],
        learning_rate=2e-3,
        weight_decay=1e-2,
        length=1.0,
        decoder="direct",
        own_spread=0.5,
        averaged=0.0,
        trend=0.0,
        log=True,
        calendar=False,
        use_inputs=use_inputs,
        lookback=lookback,
        segment=segment,
    )


def _uses(inputs: tuple[str, ...]) -> tuple[Use, ...]:
    """Return which covariates may be shown, from the fewest to what the search begins with."""
    if not inputs:
        return ("none",)
    return ("none", "all", "ahead") if any(kind in KNOWN for kind in inputs) else ("none", "all")


def _many_steps(windows: int) -> int:
    """Return the steps for large data: three passes over the windows, but no less than 1,000 and no more than 6,000."""
    calls = PASSES * windows / BATCHES[2] / STEPS_PER_CALL
    return STEPS_PER_CALL * round(min(max(calls, 40), 240))


def _portfolio(space: Space) -> tuple[Hyperparameters, ...]:
    """Return the recipe, a decoded one, a slower one over averaged seasons, a shorter one.

    The first two have different shapes, so that two workers do not compile the same one at once.
    """
    start = space.start
    layers, units = next(size for size in space.sizes if size != (start.layers, start.units))
    decoded = structs.replace(
        start,
        segment=_other(space.segments, start.segment),
        own_spread=1.0,
        decoder=space.decoders[:2][-1],
        use_inputs="all" if space.inputs else "none",
        log=space.large or not space.logged,
    )
    slower = structs.replace(
        start,
        lookback=_other(space.lookbacks, start.lookback),
        averaged=1.0,
        learning_rate=7e-4,
        calendar=bool(space.periods),
        use_inputs="none",  # whether the covariates help is for the folds to say
    )
    trend = float(space.season_length == 1)
    shorter = structs.replace(start, layers=layers, units=units, averaged=0.5, length=0.5, trend=trend)
    return tuple(dict.fromkeys((start, decoded, slower, shorter)))


def _other(choices: tuple[int, ...], chosen: int) -> int:
    """Return the first other choice; the same where there is none."""
    return next((one for one in choices if one != chosen), chosen)


def _lookbacks(season_length: int, horizon: int, rows: int, *, daily: bool) -> tuple[int, ...]:
    """Return lookbacks worth trying: multiples of the season (a day: up to two weeks), within a usual series."""
    m = season_length
    if m == 1:
        wanted = [8, 16, 24, 48, 4 * -(-horizon // 4)]
    elif m < 12:
        wanted = [2 * m, 3 * m, 4 * m, 6 * m, 8 * m, 12 * m]
    else:
        wanted = [2 * m, 3 * m, 4 * m, m * -(-horizon // m)] + ([7 * m, 14 * m] if daily else [])
    shortest = 4 if m == 1 else m
    fitting = sorted({size for size in wanted if size <= min(max(rows, shortest), MAX_LOOKBACK)})
    return tuple(fitting) or (shortest,)


def _around(choices: tuple[int, ...], default: int) -> tuple[int, ...]:
    """Return the default one of the ascending `choices` and the next longer, or the next shorter if it is the longest.

    Every combination of choices is a network to be compiled, which takes seconds: few of them leave time for training.
    """
    place = min(choices.index(default), max(len(choices) - 2, 0))
    return choices[place : place + 2]


def _default_lookback(season_length: int, horizon: int, lookbacks: tuple[int, ...]) -> int:
    """Return three or four seasons or two horizons, sixteen rows at least; seasons of a day have a week instead."""
    seasons = 3 if season_length >= 12 else 4
    wanted = max(seasons * season_length, 2 * horizon, 16) if season_length > 1 else 16
    return min(lookbacks, key=lambda size: abs(size - wanted))


def _segments(season_length: int, lookback: int) -> tuple[tuple[int, ...], int]:
    """Return the rows per token to choose from, and the default.

    About a quarter of the season, and the season. Where a quarter makes too many tokens of the longest `lookback`, the
    season is the default, and the shortest part of it that makes few enough takes the place of the quarter.
    """
    if season_length == 1:
        return (1, 4), 1 if lookback <= MAX_TOKENS else 4
    divisors = [d for d in range(1, season_length + 1) if season_length % d == 0]
    quarter = min(divisors, key=lambda d: (abs(d - season_length / 4), d))
    if lookback / quarter <= MAX_TOKENS:
        return tuple(sorted({quarter, season_length})), quarter
    short = next((d for d in divisors if lookback / d <= MAX_TOKENS), season_length)
    return tuple(sorted({short, season_length})), season_length


def _calendar(split: Split, lookback: int) -> tuple[float, tuple[float, ...]]:
    """Return the days from row to row, and the calendar's periods that a window is too short to show.

    The rows before fold 1 must span a period twice: otherwise its phase is no more than the number of the row. Periods
    that the window shows did harm: on M4 hourly and M3 monthly the calendar cost 4 to 7 % of the fold score.
    """
    step = _step_days(split)
    span = step * int((split.learned - split.history.indptr[:-1]).max())
    return step, tuple(period for period in PERIODS if lookback * step < period <= span / 2 and step > 0)


def _step_days(split: Split) -> float:
    """Return the mean days from row to row of the longest series before the first fold; 0 without stamps."""
    first, last, days = split.history.indptr[:-1], split.learned - 1, split.history.days
    longest = int(np.argmax(last - first))
    span = float(days[last[longest]] - days[first[longest]])
    return span / max(int(last[longest] - first[longest]), 1)


def _log_unit(split: Split, lookback: int) -> float:
    """Return the median spread of the logs of the newest rows before fold 1, of positive series that change."""
    deviations = []
    for series, end in enumerate(split.learned):
        first = max(int(split.history.indptr[series]), int(end) - lookback)
        rows = split.history.values[first:end]
        rows = rows[~np.isnan(rows)]
        if len(rows) >= 3 and rows.min() > 0 and rows.min() < rows.max():
            deviations.append(float(np.log(rows).std()))
    return float(np.clip(np.median(deviations), 1e-4, 1e4)) if deviations else 1.0
