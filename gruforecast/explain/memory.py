"""State change points of a GRU, and how long what it knows lasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints, Stamps
from gruforecast.explain.gate_timeline import Timeline
from gruforecast.explain.records import CalendarPart, CalendarProfile

THRESHOLD = 3.0  # robust standard deviations above the usual
APART = 3  # tokens of the usual between two change points, at least
MIN_TOKENS = 12  # fewer have no usual level
MIN_WINDOW = 12  # tokens: networks of fewer have change points where nothing breaks (benchmarks/gates.py --part tokens)
MIN_PER_PHASE = 8  # tokens of each phase of the season, for a usual level of its own
MEDIAN_DEVIATIONS = 1.4826  # standard deviations of a normal distribution in one median absolute deviation
HOUR, DAY, MONTH = 3600, 86_400, 31 * 86_400
NAMES: dict[CalendarPart, list[str]] = {
    "hour": [f"{hour:02}" for hour in range(24)],
    "weekday": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "month": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}


def half_lives(timeline: Timeline) -> Floats:
    """Return the tokens after which half of what a unit knew is gone, (layers, units).

    What was in the state is multiplied by the update gate z in each step, so after k steps its share is the product of
    k gates: h = ln 0.5 / mean(ln z). Infinite for a gate that never opens.
    """
    with np.errstate(divide="ignore"):
        return np.log(0.5) / np.minimum(timeline.log_update.mean(axis=0), -0.0)


@dataclass(frozen=True)
class ChangePoints:
    """Where the state moved further for good than usual along a timeline.

    Attributes:
        at: (n_points,) entries of the timeline, by time, at which such a time begins.
        strength: (n_points,) the highest score of each.
        score: (n,) of every entry: robust standard deviations above the usual at its phase; NaN where not known.
        phased: whether the usual is that of the phase of the season.
    """

    at: Ints
    strength: Floats
    score: Floats
    phased: bool


def change_points(timeline: Timeline, phase: Ints, window: int) -> ChangePoints:
    """Return the entries from which on `rewritten` is unusual.

    Args:
        window: tokens that the network sees; nothing is known where they are few.
        phase: (n,) of the season; entries of one phase are compared with each other where there are enough.
    """
    known = ~np.isnan(timeline.rewritten)
    moved = timeline.rewritten[known]
    _, which, count = np.unique(phase[known], return_inverse=True, return_counts=True)
    score = np.full(len(timeline), np.nan)
    phased = len(count) > 1 and int(count.min()) >= MIN_PER_PHASE
    if len(moved) >= MIN_TOKENS and window >= MIN_WINDOW:
        usual = (
            np.array([np.median(moved[which == k]) for k in range(len(count))])[which] if phased else np.median(moved)
        )
        away = moved - usual
        spread = MEDIAN_DEVIATIONS * np.median(np.abs(away))
        score[known] = away / spread if spread > 0 else 0.0
    return ChangePoints(*_onsets(score, timeline.series), score, phased)


def _onsets(score: Floats, series: Ints) -> tuple[Ints, Floats]:
    """Return where each time above the threshold begins, and its highest score; times less than `APART` apart are one.

    After a break the state moves for a while, up to a season, and often most at last: it begins with the first entry
    that has a third of the highest score.
    """
    above = np.flatnonzero(np.where(np.isnan(score), -np.inf, score) >= THRESHOLD)
    if not len(above):
        return above, np.zeros(0)
    begins = (np.diff(above) > APART) | (np.diff(series[above]) != 0)
    runs = np.split(above, np.flatnonzero(begins) + 1)
    onsets = [run[np.argmax(score[run] >= score[run].max() / 3)] for run in runs]
    return np.array(onsets), np.array([score[run].max() for run in runs])


def profile(stamps: Stamps, changed: Bools, seconds: float) -> list[CalendarProfile]:
    """Return how often change points fall on each hour, weekday and month, beside how many entries there are.

    Args:
        stamps: (n,) wall clock at the begin of each entry; changed: (n,) which of them are change points.
        seconds: length of an entry: parts of the calendar that are shorter than it say nothing.
    """
    days = stamps.astype("datetime64[D]")
    parts: dict[CalendarPart, tuple[int, Ints]] = {
        "hour": (HOUR, (stamps - days).astype("timedelta64[h]").astype(int)),
        "weekday": (DAY, (days.astype(int) + 3) % 7),  # 1970-01-01 was a Thursday
        "month": (MONTH, stamps.astype("datetime64[M]").astype(int) % 12),
    }
    return [
        CalendarProfile(
            by=name,
            names=NAMES[name],
            moments=np.bincount(part[changed], minlength=len(NAMES[name])).tolist(),
            tokens=np.bincount(part, minlength=len(NAMES[name])).tolist(),
        )
        for name, (length, part) in parts.items()
        if seconds <= length and len(np.unique(part)) > 1
    ]
