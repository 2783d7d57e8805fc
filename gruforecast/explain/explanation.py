"""What a network does with the user's data, as one record: the report and `gruforecast explain` hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats, Stamps
from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.windows import History, Windows, evenly
from gruforecast.explain.gate_timeline import Timeline, watch
from gruforecast.explain.gradients import PROBES, gradient_norms
from gruforecast.explain.memory import APART, THRESHOLD, ChangePoints, change_points, half_lives, profile
from gruforecast.explain.permutation import importance, parts_of, thinned
from gruforecast.explain.records import (
    ChangePoint,
    ChangeRecord,
    Explanation,
    GateRecord,
    GradientRecord,
    ImportanceRecord,
    LayerGates,
    MemoryRecord,
    WatchedNetwork,
    finite,
    significant,
)
from gruforecast.models.networks.features import encode_windows
from gruforecast.models.networks.inference import Network

MAX_SHOWN = 240  # tokens in the pictures
MAX_UNITS = 24  # units of a layer in the pictures
MAX_LAYERS = 2  # in the pictures: all, or the first and the last
MAX_CHANGE_POINTS = 60
MAX_POINTS = 200  # of a curve
MAX_WINDOWS, MIN_WINDOWS = 32, 4  # of the input gradients
EFFORT = 2e10  # multiplications for all gradients, about two seconds
ENDLESS = 1e6  # tokens: a half-life beyond is called endless
OLDEST = 0.1  # share of the window at each end by which the input gradient is summed up, in whole tokens, at least one
MOST_OF_IT = 0.9  # of the sum of squared gradients
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": DAY, "weeks": 7 * DAY}


@dataclass(frozen=True)
class Subject:
    """A network and the series that it is watched on.

    Attributes:
        history: with covariates standardised.
        wall: (n_rows,) wall clock of each row.
        columns: names of the covariates.
        source: where the series come from, in words.
        shown: number of the series in the pictures.
    """

    network: Network
    history: History
    wall: Stamps
    ids: tuple[tuple[str, ...], ...]
    freq: Frequency
    columns: tuple[str, ...]
    source: str
    shown: int

    def key(self, series: int) -> str:
        """Return the name of a series."""
        return "/".join(self.ids[series])


def longest(history: History) -> int:
    """Return the number of the longest series."""
    return int(np.argmax(np.diff(history.indptr)))


def unit_of(freq: Frequency) -> tuple[str, float]:
    """Return the user's unit of time, in the plural, and how many of it one row is."""
    if freq.unit == "B":
        return "business days", 1.0
    if freq.unit == "M":
        return ("years", freq.step / 12) if freq.step % 12 == 0 else ("months", float(freq.step))
    steps = {"seconds": 60, "minutes": 900, "hours": DAY, "days": 7 * DAY}  # the first that a row is shorter than
    name = next((name for name, size in steps.items() if freq.step < size), "weeks")
    return name, freq.step / SECONDS[name]


def explain(subject: Subject, reach: list[GradientRecord], needs: ImportanceRecord | None) -> Explanation:
    """Return the look inside: what gates do, how long they remember, where the state changes for good; and the rest.

    Args:
        reach: of `explain_gradients`; needs: of `explain_importance`.
    """
    network, config = subject.network, subject.network.config
    timeline = watch(subject.history, config, network.weights, subject.shown)
    number = subject.freq.number(subject.wall[timeline.last])[0]
    points = change_points(timeline, number % config.season_length, config.tokens)
    unit, per_row = unit_of(subject.freq)
    return Explanation(
        source=subject.source,
        freq=subject.freq.label,
        unit=unit,
        per_row=per_row,
        network=WatchedNetwork(
            name=network.name,
            share=network.weight,
            layers=config.layers,
            units=config.units,
            lookback=config.lookback,
            segment=config.segment,
            tokens=config.tokens,
            decoder=config.decoder,
            horizon=config.horizon,
            season_length=config.season_length,
        ),
        gates=_gates(subject, timeline, points),
        memory=_memory(subject, timeline),
        resets=_state_changes(subject, timeline, points),
        reach=reach,
        importance=needs,
    )


def _gates(subject: Subject, timeline: Timeline, points: ChangePoints) -> GateRecord:
    """Return the opening of the gates in percent along the newest tokens shown; units from forgetful to lasting."""
    entries = np.flatnonzero(timeline.series == subject.shown)[-MAX_SHOWN:]
    first, last = timeline.first[entries], timeline.last[entries]
    lives, count = half_lives(timeline), timeline.update.shape[1]
    return GateRecord(
        series=subject.key(subject.shown),
        begin=texts(subject.wall[first]),
        end=texts(subject.wall[last]),
        values=[_mean(subject.history.values[a : b + 1]) for a, b in zip(first, last, strict=True)],
        rewritten=[finite(one) for one in points.score[entries]],
        moments=np.flatnonzero(np.isin(entries, points.at)).tolist(),
        layers=[
            _layer(layer, lives[layer], timeline.update[entries, layer], timeline.reset[entries, layer])
            for layer in (range(count) if count <= MAX_LAYERS else (0, count - 1))
        ],
    )


def _layer(layer: int, lives: Floats, update: Floats, reset: Floats) -> LayerGates:
    """Return the gates (n_tokens, units) of a layer; the half-lives (units,) say which of them are shown."""
    order = np.argsort(lives, kind="stable")
    picked = order[evenly(len(order), MAX_UNITS)]
    return LayerGates(
        layer=layer + 1,
        units=picked.tolist(),
        update=np.rint(100 * update[:, picked].T).astype(int).tolist(),
        reset=np.rint(100 * reset[:, picked].T).astype(int).tolist(),
        mean_update=np.round(100 * update.mean(axis=1), 1).tolist(),
        mean_reset=np.round(100 * reset.mean(axis=1), 1).tolist(),
    )


def _memory(subject: Subject, timeline: Timeline) -> MemoryRecord:
    """Return the half-life of each unit in the user's unit of time, None for those that never let go."""
    config = subject.network.config
    unit, per_row = unit_of(subject.freq)
    tokens = half_lives(timeline)
    lives = np.where(tokens > ENDLESS, np.inf, tokens * config.segment * per_row)
    return MemoryRecord(
        unit=unit,
        window=config.lookback * per_row,
        token=config.segment * per_row,
        layers=[[finite(one, 6) for one in layer] for layer in lives],
        median=finite(np.median(lives)),
        shortest=finite(lives.min()),
        longest=finite(lives.max()),
        within_a_token=round(float((tokens < 1).mean()), 4),
        beyond_the_window=round(float((tokens > config.tokens).mean()), 4),
    )


def _state_changes(subject: Subject, timeline: Timeline, points: ChangePoints) -> ChangeRecord:
    changed = np.isin(np.arange(len(timeline)), points.at)
    known = ~np.isnan(points.score)
    order = np.argsort(-points.strength, kind="stable")[:MAX_CHANGE_POINTS]
    strongest, strength = points.at[order], points.strength[order]
    step = {"M": 30 * DAY, "B": DAY}.get(subject.freq.unit, 1) * subject.freq.step
    stamps, ends = subject.wall[timeline.first], subject.wall[timeline.last]
    return ChangeRecord(
        threshold=THRESHOLD,
        apart=APART,
        compared_with="the same phase of the season" if points.phased else "all others",
        n_moments=len(points.at),
        n_tokens=int(known.sum()),
        n_series=len(np.unique(timeline.series)),
        moments=[
            ChangePoint(subject.key(int(timeline.series[k])), round(float(score), 2), start, end)
            for k, score, start, end in zip(
                strongest, strength, texts(stamps[strongest]), texts(ends[strongest]), strict=True
            )
        ],
        profile=profile(stamps[known], changed[known], step * subject.network.config.segment),
    )


def explain_gradients(
    saved: Network, kinds: Mapping[str, Sequence[Network]], history: History, windows: Windows, freq: Frequency
) -> list[GradientRecord]:
    """Return the input gradient of the saved network and of each kind by row; nothing where windows lack.

    Args:
        kinds: networks of one cell and several seeds, by name; the gradient is their mean.
    """
    if not len(windows):
        return []
    shown = {f"{saved.name} (as saved)": [saved], **kinds}
    configs = [one.config for networks in shown.values() for one in networks]
    each = sum(12 * min(one.horizon, PROBES) * one.tokens * one.layers * one.units**2 for one in configs)
    some = windows[evenly(len(windows), int(np.clip(EFFORT / each, MIN_WINDOWS, MAX_WINDOWS)))]
    return [_curve(name, networks, history, some, freq, saved=name not in kinds) for name, networks in shown.items()]


def _curve(
    name: str, networks: Sequence[Network], history: History, windows: Windows, freq: Frequency, *, saved: bool
) -> GradientRecord:
    config, per_row = networks[0].config, unit_of(freq)[1]
    power = np.zeros(config.lookback)
    for one in networks:
        encoded = encode_windows(history, windows, one.config)
        power += gradient_norms(encoded.features, encoded.future, one.config, one.weights) ** 2
    power = power[::-1] / len(networks)  # newest row first
    edges = np.arange(0, config.lookback, config.segment * -(-config.tokens // MAX_POINTS))
    means = np.add.reduceat(power, edges) / np.diff(np.append(edges, config.lookback))
    rows = max(1, round(OLDEST * config.tokens)) * config.segment
    near, far = power[:rows].mean(), power[-rows:].mean()
    total = power.sum()
    within = int(np.searchsorted(np.cumsum(power), MOST_OF_IT * total) + 1) if total > 0 else None
    return GradientRecord(
        name=name,
        cell=config.cell,
        saved=saved,
        seeds=len(networks),
        lookback=config.lookback,
        rows_back=(edges + 1).tolist(),
        norm=[significant(one, 4) for one in np.sqrt(means)],
        end=rows * per_row,
        oldest_to_newest=significant(np.sqrt(far / near), 4) if near > 0 else None,
        within=within and min(within, config.lookback) * per_row,
        window=config.lookback * per_row,
    )


def explain_importance(
    network: Network, history: History, windows: Windows, columns: tuple[str, ...], seen: str
) -> ImportanceRecord | None:
    """Return what the network needs, by permutation.

    Args:
        seen: in words, how the windows relate to what the network has learned from.
    """
    some = thinned(windows, network.config, len(parts_of(network.config, columns)))
    return importance(history, some, network.config, network.weights, columns, seen)


def texts(stamps: Stamps) -> list[str]:
    """Return the stamps as short ISO text, days only where all are at midnight."""
    whole = bool((stamps == stamps.astype("datetime64[D]")).all())
    short = stamps.astype("datetime64[D]" if whole else "datetime64[m]")
    exact = short if bool((stamps == short).all()) else stamps.astype("datetime64[s]")
    return [str(one).replace("T", " ") for one in exact]


def _mean(values: Floats) -> float | None:
    seen = values[~np.isnan(values)]
    return significant(seen.mean(), 6) if len(seen) else None
