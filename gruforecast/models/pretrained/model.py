"""The pretrained network as a model: windows of any history to forecasts with quantiles, without a fit.

A window is seen twice, as it is and, where all of its values are positive, as logarithms; the two forecasts are
averaged. The network sees values only: no covariates, no calendar.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from gruforecast.arrays import Array, Bools, Floats, Weights
from gruforecast.data.windows import History, Windows
from gruforecast.errors import ResourceError, UsageError
from gruforecast.models.networks.config import QUANTILES, NetworkConfig
from gruforecast.models.networks.inference import Network
from gruforecast.models.pretrained.features import Features, window_rows
from gruforecast.models.pretrained.inference import forward, weight_shapes
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.serialization import Record

NAME = "pretrained"  # on the command line, of `load`, and as a member
MAX_SEASON = 288
STEPS, LONG_STEPS, LONG_SEASON = 64, 168, 24  # most steps ahead, and those from this season on
BLOCK_NUMBERS = 400_000  # of one array for the windows that are forecast at a time
LEAST = 1e-3  # of the smallest value: what a negative forecast counts as beside one on the logarithmic scale
PLACE = Path(__file__).parent


class Card(Record, frozen=True):
    """What the network was trained on, and how.

    Attributes:
        windows: how many it has seen; width: units of its layers; bytes: of its weights.
        commit: of this repository, from which it was trained; sha256: of `weights.npz`.
    """

    trained_on: str
    steps: int
    windows: int
    minutes: float
    seed: int
    width: int
    parameters: int
    bytes: int
    commit: str
    sha256: str

    def in_words(self) -> str:
        """Return what the network is, in lines."""
        return (
            f"the network in this package: a GRU encoder-decoder of {self.parameters:,} weights\n"
            f"trained once on {self.trained_on}: {self.windows:,} windows, {self.steps:,} steps, "
            f"{self.minutes:,.0f} minutes\n"
            f"seed {self.seed}, commit {self.commit}, weights {self.sha256[:16]}\n"
            f"seasons of up to {MAX_SEASON} rows; horizons of up to {STEPS} rows, from a season of {LONG_SEASON} rows "
            f"on up to {LONG_STEPS}"
        )


@functools.cache
def card() -> Card:
    """Return the card of the network in this package."""
    try:
        return msgspec.convert(json.loads((PLACE / "card.json").read_bytes()), Card)
    except (OSError, ValueError) as error:
        raise _damaged("card.json", str(error)) from error


@functools.cache
def weights() -> Weights:
    """Return the weights in this package, which are read once a process.

    Raises:
        ResourceError: they are not those that the card tells of.
    """
    try:
        content = (PLACE / "weights.npz").read_bytes()
        if hashlib.sha256(content).hexdigest() != card().sha256:
            raise _damaged("weights.npz", "it is not the file that was installed")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found: Weights = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError) as error:
        raise _damaged("weights.npz", str(error)) from error
    wanted = weight_shapes(card().width)
    if {name: one.shape for name, one in found.items()} != wanted:
        raise _damaged("weights.npz", "its arrays have other shapes than the network")
    if not all(one.dtype == np.float32 and np.isfinite(one).all() for one in found.values()):
        raise _damaged("weights.npz", "its arrays are not finite numbers in single precision")
    return found


def _damaged(name: str, why: str) -> ResourceError:
    text = f"the pretrained network cannot be read: {why}."
    remedy = "Install gruforecast again."
    return ResourceError(text, remedy=remedy, code="GF-E14", file=str(PLACE / name))


def longest_horizon(season_length: int) -> int:
    """Return how many steps ahead the network was trained for, with a season of so many rows."""
    return LONG_STEPS if season_length >= LONG_SEASON else STEPS


def within_reach(horizon: int, season_length: int) -> bool:
    """Return whether the network was trained for this horizon and season."""
    return 1 <= horizon <= longest_horizon(season_length) and season_length <= MAX_SEASON


def check_reach(horizon: int, season_length: int) -> None:
    """Refuse what the network was not trained for.

    Raises:
        UsageError: the season or the horizon is too long.
    """
    if season_length > MAX_SEASON:
        raise UsageError(
            f"the pretrained network takes seasons of up to {MAX_SEASON} rows, not of {season_length:,}.",
            remedy="Pass a shorter `season`, `resample` to a longer step, or fit a model.",
            code="GF-U49",
        )
    if horizon < 1:
        raise UsageError(f"`horizon` {horizon} is out of range.", remedy="Pass a positive number.", code="GF-U12")
    longest = longest_horizon(season_length)
    if horizon > longest:
        kind = f"with a season of {season_length} rows" if season_length > 1 else "without a season"
        raise UsageError(
            f"`horizon` {horizon} is more than the {longest} steps that the pretrained network takes {kind}.",
            remedy=f"Pass `horizon={longest}` or less, or fit a model, which takes any.",
            code="GF-U50",
        )


@dataclass(frozen=True)
class Pretrained:
    """The pretrained network as a model.

    Attributes:
        weights: of the network; second: rows of a longer season, None where there is none.
    """

    weights: Weights
    second: int | None = None

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts of windows (n) with quantiles, a block of windows at a time.

        Raises:
            UsageError: the season or the horizon is too long.
        """
        check_reach(horizon, season_length)
        rows = window_rows(season_length, self.second)
        size = max(1, BLOCK_NUMBERS // (8 * rows + 64 * horizon))
        blocks = [np.zeros((0, horizon, len(QUANTILES)))]
        for begin in range(0, len(windows), size):
            past = history.past(windows[begin : begin + size], rows)
            blocks.append(self._quantiles(past, horizon, season_length))
        return QuantileForecast.of(np.concatenate(blocks))

    def _quantiles(self, past: Floats, horizon: int, season_length: int) -> Floats:
        """Return the quantiles (n, horizon, n_quantiles) of windows (n, rows), both views averaged."""
        least = np.where(np.isnan(past), np.inf, past).min(axis=1)
        positive = np.flatnonzero(least > 0)
        plain = self._view(past, horizon, season_length, np.zeros(len(past), bool))
        if len(positive):
            logs = self._view(past[positive], horizon, season_length, np.ones(len(positive), bool))
            floor = LEAST * least[positive, None, None]
            plain[positive] = np.sqrt(np.maximum(logs, floor)) * np.sqrt(np.maximum(plain[positive], floor))
        return plain

    def _view(self, past: Floats, horizon: int, season_length: int, log: Bools) -> Floats:
        features = Features.of(past, season_length, horizon, log, self.second)
        return features.restored(forward(self._double, features))

    @functools.cached_property
    def _double(self) -> dict[str, Array]:
        """The weights in double precision: in single, products are added up in another order for other n.

        So a window has the same forecast whatever others are asked with it.
        """
        return {name: one.astype(float) for name, one in self.weights.items()}


@dataclass(frozen=True)
class PretrainedNetwork(Network):
    """The pretrained network for one horizon and season, with the weights of this package or trained on from them.

    Attributes:
        second: rows of a longer season, None where there is none.
    """

    second: int | None = None

    @classmethod
    def of(
        cls,
        horizon: int,
        season_length: int,
        second: int | None = None,
        name: str = NAME,
        own: Weights | None = None,
    ) -> PretrainedNetwork:
        """Return the network with the weights of this package, or with its `own`.

        Raises:
            UsageError: the season or the horizon is too long for it.
        """
        check_reach(horizon, season_length)
        config = NetworkConfig(
            horizon,
            window_rows(season_length, second),
            season_length,
            layers=2,
            units=card().width if own is None else len(own["whole.bias"]),
            decoder="sequence",
        )
        return cls(name, config, weights() if own is None else own, second=second)

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:  # noqa: ARG002
        """Return the forecasts with quantiles; the season is that of the configuration."""
        return Pretrained(self.weights, self.second).forecast(history, windows, horizon, self.config.season_length)
