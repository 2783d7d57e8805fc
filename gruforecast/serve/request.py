"""From a query to what the model is asked: every series with its rows, columns and levels checked against the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.formats.numbers import MAX_SIZE
from gruforecast.data.from_arrays import Values, read_values
from gruforecast.data.panel import Panel
from gruforecast.data.read import SORTED
from gruforecast.errors import DataError, FormError, UsageError, did_you_mean, shorten
from gruforecast.serve.covariates import ahead_of, columns_of
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
class Ask:
    """What the model is asked.

    Attributes:
        ids: of the series, as they are answered.
        panel: their rows; places: or their numbers in the training data.
        later: future covariates in the steps ahead, (n_series, horizon, n_columns), None where they are not given.
        levels: of the intervals; None for all.
    """

    model: Model
    member: str
    horizon: int
    levels: tuple[float, ...] | None
    ids: list[Id]
    panel: Panel | None
    places: Ints | None
    later: Floats | None
    warnings: list[str]


def ask_of(query: Query, model: Model, bounds: Bounds) -> Ask:
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
        ids, panel, later, warnings = _from_rows(series, model, horizon, bounds)
        return Ask(model, member, horizon, levels, ids, panel, None, later, warnings)
    places = np.arange(count) if query.series is None else _places(series, model)
    known = model.forecaster.context.ids
    ids = [_answered(known[k]) for k in places]
    later = ahead_of(series, [0] * len(series), horizon, model.forecaster) if series else None
    return Ask(model, member, horizon, levels, ids, None, places, later, [])


def _check_training(count: int, bounds: Bounds) -> None:
    if not count:
        raise invalid("series", "the model keeps no rows of its training data: give series with y.")
    if count > bounds.series:
        raise invalid(
            "series", f"the model has {count} series, {bounds.series} may be asked for at a time: name some.", "GF-H10"
        )


def _horizon(asked: int | None, model: Model, bounds: Bounds) -> int:
    fitted = model.forecaster.horizon
    most = min(fitted, bounds.horizon or fitted)
    if asked is not None and asked > most:
        raise invalid("horizon", f"{shown(asked)} is more than {most}.", "GF-H10")
    return asked or most


def _member(asked: str, model: Model) -> str:
    try:
        return model.forecaster.member_named(asked)
    except UsageError as error:
        raise Refusal.of(error, "member") from None


def _levels(asked: list[float] | None, member: str, model: Model) -> tuple[float, ...] | None:
    calibrated = model.forecaster.calibrations[member].levels
    for k, level in enumerate(asked or ()):
        if level not in calibrated:
            known = ", ".join(f"{one:g}" for one in calibrated) or "none"
            raise invalid(f"levels[{k}]", f"{level:g} is not calibrated; there are {known}.", "GF-U07")
    return None if asked is None else tuple(sorted(set(asked)))


def _answered(key: tuple[str, ...]) -> Id:
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


def _places(series: Sequence[Series], model: Model) -> Ints:
    """Return the numbers of series in the training data."""
    places = []
    for k, one in enumerate(series):
        _refuse_rows(one, k)
        if one.id is None:
            raise invalid(f"series[{k}]", "give y, or the id of a series of the training data.")
        key = (one.id,) if isinstance(one.id, str) else tuple(one.id)
        if key not in model.places:
            known = ["/".join(name) for name in model.forecaster.context.ids]
            near = did_you_mean("/".join(key)[:60], known[:200])
            raise invalid(
                f"series[{k}].id",
                f"the training data have no series {shown('/'.join(key))}.{near} For a new one give start and y.",
                "GF-U04",
            )
        places.append(model.places[key])
    return np.array(places, np.int64)


def _refuse_rows(one: Series, k: int) -> None:
    """Refuse fields that say something of rows, where there are none."""
    for name in ("start", "ds", "past", "static"):
        if getattr(one, name):
            raise invalid(f"series[{k}].{name}", "this goes with y, which is missing.")


def _from_rows(
    series: Sequence[Series], model: Model, horizon: int, bounds: Bounds
) -> tuple[list[Id], Panel, Floats | None, list[str]]:
    """Return the ids, panel, future covariates and warnings of series that come with their rows."""
    plan = model.forecaster.plan
    warnings: list[str] = []
    keys = [_key(one, k, model) for k, one in enumerate(series)]
    if len(set(keys)) < len(keys):
        twice = Counter(keys).most_common(1)[0][0]
        k = keys.index(twice)
        raise invalid(f"series[{k}].id", f"{shown('/'.join(keys[k]))} stands there twice.")
    values = []
    for k, (one, key) in enumerate(zip(series, keys, strict=True)):
        y = _target(one, k, last=bool(one.known))
        x = columns_of(one, f"series[{k}]", key, len(y), plan, warnings)
        values.append(Values(key, _stamps(one, k), y, x))
    later = ahead_of(series, [len(one.y) for one in values], horizon, model.forecaster)
    try:
        reading = read_values(values, plan, bounds.rows)
        model.forecaster.check(reading.panel)
    except DataError as error:
        raise _placed(error, series, [len(one.y) for one in values], model) from None
    if later is not None and SORTED in reading.findings:
        raise invalid("series", "with future covariates, ds must ascend.")
    return [_answered(key) for key in keys], reading.panel, later, [*warnings, *reading.warnings]


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
    if error.code == "GF-D35":
        refusal.message = "another row of the series has the same time stamp with another value."
    if error.line is not None:
        ends = list(accumulate(lengths))
        k = int(np.searchsorted(ends, error.line, side="right"))
        row = error.line - (ends[k] - lengths[k])
        target = error.column != plan.names.time[0]
        stamp = "start" if series[k].ds is None else f"ds[{row}]"
        refusal.field = f"series[{k}].{f'y[{row}]' if target else stamp}"
    return refusal
