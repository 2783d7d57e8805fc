"""A look inside a saved model: what its gates do with new data, or with the rows that it keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gruforecast.arrays import Ints
from gruforecast.data.joining import newer_rows
from gruforecast.data.panel import Panel
from gruforecast.data.windows import History, Windows
from gruforecast.errors import UsageError, did_you_mean, shorten
from gruforecast.explain.explanation import Subject, explain, explain_gradients, explain_importance, longest
from gruforecast.explain.records import Explanation, ImportanceRecord
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.inference import Network

MIN_PAST = 3  # rows before a window, beyond the horizon
ROUNDS = 3  # horizons at the end of new data that the importance is measured on


def explain_model(
    forecaster: Forecaster,
    panel: Panel | None = None,
    *,
    member: str | None = None,
    id: str | None = None,  # noqa: A002 - as in `predict`
    stored: Explanation | None = None,
    source: str = "data",
) -> Explanation:
    """Return what the gates of one network do along `panel`, or along the rows that the model has kept.

    Args:
        member: name of a network; the one with the largest weight if not given.
        id: key of the series in the pictures; the longest if not given.
        stored: what `fit` has found; it alone knows the input gradients of LSTM and simple RNN.
        source: of `panel`, in words.

    Raises:
        UsageError: there is no such network or series.
        DataError: `panel` has another step or other columns than the data that the model was fitted on.
    """
    network, kept = network_named(forecaster, member), panel is None
    if panel is not None:
        forecaster.check(panel)
    elif not forecaster.keeps_rows:
        raise UsageError(
            "the model keeps no rows to look along (fit `context=False`).",
            remedy="Pass the data to look at.",
            code="GF-U48",
        )
    else:
        panel, source = forecaster.context, "the rows that the model keeps"
    history = History.of(panel.y, panel.indptr, panel.wall, forecaster.scaling(panel.x))
    plan, shown = forecaster.plan, longest(history) if id is None else int(panel.places_of([id])[0])
    subject = Subject(network, history, panel.wall, panel.ids, plan.freq, plan.columns, source, shown)
    ends = history.windows(np.arange(len(subject.ids)), history.indptr[1:])
    others = [one for one in stored.reach if not one.saved] if stored is not None else []
    reach = [*explain_gradients(network, {}, history, ends, subject.freq), *others]
    return explain(subject, reach, None if kept else _importance(forecaster, subject, panel))


def largest(networks: Sequence[Network]) -> Network:
    """Return the network with the largest weight."""
    return max(networks, key=lambda one: one.weight)


def network_named(forecaster: Forecaster, member: str | None) -> Network:
    """Return the network of this name, or the one with the largest weight.

    Raises:
        UsageError: there is none of this name.
    """
    if member is None:
        return largest(forecaster.networks)
    known = [one.name for one in forecaster.networks]
    if member not in known:
        raise UsageError(
            f"there is no network {member!r} to look into.{did_you_mean(member, known)}",
            remedy=f"The networks are {shorten(known, 12)}.",
            code="GF-U85",
        )
    return forecaster.networks[known.index(member)]


def _importance(forecaster: Forecaster, subject: Subject, panel: Panel) -> ImportanceRecord | None:
    """Return what it is on the newest rows with a horizon after them, on those behind the training where there are."""
    windows = _origins(subject.history, forecaster.horizon)
    if not len(windows):
        return None
    learned = windows.end < newer_rows(forecaster.context, panel)[windows.series]
    if learned.all():
        seen = "rows that the network has learned from (on new rows it may need less of its input)"
    else:
        windows, seen = windows[~learned], "rows that the network has not learned from"
    return explain_importance(subject.network, subject.history, windows, subject.columns, seen)


def _origins(history: History, horizon: int) -> Windows:
    """Return the windows in the last `ROUNDS` horizons of each series, with a whole horizon of values after them."""
    begin, end = history.indptr[:-1], history.indptr[1:]
    first = np.maximum(end - (ROUNDS + 1) * horizon, begin + horizon + MIN_PAST)
    counts: Ints = np.maximum(end - horizon - first + 1, 0)
    series = np.repeat(np.arange(len(counts)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return history.windows(series, first[series] + offset)
