#!/usr/bin/env python3
"""Whether `gruforecast explain` says what is so: on series whose truth is known, with networks trained on them.

    python benchmarks/gates.py [--part replay,breaks,tokens,memory,reach] [--seeds 2] [--first-seed 0] [--json]
                                [--data FILE …]

`replay`: the largest difference between the replayed gates and states and those of Keras' own cell, on the air
passengers, on a synthetic series with breaks, and on each `--data`, for a network trained a little on it.

`breaks`: series whose level jumps, or whose pattern of six rows turns round, at known rows, twelve tokens apart or
more. The network learns from twelve such series and is watched on three others. Share of breaks with a moment within
one token; share of moments with a break there; share of breaks hit by as many moments placed at random, and by the
largest differences from one row (pattern: one season) to the next, which know nothing of any network.

`tokens`: the same for jumps of a level, by the number of tokens in the network's window.

`memory`: a level that walks, seen through noise. The best forecaster is an exponential mean whose half-life follows
from both sizes (Kalman gain of the local level model); the half-lives of the GRU's units beside it.

`reach`: a sign that is seen for 30 rows, then nothing for 100, then the same sign for 30 rows. Gradient of the mean
forecast of the next 30 rows with respect to those 101 to 130 rows back, by cell, before and after training.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.arrays import Floats, Ints, Weights
from gruforecast.data.read import read_csv
from gruforecast.data.windows import History
from gruforecast.explain.gate_timeline import watch
from gruforecast.explain.gates import replay
from gruforecast.explain.gradients import input_gradient
from gruforecast.explain.memory import APART, MIN_WINDOW, change_points, half_lives
from gruforecast.models.networks.config import CELLS, MIDDLE, NetworkConfig, TrainingConfig
from gruforecast.models.networks.features import encode_windows
from gruforecast.models.networks.inference import forecast, residuals
from gruforecast.models.networks.recurrence import Trace

ROOT = Path(__file__).parents[1]
Result = dict[str, Any]
LONG, BLOCK, SERIES = 130, 30, 40


def trained(config: NetworkConfig, history: History, seed: int, steps: int, rate: float = 3e-3) -> Weights:
    """Weights as this package trains them, on all rows."""
    from gruforecast.models.training.train import Schedule, train

    training = TrainingConfig(steps=steps, learning_rate=rate, seed=seed)
    return train(config, training, history, history.indptr[1:], Schedule()).weights


def history_of(series: list[Floats]) -> History:
    """A history of series in their order."""
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in series])]).astype(np.int64)
    return History.of(np.concatenate(series), indptr)


# --- replay ---------------------------------------------------------------------------------------------------------


def measure_replay(files: list[str], _: range) -> list[Result]:
    """Replayed gates and states against Keras' own."""
    histories = {"synthetic breaks": (history_of([broken(np.random.default_rng(0), 400, "level")[0]]), 1)}
    for file in [str(ROOT / "sample_data" / "air_passengers.csv"), *files]:
        panel = read_csv(file).panel
        step = {"h": 24, "30min": 48, "M": 12}.get(panel.freq.label, 1)
        histories[Path(file).name] = (History.of(panel.y, panel.indptr, panel.wall), step)
    return [_replayed(name, history, season) for name, (history, season) in histories.items()]


def _replayed(name: str, history: History, season: int) -> Result:
    segment = max(1, season // 4)
    config = NetworkConfig(
        horizon=max(season, 4), lookback=max(4 * season, 48), season_length=season, layers=2, units=16, segment=segment,
        decoder="parallel",
    )  # fmt: skip
    weights = trained(config, history, 0, 200)
    end = np.linspace(config.lookback + 1, history.indptr[1], 20).astype(int)
    features = encode_windows(history, history.windows(np.zeros(20, int), end), config).features.astype(np.float32)
    differences = _differences(features, config, weights)
    return {"series": name, "rows": int(history.indptr[1]), "tokens": config.tokens, "segment": segment} | differences


def _differences(features: Any, config: NetworkConfig, weights: Weights) -> Result:
    import keras

    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import set_weights

    model = build_network(config, seed=0)
    set_weights(model, weights)
    worst = {"update": 0.0, "reset": 0.0, "state": 0.0}
    gates, units = replay(features, config, weights), config.units
    for depth in range(config.layers):
        layer = model.get_layer(f"gru_{depth}")
        cell, h = layer.cell, np.zeros_like(gates.state[:, 0, depth])
        inputs = keras.Model(model.input, layer.input)(features).numpy()
        for step in range(config.tokens):  # Keras tells states only: its gates are those of its cell's own activation
            raw = inputs[:, step] @ cell.kernel.numpy() + h @ cell.recurrent_kernel.numpy() + cell.bias.numpy().sum(0)
            z, r = (cell.recurrent_activation(raw[:, k : k + units]).numpy() for k in (0, units))
            h = cell(inputs[:, step], [h])[0].numpy()
            for name, theirs in (("update", z), ("reset", r), ("state", h)):
                worst[name] = max(worst[name], float(np.abs(getattr(gates, name)[:, step, depth] - theirs).max()))
    return worst


# --- breaks ---------------------------------------------------------------------------------------------------------


def broken(generator: np.random.Generator, rows: int, kind: str, longer: int = 1) -> tuple[Floats, Ints]:
    """A series and the first rows of its regimes but the first.

    Regimes have 12 to 39 rows (pattern: 36 to 72), times `longer`; the noise has a standard deviation of 0.3.
    """
    values, breaks = np.zeros(rows), []
    begin, now = 0, generator.normal() * 2
    rising = np.linspace(-2, 2, 6)
    while begin < rows:
        length = longer * int(generator.integers(12, 40) if kind == "level" else 6 * generator.integers(6, 13))
        here = slice(begin, min(begin + length, rows))
        size = here.stop - begin
        values[here] = now if kind == "level" else np.resize(rising if now > 0 else rising[::-1], size)
        begin += length
        breaks += [begin] if begin < rows else []
        before = now
        while kind == "level" and abs(now - before) < 1.5:
            now = generator.normal() * 2
        now = now if kind == "level" else -before
    return values + 0.3 * generator.normal(size=rows), np.array(breaks)


def measure_breaks(_: list[str], seeds: range) -> list[Result]:
    """How often moments are found at breaks, by kind and by segment."""
    found = []
    for kind, segment, layers in (("level", 1, 1), ("level", 1, 2), ("level", 4, 1), ("pattern", 1, 1)):
        rows = [_breaks(kind, segment, layers, seed) for seed in seeds]
        total = {name: sum(row[name] for row in rows) for name in rows[0]}
        breaks, at = total["breaks"], total["moments"]
        found.append(
            {"kind": kind, "segment": segment, "layers": layers, "breaks": breaks, "moments": at}
            | {"hit": total["hit"] / breaks, "precise": total["right"] / max(at, 1)}
            | {"chance": total["chance"] / breaks, "difference": total["difference"] / breaks}
        )
    return found


def measure_tokens(_: list[str], seeds: range) -> list[Result]:
    """How often moments are found at jumps of the level, by the tokens of a window."""
    found = []
    for segment in (1, 4):
        for tokens in (4, 6, 8, 12, 16, 24):
            rows = [_breaks("level", segment, 1, seed, tokens) for seed in seeds]
            total = {name: sum(row[name] for row in rows) for name in rows[0]}
            shares = {name: total[name] / total["breaks"] for name in ("hit", "chance")}
            shares["precise"] = total["right"] / max(total["moments"], 1)
            found.append({"segment": segment, "tokens": tokens, "breaks": total["breaks"]} | shares)
    return found


def _breaks(kind: str, segment: int, layers: int, seed: int, tokens: int = 48) -> Result:
    generator = np.random.default_rng(seed)
    season = 6 if kind == "pattern" else 1
    config = NetworkConfig(
        horizon=season if season > 1 else 4, lookback=tokens * segment, season_length=season, layers=layers, units=24,
        segment=segment, log=False,
    )  # fmt: skip
    weights = trained(
        config, history_of([broken(generator, 400 * segment, kind, segment)[0] for _ in range(12)]), seed, 1500, 5e-3
    )
    total = dict.fromkeys(("breaks", "moments", "hit", "right", "chance", "difference"), 0.0)
    for _ in range(3):
        values, breaks = broken(generator, 600 * segment, kind, segment)
        timeline = watch(history_of([values]), config, weights)
        found = change_points(timeline, timeline.last % season, MIN_WINDOW)  # so that fewer tokens are measured, too
        tokens = np.flatnonzero(~np.isnan(found.score))
        at = np.searchsorted(timeline.last, breaks)  # the token that each break is in
        at = at[np.isin(at, tokens)]
        size = np.abs(np.append(np.zeros(season), values[season:] - values[:-season]))
        jump = np.array([size[a : b + 1].max() for a, b in zip(timeline.first, timeline.last, strict=True)])
        total["breaks"] += len(at)
        total["moments"] += len(found.at)
        total["hit"] += _near(at, found.at).sum()
        total["right"] += _near(found.at, at).sum()
        chance = [_near(at, _apart(generator.random(len(timeline)), tokens, len(found.at))).sum() for _ in range(200)]
        total["chance"] += float(np.mean(chance))
        total["difference"] += _near(at, _apart(jump, tokens, len(found.at))).sum()
    return total


def _near(places: Ints, others: Ints) -> Any:
    """Which of `places` have one of `others` within one token."""
    return (np.abs(places[:, None] - others[None, :]) <= 1).any(axis=1)


def _apart(score: Floats, among: Ints, count: int) -> Ints:
    """The `count` highest scores that are more than `APART` tokens apart, as moments are."""
    chosen: list[int] = []
    for k in among[np.argsort(-score[among], kind="stable")]:
        if len(chosen) < count and all(abs(int(k) - one) > APART for one in chosen):
            chosen.append(int(k))
    return np.array(chosen, int)


# --- memory ---------------------------------------------------------------------------------------------------------


def measure_memory(_: list[str], seeds: range) -> list[Result]:
    """Half-lives of the units beside that of the best exponential mean, in rows."""
    found = []
    for walk, noise in ((0.05, 1.0), (0.3, 1.0), (1.0, 0.5)):
        lives = []
        for seed in seeds:
            generator = np.random.default_rng(seed)
            steps, errors = generator.normal(size=(2, SERIES, 200))
            history = history_of(list(np.cumsum(walk * steps, axis=1) + noise * errors))
            config = NetworkConfig(horizon=4, lookback=64, units=16, log=False)
            lives.append(half_lives(watch(history, config, trained(config, history, seed, 1500)))[0])
        ratio = (walk / noise) ** 2
        variance = (ratio + np.sqrt(ratio * ratio + 4 * ratio)) / 2
        best = float(np.log(0.5) / np.log(1 - variance / (variance + 1)))
        median, slowest = ([round(float(one(each)), 2) for each in lives] for one in (np.median, np.max))
        found.append({"walk": walk, "noise": noise, "best": round(best, 2), "median": median, "slowest": slowest})
    return found


# --- reach ----------------------------------------------------------------------------------------------------------


def measure_reach(_: list[str], seeds: range) -> list[Result]:
    """Gradient with respect to rows 101 to 130 back, by cell."""
    return [_reached(cell, seed) for seed in seeds for cell in CELLS]


def _reached(cell: Any, seed: int) -> Result:
    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import weights_of

    generator = np.random.default_rng(seed)
    rows = np.arange(4 * LONG)
    signs = generator.choice([-1.0, 1.0], size=60)
    series = [2 * sign * (rows % LONG < BLOCK) + 0.3 * generator.normal(size=len(rows)) for sign in signs]
    history = replace(history_of(series), days=np.tile(rows * 7.0 / LONG, len(series)))
    config = NetworkConfig(
        horizon=LONG, lookback=LONG + 4, units=24, cell=cell, log=False, step_days=7.0 / LONG, periods=(7.0,),
        calendar=True,
    )  # fmt: skip
    weights = trained(config, history, seed, 1500)
    windows = history.windows(np.arange(20), history.indptr[:20] + 3 * LONG)
    found = forecast(history, windows, config, weights)[:, :BLOCK, MIDDLE].mean(axis=1)
    start = weights_of(build_network(config, seed))
    start["row_head.kernel"] = weights["row_head.kernel"]  # heads begin at zero, where no gradient passes
    start["head.kernel"] = weights["head.kernel"]
    near, far = _far(history, windows, config, weights)
    slowest = {"slowest": float(half_lives(watch(history, config, weights)).max())} if cell == "gru" else {}
    return {
        "cell": cell,
        "seed": seed,
        "right": float((np.sign(found) == signs[:20]).mean()),
        "near": near,
        "far": far,
        "far_untrained": _far(history, windows, config, start)[1],
        **slowest,
    }


def _far(history: History, windows: Any, config: NetworkConfig, weights: Weights) -> tuple[float, float]:
    """Mean gradient norm of the next block's mean with respect to the newest 10 rows and to the block 101 rows back."""
    encoded, trace = encode_windows(history, windows, config), Trace()
    residuals(encoded.features, encoded.future, config, weights, trace)
    direction = np.zeros((len(windows), config.horizon), np.float32)
    direction[:, :BLOCK] = 1 / BLOCK
    norm = np.sqrt((input_gradient(trace, direction, config, weights).astype(float) ** 2).sum(axis=2).mean(axis=0))[
        ::-1
    ]
    return float(norm[:10].mean()), float(norm[LONG - BLOCK : LONG].mean())


PARTS = {
    "replay": measure_replay,
    "breaks": measure_breaks,
    "tokens": measure_tokens,
    "memory": measure_memory,
    "reach": measure_reach,
}


def main() -> None:
    """Measure the parts that are asked for and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", default=",".join(PARTS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--data", nargs="*", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    found = {part: PARTS[part](options.data, seeds) for part in options.part.split(",")}
    if options.json:
        json.dump(found, sys.stdout)
        return
    for part, rows in found.items():
        print(part)
        for row in rows:
            texts = (
                f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
            )
            print("  " + ", ".join(texts))


if __name__ == "__main__":
    main()
