"""`context.npz` of a model folder: where each training series ended, and forecasts from there on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from gruforecast.arrays import Array
from gruforecast.artifact.safe_reading import Wanted, require
from gruforecast.data.plan import Plan
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.covariate_effects import Effects, known_places
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.networks.inference import Network
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.series_state import SeriesState

MAX_STAMP = 2**37  # seconds from 1970, about 4,000 years
FIRST_YEAR, LAST_YEAR = np.datetime64("0002-01-01", "s"), np.datetime64("9998-01-01", "s")  # that can be written
MAY_MISS = ("past", "scale", "x", "static")


def arrays_of_state(state: SeriesState, models: Sequence[str]) -> dict[str, Array]:
    """Return what is written of a state, with the forecasts of `models`."""
    context: dict[str, Array] = {"last": state.last.astype("datetime64[s]").astype(np.int64)}
    if not state.kept:
        return context
    context |= {name: getattr(state, name) for name in ("past", "x", "static", "never_negative", "scale")}
    for name in models:
        one = state.forecasts[name]
        context |= {f"forecast.{name}": one.mean} if one.quantiles is None else {f"quantiles.{name}": one.quantiles}
    if state.effects is not None:
        context |= {f"effects.{name}": array for name, array in vars(state.effects).items()}
    return context


def wanted_arrays(n: int, networks: Sequence[Network], models: Sequence[str], pretrained: Collection[str]) -> Wanted:
    """Return the arrays of a state of n series that keeps rows.

    Args:
        models: whose forecasts are kept; pretrained: those that have quantiles.
    """
    config, lookback = networks[0].config, max(one.config.lookback for one in networks)
    static = config.inputs.count("static")
    moving = len(config.inputs) - static
    wanted: dict[str, tuple[tuple[int, ...], str]] = {
        "last": ((n,), "i8"),
        "past": ((n, lookback), "f8"),
        "scale": ((n,), "f8"),
    }
    wanted |= {"x": ((n, lookback, moving), "f8"), "static": ((n, static), "f8"), "never_negative": ((n,), "b1")}
    shape = n, config.horizon
    wanted |= {f"forecast.{name}": (shape, "f8") for name in models if name not in pretrained}
    wanted |= {f"quantiles.{name}": ((*shape, len(QUANTILES)), "f8") for name in pretrained}
    known = _known(networks, models)
    return wanted | {f"effects.{name}": kind for name, kind in Effects.shapes(n, known).items() if known}


def _known(networks: Sequence[Network], models: Sequence[str]) -> int:
    """Return how many covariates the harmonic regression reads."""
    return len(known_places(networks[0].config.inputs)) if HARMONIC in models else 0


def state_of(
    ids: tuple[tuple[str, ...], ...],
    arrays: Mapping[str, Array],
    networks: Sequence[Network],
    models: Sequence[str],
    plan: Plan,
) -> SeriesState:
    """Return the state in arrays that are as wanted, or when each series ended where there is nothing else.

    Raises:
        ValueError: a stamp is out of range.
    """
    require(bool((np.abs(arrays["last"]) <= MAX_STAMP).all()), "a stamp is out of range")
    last = arrays["last"].astype("datetime64[s]")
    horizon = networks[0].config.horizon
    written = last.min() > FIRST_YEAR and plan.freq.after(np.array([last.max()]), horizon).max() < LAST_YEAR
    require(bool(written), "a stamp of the forecast would be out of range")
    if "past" not in arrays:
        return SeriesState.without_rows(ids, last)
    known = _known(networks, models)
    return SeriesState(
        ids=ids,
        past=arrays["past"],
        never_negative=arrays["never_negative"],
        scale=arrays["scale"],
        last=last,
        forecasts={name: _forecast(name, arrays) for name in models},
        effects=Effects(*(arrays[f"effects.{name}"] for name in Effects.shapes(len(ids), known))) if known else None,
        x=arrays["x"],
        static=arrays["static"],
    )


def _forecast(name: str, arrays: Mapping[str, Array]) -> QuantileForecast:
    quantiles = arrays.get(f"quantiles.{name}")
    return QuantileForecast(arrays[f"forecast.{name}"]) if quantiles is None else QuantileForecast.of(quantiles)
