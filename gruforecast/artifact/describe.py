"""What a model folder is, in one record; nothing of it is executed, all of it is checked."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from gruforecast.artifact.folder import load_with_manifest
from gruforecast.artifact.held import holds_in_words, not_in_graphs
from gruforecast.artifact.manifest import NAME, ShownFacts
from gruforecast.artifact.safe_reading import MAX_JSON, read_plain, values_in
from gruforecast.data.options import ROLES
from gruforecast.data.plan import Plan
from gruforecast.execution.machine import cores
from gruforecast.models.forecaster import MAX_THREADS, Forecaster
from gruforecast.models.networks.config import BLOCKS, CONTEXT, QUANTILES, ROW_UNITS, Cell, Decoder, NetworkConfig
from gruforecast.models.networks.inference import BLOCK_NUMBERS, Network
from gruforecast.serialization import Record

MAX_IDS = 5
PROGRAM = 75_000_000  # bytes of Python, numpy and this package: 52 million as measured, and two fifths more
ARRAYS = ("weights.npz", "calibration.npz", "context.npz")
ROW = 64  # bytes of a row that is kept, beside its numbers: stamps, and what a history knows of it
PER_VALUE = 150  # bytes of a value that was read from JSON, at most, with what is made of it
DOUBLE, SINGLE = 8, 4


class NetworkFacts(Record, frozen=True):
    """One network; `share` is its weight in the ensemble."""

    name: str
    share: float
    cell: Cell
    layers: int
    units: int
    lookback: int
    segment: int
    decoder: Decoder
    parameters: int


class Description(ShownFacts, kw_only=True, frozen=True):
    """What `show` says of a model folder; text in it is as the folder has it.

    Attributes:
        gruforecast: the version that wrote it.
        n_series: how many series the model was fitted on; series: the names of the first ones.
        target: None where every column of numbers is a series; beside: covariates by role, and the holidays.
        data_end: the last stamps of the series that ends first, and of the one that ends last.
        pretrained: networks beside the ensemble, of which none has a share in it.
        holds: what the SavedModel holds, and what the winner is; lacks: models in the winner that no graph can hold: it
            holds the networks alone then.
        keeps_rows: whether the folder has rows to start a forecast from; rows_kept: how many of all series
            together.
        files: bytes of each; memory_bytes: see `memory_needed`.
    """

    model_dir: str
    format: int
    gruforecast: str
    n_series: int
    series: list[str]
    target: str | None
    time: list[str]
    ids: list[str]
    beside: dict[str, list[str]]
    freq: str
    horizon: int
    season_length: int
    data_end: list[str]
    keeps_rows: bool
    rows_kept: int
    winner: str
    members: list[str]
    blend: dict[str, float]
    levels: list[float]
    networks: list[NetworkFacts]
    pretrained: list[NetworkFacts]
    files: dict[str, int]
    digests_verified: int
    holds: str
    lacks: list[str]
    memory_bytes: int


def describe(folder: str | Path) -> Description:
    """Return the facts about a model folder.

    Raises:
        ModelError: see `folder.load`; all files are compared with their digests.
    """
    forecaster, manifest = load_with_manifest(folder)
    plan, state = forecaster.plan, forecaster.context
    sizes = {name: facts.bytes for name, facts in manifest.files.items()}
    return Description(
        **{name: getattr(manifest, name) for name in ShownFacts.__struct_fields__},
        model_dir=str(folder),
        format=manifest.format,
        gruforecast=manifest.gruforecast,
        n_series=len(state.ids),
        series=["/".join(key) for key in state.ids[:MAX_IDS]],
        target=None if plan.wide else plan.names.target,
        time=list(plan.names.time),
        ids=list(plan.names.ids),
        beside=_covariates(plan),
        freq=plan.freq.label,
        horizon=forecaster.horizon,
        season_length=forecaster.season_length,
        data_end=[" ".join(plan.form.joined(one[None])) for one in (state.last.min(), state.last.max())],
        keeps_rows=forecaster.keeps_rows,
        rows_kept=len(state.y) if forecaster.keeps_rows else 0,
        winner=forecaster.winner,
        members=forecaster.members,
        blend=forecaster.blend,
        levels=list(forecaster.calibrations[forecaster.winner].levels),
        networks=[_network(one) for one in forecaster.networks],
        pretrained=[structs.replace(_network(one), share=0.0) for one in forecaster.pretrained],
        files=sizes | {NAME: (Path(folder) / NAME).stat().st_size},
        digests_verified=len(sizes) + 1,
        holds=holds_in_words(forecaster),
        lacks=not_in_graphs(forecaster),
        memory_bytes=memory_needed(forecaster, sizes, values_in(read_plain(Path(folder), "model.json", MAX_JSON))),
    )


def _covariates(plan: Plan) -> dict[str, list[str]]:
    covariates = {role: [one.name for one in plan.covariates if one.role == role] for role in ROLES}
    holidays = {"holidays": [plan.holidays]} if plan.holidays else {}
    return {role: names for role, names in covariates.items() if names} | holidays


def _network(one: Network) -> NetworkFacts:
    config, parameters = one.config, sum(array.size for array in one.weights.values())
    return NetworkFacts(
        one.name,
        one.weight,
        config.cell,
        config.layers,
        config.units,
        config.lookback,
        config.segment,
        config.decoder,
        parameters,
    )


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
    rows = ROW * len(forecaster.context.y)
    model = 5 * sizes["model.json"] + PER_VALUE * values
    columns = 1 + 2 * max(len(one.levels) for one in forecaster.calibrations.values())
    parts = len(forecaster.blend) + 3
    covariates = n * (max(one.lookback for one in configs) + horizon) * len(configs[0].inputs) * DOUBLE * 3
    forecasts = DOUBLE * n * horizon * (parts * (len(QUANTILES) + 1) + 6 * columns)
    text = n * horizon * (400 + 90 * columns)  # a frame with its stamps, and CSV or JSON of it
    return (
        PROGRAM
        + arrays
        + rows
        + model
        + covariates
        + forecasts
        + text
        + threads * max(_block(block, one) for one in configs)
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
