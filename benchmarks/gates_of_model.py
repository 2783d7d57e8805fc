#!/usr/bin/env python3
"""Whether the gates that `gruforecast explain` replays are those of Keras, for every network of a saved model.

    python benchmarks/gates_of_model.py MODEL [DATA] [--json]

`explain` is run for each network, and the windows that it replays are noted; without DATA these are the newest rows
that the model has kept. For each recurrent layer, the decoder included, the largest absolute difference over all of
those windows, steps and units is printed:

`state`, `update`, `reset`: of the replay from Keras. The states are those of `keras.layers.GRU` itself, over what the
Keras network gives to this layer. Keras keeps its gates to itself, so they are the formula in `keras.ops`, from the
layer's weights and from the states that Keras has reached.
`formula`: of the states that follow from those gates by that formula, from Keras' states. `layer`: of the states that
the layer inside the network gives on, from those of the GRU beside it. So both witnesses are looked at, too.

For each network: `residual`, what it adds to the seasonal naive forecast, in units of the network, divided by the
largest number of it in that window where that is above one; and `forecast`, in the user's unit, divided by the largest
number of the forecast of that window. All quantiles; numpy from Keras. Both are given the same encoded windows:
nothing is said here about the encoding.

The exit code is 1 where a difference is above 1e-5, or no number.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any
from unittest.mock import patch

import numpy as np

from gruforecast.arrays import Single
from gruforecast.artifact.folder import load
from gruforecast.data.read import read_like
from gruforecast.data.windows import History, Windows
from gruforecast.explain.model import explain_model
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.features import Features, decode, encode_windows
from gruforecast.models.networks.inference import Network, forecast, residuals
from gruforecast.models.networks.recurrence import Step, Trace

LIMIT = 1e-5
Result = dict[str, Any]


def explained(forecaster: Forecaster, panel: Any, name: str) -> list[tuple[History, Windows]]:
    """The blocks of windows that `explain --member name` replays."""
    found: list[tuple[History, Windows]] = []

    def noted(history: History, windows: Windows, config: NetworkConfig) -> Features:
        found.append((history, windows))
        return encode_windows(history, windows, config)

    with patch("gruforecast.explain.gate_timeline.encode_windows", noted):
        explain_model(forecaster, panel, member=name)
    return found


def measured(network: Network, blocks: list[tuple[History, Windows]]) -> list[Result]:
    """One row for each recurrent layer and one for the forecast, the worst of all blocks."""
    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import set_weights

    model = build_network(network.config, seed=0)
    set_weights(model, network.weights)
    rows: dict[str, Result] = {}
    for history, windows in blocks:
        features = encode_windows(history, windows, network.config).features.astype(np.float32)
        found = _layers(model, features, network) | {"forecast": _forecast(model, features, history, windows, network)}
        for name, one in found.items():
            before = rows.get(name, dict.fromkeys(one, 0.0))
            rows[name] = {key: float(np.maximum(before[key], one[key])) for key in one}  # NaN stays
    count = sum(len(windows) for _, windows in blocks)
    return [{"network": network.name, "part": name, "windows": count} | one for name, one in rows.items()]


def _layers(model: Any, features: Single, network: Network) -> dict[str, Result]:
    """The differences in each recurrent layer of the encoder, and in the decoder where there is one."""
    config = network.config
    trace = Trace()
    residuals(features, None, config, network.weights, trace)
    empty = np.zeros((len(features), config.units), np.float32)
    compared = {}
    for depth in range(config.layers):
        layer = model.get_layer(f"gru_{depth}")
        given, own = (_inside(model, features, one) for one in (layer.input, layer.output))
        compared[layer.name] = _compared(trace.steps[layer.name], layer, given, own, empty)
    if config.decoder != "direct":
        layer = model.get_layer("decoder")
        names = (
            ("positions", f"dropout_{config.layers - 1}") if config.decoder == "sequence" else ("flat", "flat_state")
        )
        given, start, own = (_inside(model, features, model.get_layer(name).output) for name in (*names, "decoder"))
        compared["decoder"] = _compared(trace.steps["decoder"], layer, given, own, start)
    return compared


def _inside(model: Any, features: Single, tensor: Any) -> Single:
    """What a tensor inside of the Keras network is for `features`."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(keras.Model(model.inputs[0], tensor)(features)))


def _compared(mine: list[Step], layer: Any, given: Single, own: Single, start: Single) -> Result:
    """The largest differences between the steps `mine` and Keras over the inputs `given` (n, steps, size)."""
    import keras
    from keras import ops

    gru = keras.layers.GRU(layer.units, return_sequences=True, use_cudnn=False)
    gru.build(given.shape)
    gru.set_weights(layer.get_weights())
    states = gru(given, initial_state=ops.convert_to_tensor(start))  # (n, steps, units)
    before = ops.concatenate([ops.convert_to_tensor(start)[:, None], states[:, :-1]], axis=1)
    now = ops.matmul(given, gru.cell.kernel) + gru.cell.bias[0]  # (n, steps, 3 * units)
    heard = ops.matmul(before, gru.cell.recurrent_kernel) + gru.cell.bias[1]
    (a, b, c), (d, e, f) = ops.split(now, 3, axis=2), ops.split(heard, 3, axis=2)
    z, r = ops.sigmoid(a + d), ops.sigmoid(b + e)
    again = z * before + (1 - z) * ops.tanh(c + r * f)
    return {
        "state": _worst(np.stack([one.state for one in mine], axis=-2).reshape(states.shape), states),
        "update": _worst(np.stack([one.parts[0] for one in mine], axis=-2).reshape(states.shape), z),
        "reset": _worst(np.stack([one.parts[1] for one in mine], axis=-2).reshape(states.shape), r),
        "formula": _worst(again, states),
        "layer": _worst(own, states if own.ndim == 3 else states[:, -1]),
    }


def _forecast(model: Any, features: Single, history: History, windows: Windows, network: Network) -> Result:
    """The network's output and the forecast, by numpy and by Keras."""
    config, flags = network.config, windows.use_log & network.config.log
    encoded = encode_windows(history, windows, config)
    ahead = None if encoded.future is None else encoded.future.astype(np.float32)
    theirs = np.asarray(model(features if ahead is None else [features, ahead]))  # (n, horizon, n_quantiles)
    mine = residuals(features, ahead, config, network.weights)
    there = np.asarray(decode(theirs.astype(np.float64), encoded, flags))
    here = forecast(history, windows, config, network.weights)
    return {
        "residual": _worst(*_by_size(mine, theirs, 1.0)),
        "forecast": _worst(*_by_size(here, there, float(np.finfo(float).tiny))),
    }


def _by_size(one: Any, other: Any, least: float) -> tuple[Any, Any]:
    """Both divided by the largest number of `other` in each window, or by `least`."""
    size = np.maximum(np.abs(other).max(axis=(1, 2), keepdims=True), least)
    return one / size, other / size


def _worst(one: Any, other: Any) -> float:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        raise ValueError(f"shapes differ: {one.shape} and {other.shape}")
    return float(np.abs(one - other).max())


def main() -> int:
    """Measure all networks and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data", nargs="?")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    forecaster = load(options.model)
    panel = read_like(options.data, forecaster.plan).panel if options.data else None
    rows = [
        row for network in forecaster.networks for row in measured(network, explained(forecaster, panel, network.name))
    ]
    values = [value for row in rows for value in row.values() if isinstance(value, float)]
    worst = float(np.max(values))  # NaN stays
    if options.json:
        json.dump({"rows": rows, "worst": worst, "limit": LIMIT}, sys.stdout, allow_nan=True)
    else:
        for row in rows:
            print(", ".join(f"{key} {x:.1e}" if isinstance(x, float) else f"{key} {x}" for key, x in row.items()))
        print(f"worst {worst:.1e}, limit {LIMIT:.0e}: {'equal' if worst <= LIMIT else 'NOT EQUAL'}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
