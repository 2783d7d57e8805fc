"""From a query to what the model is asked: rows, covariates and levels of all series checked against the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from msgspec import structs

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data.finding import Findings
from gruforecast.data.formats.numbers import MAX_SIZE
from gruforecast.data.from_arrays import Values, read_values
from gruforecast.data.joining import Joined
from gruforecast.data.panel import Panel
from gruforecast.data.read import SORTED
from gruforecast.errors import DataError, FormError, RepeatedRowError, UsageError, did_you_mean, shorten
from gruforecast.models.new_rows import joined_to, usable
from gruforecast.serve.covariates import covariates_of, future_of
from gruforecast.serve.errors import Refusal, invalid, shown
from gruforecast.serve.loaded_model import Model
from gruforecast.serve.schema import Query, Series

Id = str | list[str]


@dataclass(frozen=True)
class Bounds:
    """What one request may ask for at most; `rows` also bounds the steps of all its series together."""

    series: int
    rows: int
    horizon: int | None = None


@dataclass(frozen=True)
class ModelQuery:
    """What the model is asked.

    Attributes:
        levels: of the intervals; None for all.
        ids: of the series, as they are answered.
        panel: their rows, after those that the model keeps; positions: or their numbers in the training data.
        unseen: (n_series,) of which the rows given are all that is known.
        future: covariates in the steps ahead, (n_series, horizon, n_columns), None where they are not given.
        findings: what is odd about the rows.
    """

    model: Model
    member: str
    horizon: int
    levels: tuple[float, ...] | None
    ids: list[Id]
    panel: Panel | None
    positions: Ints | None
    future: Floats | None
    findings: Findings = ()
    unseen: Bools | None = None


def model_query(query: Query, model: Model, bounds: Bounds) -> ModelQuery:
    """Return what a query asks of a model.

    Raises:
        Refusal: the model has no such series, member, level or column, or a bound is passed.
    """
    horizon = _horizon(query.horizon, model, bounds)
    member = _member(query.member, model)
    levels = _levels(query.levels, member, model)
    count = len(model.forecaster.context.ids) if query.series is None else len(query.series)
    if query.series is None:
        _check_training(count, bounds)
    if count * horizon > bounds.rows:
        text = f"{count} series with {horizon} steps each are more than {bounds.rows} rows."
        raise invalid("series", f"{text} Ask for fewer at a time.", "GF-H10")
    series = query.series or []
    new = {one.y is not None for one in series}
    if len(new) > 1:
        k = next(k for k, one in enumerate(series) if one.y is None)
        raise invalid(f"series[{k}].y", "give y for all series, or for none of them.")
    if new == {True}:
        ids, found, future = _from_rows(series, model, horizon, bounds)
        return ModelQuery(model, member, horizon, levels, ids, found.panel, None, future, found.findings, ~found.same)
    positions = np.arange(count) if query.series is None else _positions(series, model)
    ids = [_id_of(model.forecaster.context.ids[k]) for k in positions]
    future = future_of(series, [0] * len(series), horizon, model.forecaster)
    return ModelQuery(model, member, horizon, levels, ids, None, positions, future)


def _check_training(count: int, bounds: Bounds) -> None:
    if not count:
        raise invalid("series", "the model keeps no rows of its training data: give series with y.")
    if count > bounds.series:
        raise invalid(
            "series", f"the model has {count} series, {bounds.series} may be asked for at a time: name some.", "GF-H10"
        )


def _horizon(requested: int | None, model: Model, bounds: Bounds) -> int:
    largest = max_horizon(model, bounds)
    if requested is not None and requested > largest:
        raise invalid("horizon", f"{shown(requested)} is more than {largest}.", "GF-H10")
    return requested or largest


def max_horizon(model: Model, bounds: Bounds) -> int:
    """Return the most steps that may be asked for."""
    return min(model.forecaster.horizon, bounds.horizon or model.forecaster.horizon)


def _member(requested: str, model: Model) -> str:
    try:
        return model.forecaster.member_named(requested)
    except UsageError as error:
        raise Refusal.of(error, "member") from None


def _levels(requested: list[float] | None, member: str, model: Model) -> tuple[float, ...] | None:
    calibrated = model.forecaster.calibrations[member].levels
    for k, level in enumerate(requested or ()):
        if level not in calibrated:
            known = ", ".join(f"{one:g}" for one in calibrated) or "none"
            raise invalid(f"levels[{k}]", f"{level:g} is not calibrated; there are {known}.", "GF-U07")
    return None if requested is None else tuple(sorted(set(requested)))


def _id_of(key: tuple[str, ...]) -> Id:
    return key[0] if len(key) == 1 else list(key)


def _key(one: Series, k: int, model: Model) -> tuple[str, ...]:
    """Return the parts of a series' id; its position where it has none."""
    names = model.forecaster.plan.names.ids
    if one.id is None:
        return (str(k),) * max(len(names), 1)
    key = (one.id,) if isinstance(one.id, str) else tuple(one.id)
    if len(key) != max(len(names), 1):
        raise invalid(
            f"series[{k}].id",
            f"an id of {len(key)} parts; the data of the model have the id columns {shorten(list(names)) or 'none'}.",
        )
    return key


def _positions(series: Sequence[Series], model: Model) -> Ints:
    """Return the numbers of series in the training data."""
    positions = []
    for k, one in enumerate(series):
        for name in ("start", "ds", "past", "static"):
            if getattr(one, name):
                raise invalid(f"series[{k}].{name}", "this goes with y, which is missing.")
        if one.id is None:
            raise invalid(f"series[{k}]", "give y, or the id of a series of the training data.")
        key = (one.id,) if isinstance(one.id, str) else tuple(one.id)
        if key not in model.positions:
            known = ["/".join(name) for name in model.forecaster.context.ids]
            near = did_you_mean("/".join(key)[:60], known[:200])
            raise invalid(
                f"series[{k}].id",
                f"the training data have no series {shown('/'.join(key))}.{near} For a new one give start and y.",
                "GF-U04",
            )
        positions.append(model.positions[key])
    return np.array(positions, np.int64)


def _from_rows(
    series: Sequence[Series], model: Model, horizon: int, bounds: Bounds
) -> tuple[list[Id], Joined, Floats | None]:
    """Return the ids, rows and future covariates of series that come with their rows."""
    findings: Findings = ()
    keys = [_key(one, k, model) for k, one in enumerate(series)]
    if len(set(keys)) < len(keys):
        k = keys.index(Counter(keys).most_common(1)[0][0])
        raise invalid(f"series[{k}].id", f"{shown('/'.join(keys[k]))} stands there twice.")
    values = []
    for k, (one, key) in enumerate(zip(series, keys, strict=True)):
        y = _target(one, k, last=bool(one.known))
        x, odd = covariates_of(one, f"series[{k}]", key, len(y), model.forecaster.plan)
        values.append(Values(key, _stamps(one, k), y, x))
        findings += odd
    lengths = [len(one.y) for one in values]
    future = future_of(series, lengths, horizon, model.forecaster)
    try:
        reading = read_values(values, model.forecaster.plan, bounds.rows)
        found = _after_kept(reading.panel, {key for key, one in zip(keys, series, strict=True) if one.id}, model)
    except DataError as error:
        raise _placed(error, series, lengths, model) from None
    if future is not None and SORTED in reading.findings:
        raise invalid("series", "with future covariates, ds must ascend.")
    found = replace(found, findings=(*findings, *reading.findings, *found.findings))
    return [_id_of(key) for key in keys], found, future


def _after_kept(panel: Panel, named: set[tuple[str, ...]], model: Model) -> Joined:
    """Return the series after the rows that the model keeps of them.

    Args:
        named: keys that the request gives; one series without a key may be the only one of the model.

    Raises:
        Refusal: a series that the model has not seen is too short.
    """
    own = replace(panel, ids=tuple(key if key in named else tuple(f"{k} (new)" for k in key) for key in panel.ids))
    if len(panel) == 1 and not named:
        names = structs.replace(panel.plan.names, ids=())
        own = replace(panel, plan=structs.replace(panel.plan, names=names, wide=False))
    found, needed = joined_to(model.forecaster, own), model.forecaster.short.needed
    for k in np.flatnonzero(~found.same & (panel.lengths < needed)):
        text = f"there are {panel.lengths[k]} rows, and none that the model keeps before them: it needs {needed}."
        raise invalid(f"series[{k}].y", text, "GF-D72")
    found = usable(model.forecaster, found)
    return replace(found, panel=replace(found.panel, ids=panel.ids, plan=panel.plan))


def _target(one: Series, k: int, *, last: bool) -> Floats:
    """Return the values of a series; the last one must be there where future covariates follow it."""
    y = np.array(one.y, float)
    large = np.flatnonzero(np.abs(y) > MAX_SIZE)
    if len(large):
        raise invalid(f"series[{k}].y[{large[0]}]", f"{y[large[0]]:g} is too large to compute with.", "GF-D32")
    if np.isnan(y).all():
        raise invalid(f"series[{k}].y", "there is no value at all.", "GF-D39")
    if last and np.isnan(y[-1]):
        raise invalid(f"series[{k}].y[{len(y) - 1}]", "with future covariates, y must end with a value.")
    return y


def _stamps(one: Series, k: int) -> list[str]:
    if (one.start is None) == (one.ds is None):
        raise invalid(f"series[{k}].start", "give either start or ds with y.")
    if one.ds is None:
        return [str(one.start)]
    if one.y is not None and len(one.ds) != len(one.y):
        raise invalid(f"series[{k}].ds", f"there are {len(one.ds)} stamps and {len(one.y)} values.")
    return [str(stamp) for stamp in one.ds]


def _placed(error: DataError, series: Sequence[Series], lengths: list[int], model: Model) -> Refusal:
    """Return the answer to rows that do not fit the model's data, with the field at fault."""
    plan = model.forecaster.plan
    refusal = Refusal.of(error, "series")
    if isinstance(error, FormError):
        refusal.message += f" The model was fitted on data with {plan.described()}."
    if isinstance(error, RepeatedRowError):
        refusal.message = "another row of the series has the same time stamp with another value."
    if error.line is not None:
        ends = list(accumulate(lengths))
        k = int(np.searchsorted(ends, error.line, side="right"))
        row = error.line - (ends[k] - lengths[k])
        field = "start" if series[k].ds is None else f"ds[{row}]"
        refusal.field = f"series[{k}].{field if error.column == plan.names.time[0] else f'y[{row}]'}"
    return refusal
