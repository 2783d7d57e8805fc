"""The model folder, format 1: plain JSON and arrays, written whole or not at all, checked against digests on load.

manifest.json      format, versions, fingerprint of data and options, scores, size and SHA-256 of every file
model.json         networks, how to train them, weights of the blend, the plan by which files are read, winner, levels
weights.npz        network weights          calibration.npz   factors of intervals by member
context.npz        rows of each training series and forecasts from their ends on of models beside the ensemble
saved_model/       an export for other programs, never opened by this package's own commands
report.json        everything the report says

`docs/model-folder.md` has every key and array.
"""

from __future__ import annotations

import codecs
import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
import numpy as np

from gruforecast.arrays import Array, Weights
from gruforecast.artifact.context import MAY_MISS, Kept
from gruforecast.artifact.context import arrays_of as context_arrays
from gruforecast.artifact.manifest import LIGHT, Manifest, check_file, json_bytes, listed, read_manifest
from gruforecast.artifact.safe_reading import (
    MAX_JSON,
    Wanted,
    arrays_of,
    changed,
    damaged,
    max_bytes,
    parse_json,
    read_plain,
    require,
    typed,
)
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Plan
from gruforecast.errors import ModelError, ResourceError
from gruforecast.execution.atomic_files import npz, replace_with, write_file
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, weight_shapes
from gruforecast.models.registry import BLEND, NETWORKS, PRETRAINED, SIMPLE, TUNED
from gruforecast.models.short_series import ShortSeries
from gruforecast.serialization import JsonValue, Record, from_dict, plain, record, to_dict

if TYPE_CHECKING:
    from gruforecast.models.pretrained.model import PretrainedNetwork

MIN_SPREAD = 1e-30  # of a covariate: anything smaller overflows
MAX_STEPS, MAX_BATCH = 10_000_000, 65_536  # of a training
MAX_ROWS = 1_000_000_000  # that are kept of all series
MAX_NETWORKS = 100  # `fit` keeps six at most
MAX_UNITS, MAX_SEASON = 1_024, 100_000  # of a pretrained network
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Level: TypeAlias = Annotated[float, msgspec.Meta(ge=1, le=100)]
Seed: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class _Training(Record, frozen=True):
    """A `TrainingConfig` within bounds."""

    steps: Annotated[int, msgspec.Meta(ge=1, le=MAX_STEPS)]
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)]
    learning_rate: Annotated[float, msgspec.Meta(ge=1e-12, le=1)]
    weight_decay: Share
    seed: Seed


class _Network(Record, frozen=True):
    """One of the networks; `config` is checked by `NetworkConfig`."""

    name: str
    share: Annotated[float, msgspec.Meta(ge=1e-9, le=1)]
    config: Any
    training: _Training | None


class _Pretrained(Record, frozen=True):
    """A pretrained network, as it is or fine-tuned; horizon and season are those of the other networks."""

    name: str
    units: Annotated[int, msgspec.Meta(ge=1, le=MAX_UNITS)]
    second: Annotated[int, msgspec.Meta(ge=2, le=MAX_SEASON)] | None


class _Scaling(Record, frozen=True):
    """A number for each covariate."""

    centre: list[float]
    spread: list[Annotated[float, msgspec.Meta(ge=MIN_SPREAD)]]


class _Short(Record, frozen=True):
    """A `ShortSeries`; a factor for each of `rows`."""

    rows: tuple[Annotated[int, msgspec.Meta(ge=1)], ...]
    factors: dict[str, tuple[Annotated[float, msgspec.Meta(ge=1)], ...]]
    ratio: Annotated[float, msgspec.Meta(ge=0)]
    needed: Annotated[int, msgspec.Meta(ge=0)]


class _Model(Record, omit_defaults=True, frozen=True):
    """`model.json`; each of `networks` is a `_Network`, `plan` is checked by `Plan`."""

    networks: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_NETWORKS)]
    blend: dict[str, Share]
    winner: str
    plan: Any
    levels: dict[str, tuple[Level, ...]]
    trust: dict[str, Share]
    ids: tuple[tuple[str, ...], ...]
    scaling: _Scaling
    short: _Short
    rows: Annotated[int, msgspec.Meta(ge=0, le=MAX_ROWS)]
    pretrained: Annotated[list[_Pretrained], msgspec.Meta(max_length=2)] = []


def save(forecaster: Forecaster, folder: Path) -> None:
    """Write the files that `load` reads into the existing `folder`."""
    context, kept, short = forecaster.context, forecaster.keeps_rows, forecaster.short
    scaling = _Scaling(forecaster.scaling.centre.tolist(), forecaster.scaling.spread.tolist())
    model = _Model(
        networks=[
            _Network(
                one.name,
                one.weight,
                to_dict(one.config),
                None if one.training is None else _Training(*astuple(one.training)),
            )
            for one in forecaster.networks
        ],
        blend=forecaster.blend,
        winner=forecaster.winner,
        plan=plain(forecaster.plan),
        levels={name: one.levels for name, one in forecaster.calibrations.items()},
        trust={name: one.trust for name, one in forecaster.calibrations.items()},
        ids=context.ids,
        scaling=scaling,
        short=_Short(short.rows, short.factors, short.ratio, short.needed),
        rows=len(context.y) if kept else 0,
        pretrained=[_Pretrained(one.name, one.config.units, one.second) for one in forecaster.pretrained],
    )
    write_json(folder / "model.json", model)
    write_file(
        folder / "weights.npz", npz(weights_by_number(forecaster.networks) | weights_by_name(forecaster.pretrained))
    )
    write_file(folder / "calibration.npz", npz({name: one.factor for name, one in forecaster.calibrations.items()}))
    others = _others(forecaster.members, forecaster.networks)
    write_file(folder / "context.npz", npz(context_arrays(context, forecaster.ends, others, kept=kept)))


def copy_model(folder: Path, target: Path, *, overwrite: bool) -> Path:
    """Copy a model folder, whole or not at all, and return where it is.

    Raises:
        ModelError: something is there, and it is not to be replaced, or it is no model.
        ResourceError: the place cannot be written.
    """
    if target.resolve() == folder.resolve():
        return target
    if target.exists() or target.is_symlink():
        if not overwrite:
            remedy = "Choose another folder, or pass `overwrite=True`."
            raise ModelError("there is something already.", remedy=remedy, code="GF-M11", file=str(target))
        if not may_be_replaced(target):
            text = "this holds something else than a model: it is not replaced."
            raise ModelError(text, remedy="Choose another name.", code="GF-M12", file=str(target))
    built = target.absolute().with_name(f".{target.name}.tmp-{os.getpid()}")
    try:
        os.scandir(built.parent).close()  # copying would make it
        shutil.copytree(folder, built)
        publish(built, target.absolute())
    except OSError as error:
        remedy = "Make room, or choose another place."
        raise ResourceError(
            f"cannot be written: {error.strerror}.", remedy=remedy, code="GF-E02", file=str(target)
        ) from error
    finally:
        shutil.rmtree(built, ignore_errors=True)
    return target


def may_be_replaced(path: Path) -> bool:
    """Return whether this is an empty folder, or a model, be it damaged or of another version."""
    empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    return empty or all((path / name).is_file() for name in ("manifest.json", "model.json", "weights.npz"))


def publish(built: Path, target: Path) -> None:
    """Put the finished folder `built` in the place of `target`; both must be on one file system."""
    replace_with(built, target)


@dataclass(frozen=True)
class _Sealed:
    """A folder whose files are read only as its manifest has them."""

    folder: Path
    manifest: Manifest

    def place(self, name: str) -> str:
        """Return the name of a file for messages."""
        return str(self.folder / name)

    def read(self, name: str, max_size: int) -> bytes:
        """Return the content of a file, not larger than what is needed to know it."""
        facts = listed(self.folder, self.manifest, name)
        content = read_plain(self.folder, name, max_size, facts.sha256)
        if len(content) != facts.bytes:
            raise changed(self.place(name))
        return content

    def arrays(self, name: str, wanted: Wanted, may_miss: Collection[str] = ()) -> dict[str, Array]:
        """Return the arrays of a file, see `safe_reading.arrays_of`."""
        return arrays_of(self.read(name, max_bytes(wanted)), wanted, self.place(name), may_miss)


def load(folder: str | Path) -> Forecaster:
    """Return the forecaster in a model folder, all its files checked against the manifest.

    Raises:
        ModelError: the folder is no model, or a file is missing, changed, or does not fit the others.
    """
    return load_with_manifest(folder)[0]


def load_with_manifest(folder: str | Path) -> tuple[Forecaster, Manifest]:
    """Return the forecaster in a model folder and the manifest, see `load` and `read_manifest`."""
    folder = Path(folder)
    sealed = _Sealed(folder, read_manifest(folder))
    try:
        file = sealed.place("model.json")
        model = typed(_Model, parse_json(sealed.read("model.json", MAX_JSON), file), file)
        forecaster = _assemble(sealed, model, file)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise damaged(f"the contents do not fit together ({str(error)[:200]}).", "GF-M05", str(folder)) from error
    for name in sealed.manifest.files:
        if name not in LIGHT:
            check_file(folder, sealed.manifest, name)
    return forecaster, sealed.manifest


def _assemble(sealed: _Sealed, model: _Model, file: str) -> Forecaster:
    (networks, pretrained), levels = _networks(sealed, model, file), model.levels
    _check_members(networks, model)
    require(set(model.trust) == set(levels), "the trust in quantiles is impossible")
    plan = record(Plan, model.plan, file)
    same = all(one.config.inputs == plan.inputs for one in networks)
    require(same, "the networks see other columns than the plan reads")
    if plan.encoding:
        codecs.lookup(plan.encoding)
    widths = {name: ((networks[0].config.horizon, len(kept)), "f8") for name, kept in levels.items()}
    factors = sealed.arrays("calibration.npz", widths)
    require(all((factor >= 0).all() for factor in factors.values()), "an interval has a width below zero")
    context, ends = _context(sealed, model, networks, plan)
    return Forecaster(
        networks=networks,
        blend=model.blend,
        winner=model.winner,
        calibrations={name: Calibration(kept, factors[name], model.trust[name]) for name, kept in levels.items()},
        plan=plan,
        context=context,
        ends=ends,
        scaling=_scaling(model.scaling, len(plan.columns)),
        pretrained=pretrained,
        short=_short(model),
    )


def _short(model: _Model) -> ShortSeries:
    kept = model.short
    rising = list(kept.rows) == sorted(set(kept.rows)) and kept.needed in (0, *kept.rows)
    whole = not kept.rows or all(len(kept.factors.get(name, ())) == len(kept.rows) for name in model.levels)
    require(rising and whole, "the factors of short series are impossible")
    return ShortSeries(kept.rows, kept.factors, kept.ratio, kept.needed)


def _check_members(networks: tuple[Network, ...], model: _Model) -> None:
    """Refuse members that are not known, their levels, and weights of a blend that are none."""
    levels, blend = model.levels, model.blend
    if wrong := [kept for kept in levels.values() if list(kept) != sorted(set(kept))]:
        raise ValueError(f"impossible levels: {str(wrong[0])[:200]}")
    names, beside = [one.name for one in networks], [one.name for one in model.pretrained]
    known = {*names, *beside, NETWORKS, BLEND, *SIMPLE}
    taken = {NETWORKS, BLEND, PRETRAINED, TUNED, "winner", ""}
    if len(set(names)) < len(names) or len(set(beside)) < len(beside) or taken & set(names):
        raise ValueError(f"impossible names of networks: {str(names + beside)[:200]}")
    if not {*names, *beside, NETWORKS} <= set(levels) <= known or not set(beside) <= {PRETRAINED, TUNED}:
        raise ValueError(f"impossible members: {str(list(levels))[:200]}")
    parts_known = set(blend) <= set(levels) - {BLEND} and (BLEND in levels) == bool(blend)
    require(model.winner in levels and parts_known, "the winner or a part of the blend is no member")
    whole = not blend or abs(sum(blend.values()) - 1) < 1e-6
    require(whole, "the weights of the blend do not add up to one")


def _scaling(kept: _Scaling, columns: int) -> Scaling:
    centre, spread = np.array(kept.centre, float), np.array(kept.spread, float)
    require(centre.shape == spread.shape == (columns,), "there are other columns than scaled ones")
    return Scaling(centre, spread)


def _others(members: Iterable[str], networks: Iterable[Network]) -> list[str]:
    """Return the members beside the ensemble: their forecasts from the end of the training data are kept."""
    combined = {NETWORKS, BLEND, *(one.name for one in networks)}
    return [name for name in members if name not in combined]


def weights_by_number(networks: Sequence[Network]) -> Weights:
    """Return the arrays of all networks in one mapping, such as `0.gru_0.kernel`."""
    return {f"{k}.{name}": array for k, one in enumerate(networks) for name, array in one.weights.items()}


def weights_by_name(networks: Sequence[PretrainedNetwork]) -> Weights:
    """Return the arrays of pretrained networks in one mapping, such as `fine-tuned.slow.kernel`."""
    return {f"{one.name}.{name}": array for one in networks for name, array in one.weights.items()}


def _networks(sealed: _Sealed, model: _Model, file: str) -> tuple[tuple[Network, ...], tuple[PretrainedNetwork, ...]]:
    """Return the networks of the ensemble, and the pretrained ones beside it."""
    kept = [typed(_Network, row, file) for row in model.networks]
    configs = [from_dict(NetworkConfig, one.config, file) for one in kept]
    alike = len({(config.horizon, config.season_length) for config in configs}) == 1
    require(alike and abs(sum(one.share for one in kept) - 1) < 1e-6, "the networks do not fit together")
    wanted = {
        f"{k}.{name}": (shape, "f4")
        for k, config in enumerate(configs)
        for name, shape in weight_shapes(config).items()
    }
    if model.pretrained:
        from gruforecast.models.pretrained.inference import weight_shapes as pretrained_shapes

        wanted |= {
            f"{one.name}.{name}": (shape, "f4")
            for one in model.pretrained
            for name, shape in pretrained_shapes(one.units).items()
        }
    arrays = sealed.arrays("weights.npz", wanted)
    networks = tuple(
        Network(
            name=one.name,
            config=config,
            weights={name: arrays[f"{k}.{name}"] for name in weight_shapes(config)},
            weight=one.share,
            training=None if one.training is None else TrainingConfig(*msgspec.structs.astuple(one.training)),
        )
        for k, (one, config) in enumerate(zip(kept, configs, strict=True))
    )
    return networks, tuple(_pretrained(one, configs[0], arrays) for one in model.pretrained)


def _pretrained(kept: _Pretrained, config: NetworkConfig, arrays: Weights) -> PretrainedNetwork:
    from gruforecast.models.pretrained.model import PretrainedNetwork, within_reach

    horizon, season = config.horizon, config.season_length
    require(within_reach(horizon, season), "horizon or season is out of reach of the pretrained network")
    mine = f"{kept.name}."
    own = {name.removeprefix(mine): array for name, array in arrays.items() if name.startswith(mine)}
    return PretrainedNetwork.of(horizon, season, kept.second, kept.name, own)


def _context(sealed: _Sealed, model: _Model, networks: tuple[Network, ...], plan: Plan) -> tuple[Panel, EndForecasts]:
    ids, parts = model.ids, max(len(plan.names.ids), 1)
    require(all(len(key) == parts for key in ids), "the ids of the series are none")
    require(0 < len(ids) == len(set(ids)), "there is no series, or one twice")
    others, pretrained = _others(model.levels, networks), [one.name for one in model.pretrained]
    kept = Kept(ids, model.rows, networks[0].config.horizon, others, pretrained, plan)
    return kept.read(sealed.arrays("context.npz", kept.wanted, may_miss=MAY_MISS))


def write_json(path: Path, content: Record | JsonValue) -> None:
    """Write strict JSON (no NaN) atomically."""
    write_file(path, json_bytes(content))
