"""Many requests in one call of the model, and each one's part of the forecast as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from msgspec import structs

from gruforecast.arrays import Floats, Stamps
from gruforecast.data.finding import shown
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Forecast, Panel
from gruforecast.data.plan import Plan
from gruforecast.errors import DataError, MissingCovariatesError, ResourceError, UsageError
from gruforecast.serialization import JsonValue
from gruforecast.serve.errors import Refusal
from gruforecast.serve.request import ModelQuery

ENCODER = json.JSONEncoder(allow_nan=False)


def answers(queries: Sequence[ModelQuery]) -> list[bytes | Exception]:
    """Return the answer to each query, or why there is none; those of one kind are forecast in one call."""
    batches: dict[Hashable, list[int]] = defaultdict(list)
    for k, query in enumerate(queries):
        batches[_kind(query)].append(k)
    answered: dict[int, bytes | Exception] = {}
    for numbers in batches.values():
        answered |= zip(numbers, _batch([queries[k] for k in numbers]), strict=True)
    return [answered[k] for k in range(len(queries))]


def _kind(query: ModelQuery) -> Hashable:
    """Return what the queries of one call share: with future covariates the horizon, too; else the longest is made."""
    plan = None if query.panel is None else query.panel.plan
    return id(query.model), query.member, query.levels, plan, None if query.future is None else query.horizon


def _batch(queries: list[ModelQuery]) -> list[bytes | Exception]:
    """Return the answers to queries of one kind; where the call fails each is forecast alone: none can harm others."""
    ends = np.cumsum([len(query.ids) for query in queries]).tolist()
    try:
        forecast = _forecast(queries)
        return [
            _written(query, forecast, slice(end - len(query.ids), end))
            for query, end in zip(queries, ends, strict=True)
        ]
    except Exception as error:  # noqa: BLE001 - what is no refusal is answered as a bug of ours, with an id
        if len(queries) == 1:
            return [_refusal(error)]
    return [_batch([query])[0] for query in queries]


def _refusal(error: Exception) -> Exception:
    if isinstance(error, MissingCovariatesError):
        return Refusal(422, error.code, f"{error.message} Give them in known.", field="series[0].known")
    if isinstance(error, ResourceError):
        return Refusal(501, error.code, error.message, field="member")
    return Refusal.of(error, None) if isinstance(error, UsageError | DataError) else error


def _forecast(queries: list[ModelQuery]) -> Forecast:
    """Return the forecast of the series of all queries, one after the other."""
    first = queries[0]
    forecaster, count = first.model.forecaster, sum(len(query.ids) for query in queries)
    keys = tuple((str(k),) for k in range(count))  # two queries may name one series, with other rows
    panel, levels, steps = None, first.levels or None, max(query.horizon for query in queries)
    panels = [query.panel for query in queries if query.panel is not None]
    if panels:
        panel = _joined(panels, keys)
        last, plan = panel.last, panel.plan
    else:
        positions = np.concatenate([query.positions for query in queries if query.positions is not None])
        context = replace(forecaster.context.at(positions), ids=keys)
        forecaster = replace(forecaster, context=context, ends=forecaster.ends.at(positions))
        last, plan = forecaster.context.last, forecaster.plan
    future = _future([query.future for query in queries if query.future is not None], last, plan, keys)
    unseen = [query.unseen for query in queries if query.unseen is not None]
    return forecaster.predict(
        panel,
        horizon=steps,
        levels=levels,
        member=first.member,
        future=future,
        unseen=np.concatenate(unseen) if unseen else None,
    )


def _joined(panels: list[Panel], keys: tuple[tuple[str, ...], ...]) -> Panel:
    """Return the series of all panels, which have one plan, under other keys."""
    return Panel(
        keys,
        np.cumsum([0, *np.concatenate([one.lengths for one in panels])], dtype=np.int64),
        np.concatenate([one.ds for one in panels]),
        np.concatenate([one.y for one in panels]),
        panels[0].plan,
        np.concatenate([one.x for one in panels]),
    )


def _future(
    given: list[Floats], last: Stamps, plan: Plan, keys: tuple[tuple[str, ...], ...]
) -> FutureCovariates | None:
    """Return the future covariates after the stamps `last` (n_series,)."""
    if not given:
        return None
    x = np.concatenate(given)  # (n_series, horizon, n_columns)
    ds = plan.freq.after(last, x.shape[1]).astype("datetime64[s]").astype(np.int64)
    rows = {(key, int(at)): k * x.shape[1] + h for k, key in enumerate(keys) for h, at in enumerate(ds[k])}
    own = structs.replace(plan, wide=False, names=structs.replace(plan.names, ids=("id",)))
    return FutureCovariates("", own, rows, x.reshape(-1, x.shape[2]), ())


def _written(query: ModelQuery, forecast: Forecast, part: slice) -> bytes:
    """Return the answer to a query, whose series are `part` of the forecast."""
    levels = () if query.levels == () else forecast.levels
    steps = slice(query.horizon)
    mean, lower, upper = (array[part, steps] for array in (forecast.mean, forecast.lower, forecast.upper))
    warnings = shown(query.findings, "warning")
    if odd := int((~np.isfinite(mean)).any(axis=1).sum()):
        warnings.append(f"{odd} forecasts are not finite everywhere: null there")
    if levels and (unknown := int(np.isnan(lower).all(axis=(1, 2)).sum())):
        warnings.append(f"{unknown} series never changed or are too short: no interval for them")
    stamps = _stamps(forecast.ds[part, steps], forecast.plan)
    rows = []
    for k, name in enumerate(query.ids):
        row: dict[str, JsonValue] = {"id": name, "ds": stamps[k], "y_hat": _numbers(mean[k])}
        for j, level in enumerate(levels):
            row[f"lo-{level:g}"] = _numbers(lower[k, :, j])
            row[f"hi-{level:g}"] = _numbers(upper[k, :, j])
        rows.append(ENCODER.encode(row))  # one by one, so that others get a turn
    head = json.dumps({"model": query.model.name, "member": query.member, "levels": list(levels)})
    return f'{head[:-1]}, "forecast": [{", ".join(rows)}], "warnings": {json.dumps(warnings)}}}\n'.encode()


def _numbers(values: Floats) -> list[float | None]:
    """Return the numbers as JSON has them: what is not finite is null."""
    if np.isfinite(values).all():
        return values.tolist()
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _stamps(ds: Stamps, plan: Plan) -> list[list[str]]:
    """Return the stamps (n, horizon) as texts in the form of the plan, in ISO form if that has several columns."""
    form = plan.form
    if form.parts:
        zone = "+00:00" if form.stamp.tz else ""
        form = TimeForm(StampForm("ymd", clock="minute", zone=zone, tz=form.stamp.tz, local=form.stamp.local))
    ends = plan.freq.after(ds.ravel(), 1).reshape(ds.shape) if form.stamp.until else None
    texts = form.write(ds, ends)[0]
    return [texts[k : k + ds.shape[1]] for k in range(0, len(texts), ds.shape[1])]
