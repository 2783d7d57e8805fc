"""What a network and its training are made of: plain values that can be stored as JSON and checked on the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from gruforecast.data.covariates import MAX_INPUTS
from gruforecast.serialization import Record

Cell = Literal["gru", "lstm", "rnn"]
CELLS: tuple[Cell, ...] = get_args(Cell)
BLOCKS = {"gru": 3, "lstm": 4, "rnn": 1}  # of a kernel: one for each gate, one for the new state
Decoder = Literal["direct", "parallel", "sequence"]
DECODERS: tuple[Decoder, ...] = get_args(Decoder)
MAX_LOOKBACK = 100_000
MAX_STEP_DAYS = 36_600.0  # a hundred years
MIN_LOG_UNIT = 1e-15  # of logged values: the last digit of a number
STEPS_PER_CALL = 25  # gradient steps of one compiled call; trainings take a multiple of it
RUNGS = (0.25, 0.5)  # shares of a training's steps at which it may be given up
Use = Literal["none", "ahead", "all"]
USES: tuple[Use, ...] = get_args(Use)
INPUTS = ("past", "past flag", "known", "known flag", "static")  # kinds of a covariate
PAST, KNOWN, FLAGS = INPUTS[:2], INPUTS[2:4], ("past flag", "known flag")
PERIODS = (1.0, 7.0, 365.2425)  # a day, a week, a year, in days
QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)  # what a network forecasts of each step; the middle one is its point forecast
MIDDLE = QUANTILES.index(0.5)
MAX_DECODED = 8  # segments of the horizon where the lookback has none
CONTEXT, ROW_UNITS = 16, 32  # numbers of a decoded state, and units, with which known rows of the horizon are read
MAX_RECENT = 168  # inputs shown directly to the head: a week of hours


class Hyperparameters(Record, frozen=True):
    """What a search chooses for one network and its training; the fields of `NetworkConfig` say what they mean.

    Attributes:
        length: of the training, as a share of the longest.
    """

    layers: int
    units: int
    dropout: float
    learning_rate: float
    weight_decay: float
    length: float
    decoder: Decoder
    own_spread: float
    averaged: float
    trend: float
    log: bool
    calendar: bool
    use_inputs: Use
    lookback: int
    segment: int


def views(kind: str) -> int:
    """Return in how many ways a covariate is seen in each row: value and difference, numbers in one more."""
    return 2 if kind in FLAGS else 3


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides a network's shape and what its numbers mean.

    Attributes:
        lookback: rows of the past that the network sees, a multiple of `segment`.
        segment: rows per token; the recurrent layers take `lookback / segment` steps.
        decoder: `direct`: the last state gives all steps at once; `parallel`: one recurrent step from it for each
            segment of the horizon, told apart by a learned position (SegRNN, Lin et al. 2023); `sequence`: a second
            recurrent layer that runs over those positions (encoder and decoder of Cho et al. 2014).
        season_length: rows of one season; 1 when there is none.
        log_unit: divisor of logged values, so that they are near unit size (one constant per panel).
        own_spread: share, in powers, of the window's own spread in that divisor; at 1 there is no constant.
        log: whether series that are never negative are seen on a logarithmic scale.
        step_days: days from one row to the next, on average; 0 when not known.
        periods: days of the calendar's periods whose phase the network is shown, such as a day, a week, a year.
        calendar: whether it is shown; otherwise zeros take its place.
        inputs: kind of each covariate, one of `INPUTS`: seen in the past only, known in the future, or constant
            in each series; a flag is 0 or 1.
        use_inputs: which of those are shown, zeros take the place of others: `none`; `ahead`: future
            covariates in the horizon only, not in the past; `all`.
        averaged: share of the mean of the last seasons, instead of the last one alone, in what the network adds to.
        trend: without a season, share of a damped trend of the newest rows in it.
    """

    horizon: int
    lookback: int
    season_length: int = 1
    cell: Cell = "gru"
    layers: int = 1
    units: int = 32
    dropout: float = 0.0
    segment: int = 1
    decoder: Decoder = "direct"
    log_unit: float = 1.0
    log: bool = True
    own_spread: float = 0.0
    averaged: float = 0.0
    trend: float = 0.0
    step_days: float = 0.0
    periods: tuple[float, ...] = ()
    calendar: bool = False
    inputs: tuple[str, ...] = ()
    use_inputs: Use = "none"

    def __post_init__(self) -> None:
        sizes = (self.horizon, self.lookback, self.season_length, self.layers, self.units, self.segment)
        if not (
            all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
            and (1 <= self.layers <= 8 and 1 <= self.units <= 1024 and 1 <= self.horizon <= 100_000)
            and (1 <= self.segment <= self.lookback <= MAX_LOOKBACK and self.lookback % self.segment == 0)
            and 1 <= self.season_length <= self.lookback
            and all(isinstance(flag, bool) for flag in (self.log, self.calendar))
            and all(0 <= share <= 1 for share in (self.own_spread, self.averaged, self.trend))
            and (set(self.periods) <= set(PERIODS) and len(set(self.periods)) == len(self.periods))
            and (set(self.inputs) <= set(INPUTS) and len(self.inputs) <= MAX_INPUTS and self.use_inputs in USES)
            and (0 <= self.step_days <= MAX_STEP_DAYS and 0 <= self.dropout < 1)
            and (self.cell in CELLS and self.decoder in DECODERS)
            and MIN_LOG_UNIT <= self.log_unit <= 1 / MIN_LOG_UNIT
        ):
            raise ValueError(f"impossible network: {self}")

    @property
    def shape(self) -> NetworkConfig:
        """The same network without what does not change its compiled program."""
        return replace(
            self,
            dropout=0.0,
            log_unit=1.0,
            log=True,
            calendar=False,
            use_inputs="none",
            own_spread=0.0,
            averaged=0.0,
            trend=0.0,
            step_days=self.step_days if self.periods else 0.0,
        )

    @property
    def tokens(self) -> int:
        """Steps that the recurrent layers take."""
        return self.lookback // self.segment

    @property
    def decoded(self) -> tuple[int, int]:
        """Segments of the horizon that are decoded one by one, and rows of each; the last may reach beyond the end."""
        if self.decoder == "direct":
            return 1, self.horizon
        rows = min(self.segment if self.segment > 1 else -(-self.horizon // MAX_DECODED), self.horizon)
        return -(-self.horizon // rows), rows

    @property
    def channels(self) -> int:
        """Numbers that the network sees of each row.

        Value, mask, two differences, sine and cosine of each period, and what is seen of each covariate.
        """
        return 4 + 2 * len(self.periods) + sum(views(kind) for kind in self.inputs if kind != "static")

    @property
    def future_channels(self) -> int:
        """Numbers that are known of each row of the horizon: phases, future covariates, those of the series."""
        return (
            2 * len(self.periods)
            + sum(views(kind) for kind in self.inputs if kind in KNOWN)
            + self.inputs.count("static")
        )

    @property
    def cost(self) -> int:
        """About how the time of a training step grows with the shape: steps times layers times their products."""
        decoding = 0 if self.decoder == "direct" else self.decoded[0]
        return (self.tokens * self.layers + decoding) * self.units * self.units

    @property
    def recent(self) -> int:
        """Last inputs that the head sees directly, beside the recurrent state."""
        return min(self.season_length, MAX_RECENT) if self.season_length > 1 else min(3, self.lookback)


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes:
        steps: gradient steps; the learning rate falls to zero over them along a half cosine.
        batch_size: windows per step.
    """

    steps: int
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = 0
