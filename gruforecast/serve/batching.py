"""Many requests in one call of the model, and each one's part of the forecast as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gruforecast.arrays import Floats, Stamps
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Forecast, Panel
from gruforecast.data.plan import Plan
from gruforecast.errors import DataError, ResourceError, UsageError
from gruforecast.serve.errors import Refusal
from gruforecast.serve.request import Ask

ENCODER = json.JSONEncoder(allow_nan=False)


def answers(asks: Sequence[Ask]) -> list[bytes | Exception]:
    """Return the answer to each ask, or why there is none; those that go together are forecast in one call."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for k, ask in enumerate(asks):
        groups[_kind(ask)].append(k)
    found: dict[int, bytes | Exception] = {}
    for places in groups.values():
        found |= zip(places, _group([asks[k] for k in places]), strict=True)
    return [found[k] for k in range(len(asks))]


def _kind(ask: Ask) -> Hashable:
    """What asks have in common that may be forecast in one call; without columns ahead, the longest horizon is."""
    plan = None if ask.panel is None else ask.panel.plan
    return id(ask.model), ask.member, ask.levels, plan, None if ask.later is None else ask.horizon


def _group(asks: list[Ask]) -> list[bytes | Exception]:
    """The answers to asks of one kind; where the call fails each is asked alone, so that one cannot harm others."""
    ends = np.cumsum([len(ask.ids) for ask in asks]).tolist()
    try:
        forecast = _forecast(asks)
        return [_written(ask, forecast, slice(end - len(ask.ids), end)) for ask, end in zip(asks, ends, strict=True)]
    except (UsageError, DataError, ResourceError) as error:
        if len(asks) == 1:
            return [_refusal(error)]
    except Exception as error:  # noqa: BLE001 - answered as a bug of ours, with an id
        if len(asks) == 1:
            return [error]
    return [_group([ask])[0] for ask in asks]


def _refusal(error: UsageError | DataError | ResourceError) -> Refusal:
    if error.code == "GF-U38":
        return Refusal(422, error.code, f"{error.message} Give them in known.", field="series[0].known")
    refusal = Refusal.of(error, "member" if isinstance(error, ResourceError) else None)
    if isinstance(error, ResourceError):
        refusal.status = 501
    return refusal


def _forecast(asks: list[Ask]) -> Forecast:
    """Return the forecast of the series of all asks, one after the other."""
    first = asks[0]
    forecaster, count = first.model.forecaster, sum(len(ask.ids) for ask in asks)
    keys = tuple((str(k),) for k in range(count))  # two asks may name one series, with other rows
    panel, levels, steps = None, first.levels or None, max(ask.horizon for ask in asks)
    panels = [ask.panel for ask in asks if ask.panel is not None]
    if panels:
        panel = _joined(panels, keys)
        last, plan = panel.ds[panel.indptr[1:] - 1], panel.plan
    else:
        places = np.concatenate([ask.places for ask in asks if ask.places is not None])
        forecaster = replace(forecaster, context=replace(forecaster.context.at(places), ids=keys))
        last, plan = forecaster.context.last, forecaster.plan
    future = _future([ask.later for ask in asks if ask.later is not None], last, plan, keys)
    return forecaster.predict(panel, horizon=steps, levels=levels, member=first.member, future=future)


def _joined(panels: list[Panel], keys: tuple[tuple[str, ...], ...]) -> Panel:
    """Return the series of all panels, which have one plan, under other keys."""
    lengths = np.concatenate([one.lengths for one in panels])
    return Panel(
        keys,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([one.ds for one in panels]),
        np.concatenate([one.y for one in panels]),
        panels[0].plan,
        np.concatenate([one.x for one in panels]),
    )


def _future(
    later: list[Floats], last: Stamps, plan: Plan, keys: tuple[tuple[str, ...], ...]
) -> FutureCovariates | None:
    """Future covariates after the stamps `last` (n_series,)."""
    if not later:
        return None
    x = np.concatenate(later)  # (n_series, horizon, n_columns)
    ds = plan.freq.after(last, x.shape[1]).astype("datetime64[s]").astype(np.int64)
    rows = {(key, int(at)): k * x.shape[1] + h for k, key in enumerate(keys) for h, at in enumerate(ds[k])}
    own = replace(plan, wide=False, names=replace(plan.names, ids=("id",)))
    return FutureCovariates("", own, rows, x.reshape(-1, x.shape[2]), ())


def _written(ask: Ask, forecast: Forecast, part: slice) -> bytes:
    """Return the answer to an ask, whose series are `part` of the forecast."""
    none = ask.levels == ()
    levels = () if none else forecast.levels
    steps = slice(ask.horizon)
    mean, lower, upper = (array[part, steps] for array in (forecast.mean, forecast.lower, forecast.upper))
    warnings = list(ask.warnings)
    if odd := int((~np.isfinite(mean)).any(axis=1).sum()):
        warnings.append(f"{odd} forecasts are not finite everywhere: null there")
    if levels and (unknown := int(np.isnan(lower).all(axis=(1, 2)).sum())):
        warnings.append(f"{unknown} series never changed or are too short: no interval for them")
    stamps = _stamps(forecast.ds[part, steps], forecast.plan)
    rows = []
    for k, name in enumerate(ask.ids):
        row: dict[str, Any] = {"id": name, "ds": stamps[k], "y_hat": _numbers(mean[k])}
        for j, level in enumerate(levels):
            row[f"lo-{level:g}"] = _numbers(lower[k, :, j])
            row[f"hi-{level:g}"] = _numbers(upper[k, :, j])
        rows.append(ENCODER.encode(row))  # one by one, so that others get a turn
    head = json.dumps({"model": ask.model.name, "member": ask.member, "levels": list(levels)})
    text = f'{head[:-1]}, "forecast": [{", ".join(rows)}], "warnings": {json.dumps(warnings)}}}\n'
    return text.encode()


def _numbers(values: Floats) -> list[float | None]:
    """Return the numbers as JSON has them: what is not finite is null."""
    if np.isfinite(values).all():
        return values.tolist()
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _stamps(ds: Stamps, plan: Plan) -> list[list[str]]:
    """Stamps (n, horizon) as texts in the form of the plan, in ISO form where the data have several time columns."""
    form = plan.form
    if form.parts:
        zone = "+00:00" if form.stamp.tz else ""
        stamp = StampForm("ymd", clock="minute", zone=zone, tz=form.stamp.tz, local=form.stamp.local)
        form = TimeForm(stamp)
    ends = plan.freq.after(ds.ravel(), 1).reshape(ds.shape) if form.stamp.until else None
    texts = form.write(ds, ends)[0]
    return [texts[k : k + ds.shape[1]] for k in range(0, len(texts), ds.shape[1])]
