"""What a model folder is, in one plain dict; nothing of it is executed, all of it is checked."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from gruforecast.artifact.folder import load_with_manifest
from gruforecast.artifact.manifest import NAME
from gruforecast.artifact.safe_reading import MAX_JSON, read_plain, values_in
from gruforecast.data.options import ROLES
from gruforecast.execution.machine import cores
from gruforecast.models.forecaster import MAX_THREADS, Forecaster
from gruforecast.models.networks.config import BLOCKS, CONTEXT, QUANTILES, ROW_UNITS, NetworkConfig
from gruforecast.models.networks.inference import BLOCK_NUMBERS, weight_shapes

MAX_IDS = 5
PROGRAM = 75_000_000  # bytes of Python, numpy and this package: 52 million as measured, and two fifths more
ARRAYS = ("weights.npz", "calibration.npz", "context.npz")
PER_VALUE = 150  # bytes of a value that was read from JSON, at most, with what is made of it
DOUBLE, SINGLE = 8, 4
OF_FIT = ("verdict", "scores", "evidence", "chosen", "data", "trials", "audit", "parity", "versions", "saved_model")


def describe(folder: str | Path) -> dict[str, Any]:
    """Return the facts about a model folder as plain JSON types; text in it is as the folder has it.

    Raises:
        ModelError: see `folder.load`; all files are compared with their digests.
    """
    forecaster, manifest = load_with_manifest(folder)
    sizes = {name: facts["bytes"] for name, facts in manifest["files"].items()}
    return {
        "model_dir": str(folder),
        "format": manifest["format"],
        "gruforecast": manifest["gruforecast"],
        **_series(forecaster),
        "winner": forecaster.winner,
        "members": forecaster.members,
        "blend": forecaster.blend,
        "levels": list(forecaster.calibrations[forecaster.winner].levels),
        "networks": [_network(one.name, one.weight, one.config) for one in forecaster.networks],
        **{name: manifest[name] for name in OF_FIT if name in manifest},
        "files": sizes | {NAME: (Path(folder) / NAME).stat().st_size},
        "digests_verified": len(sizes) + 1,
        "memory_bytes": memory_needed(forecaster, sizes, values_in(read_plain(Path(folder), "model.json", MAX_JSON))),
    }


def _series(forecaster: Forecaster) -> dict[str, Any]:
    plan, state = forecaster.plan, forecaster.context
    covariates = {role: [one.name for one in plan.covariates if one.role == role] for role in ROLES}
    return {
        "n_series": len(state.ids),
        "series": ["/".join(key) for key in state.ids[:MAX_IDS]],
        "target": None if plan.wide else plan.names.target,
        "time": list(plan.names.time),
        "ids": list(plan.names.ids),
        "beside": {role: names for role, names in covariates.items() if names}
        | ({"holidays": [plan.holidays]} if plan.holidays else {}),
        "freq": plan.freq.label,
        "horizon": forecaster.horizon,
        "season_length": forecaster.season_length,
        "data_end": [" ".join(plan.form.joined(one[None])) for one in (state.last.min(), state.last.max())],
        "keeps_rows": state.kept,
    }


def _network(name: str, weight: float, config: NetworkConfig) -> dict[str, Any]:
    facts = {name: getattr(config, name) for name in ("cell", "layers", "units", "lookback", "segment", "decoder")}
    return {"name": name, "share": weight, **facts, "parameters": sum(map(prod, weight_shapes(config).values()))}


def memory_needed(forecaster: Forecaster, sizes: dict[str, int], values: int) -> int:
    """Return the bytes that `predict` without DATA takes at most, the program included.

    It adds up what is alive at once: the program, what was read from the files, one block of windows in the largest
    network, and the forecasts with the text that is written. With DATA, the reading of that file comes on top.

    Args:
        sizes: bytes of each file; values: how many `model.json` has.
    """
    n, horizon = len(forecaster.context.ids), forecaster.horizon
    threads = min(cores(), MAX_THREADS)
    block = min(n, forecaster.block)
    n = min(n, block * (2 * threads + 2))  # being made, waiting, and being written
    configs = [one.config for one in forecaster.networks]
    arrays = 2 * sum(sizes[name] for name in ARRAYS) + max(sizes[name] for name in ARRAYS)
    model = 5 * sizes["model.json"] + PER_VALUE * values
    columns = 1 + 2 * max(len(one.levels) for one in forecaster.calibrations.values())
    parts = len(forecaster.blend) + 3
    covariates = n * (max(one.lookback for one in configs) + horizon) * len(configs[0].inputs) * DOUBLE * 3
    forecasts = DOUBLE * n * horizon * (parts * (len(QUANTILES) + 1) + 6 * columns)
    text = n * horizon * (400 + 90 * columns)  # a frame with its stamps, and CSV or JSON of it
    return (
        PROGRAM + arrays + model + covariates + forecasts + text + threads * max(_block(block, one) for one in configs)
    )


def _block(n: int, config: NetworkConfig) -> int:
    """Return the bytes of one block of windows on their way through a network, see `inference`."""
    lookback, horizon, units, gates = config.lookback, config.horizon, config.units, BLOCKS[config.cell]
    segments, _ = config.decoded
    future = config.future_channels
    covariates = (lookback + horizon) * len(config.inputs)
    each = max(config.tokens * 4 * units, lookback * config.channels)
    seen = lookback * (16 * DOUBLE + config.channels * (3 * DOUBLE + SINGLE)) + 4 * covariates * DOUBLE
    states = SINGLE * units * (config.tokens * (gates + 4) + segments * (gates + 8))
    head = SINGLE * segments * 4 * (units + config.recent)
    rows = horizon * (future * (3 * DOUBLE + SINGLE) + 3 * SINGLE * (future + CONTEXT + ROW_UNITS) * (future > 0))
    quantiles = 12 * DOUBLE * horizon * len(QUANTILES)
    return min(n, max(1, BLOCK_NUMBERS // each)) * (seen + states + head + rows + quantiles)
