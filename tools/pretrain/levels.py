"""Levels: random walks, trends that bend, break, damp out or saturate. A unit is a season's worth of change."""

import numpy as np

from tools.pretrain.draws import Ask, Floats, filtered


def shift(time: Floats, at: Floats, size: Floats) -> Floats:
    """Return a step (n, rows) of a size (n, 1) from the row `at` (n, 1) on."""
    return size * (time >= at)


def bend(time: Floats, at: Floats, size: Floats) -> Floats:
    """Return a change of slope (n, rows) by size a row after the row `at`."""
    return size * np.maximum(time - at, 0)


def bump(time: Floats, at: Floats, length: Floats, size: Floats) -> Floats:
    """Return a shift (n, rows) that starts at the row `at` and is over after `length` rows."""
    return size * ((time >= at) & (time < at + length))


def walk(ask: Ask, n: int) -> Floats:
    """Return random walks with a slope that wanders and may damp out (n, rows)."""
    span, few = ask.span(n), ask.season <= 4
    step = ask.mostly(ask.log_uniform(1e-3 if ask.daily else 0.01, 0.6, n), 0.8) / np.sqrt(span)
    wander = ask.mostly(ask.log_uniform(3e-3, 0.4, n), 0.5) / span**1.5
    # Yearly, quarterly and monthly series of the real world grow; hourly ones hardly.
    mean, largest = (0.9, 2.0) if few else (0.2, 1.2) if ask.daily else (0.5, 1.2)
    slope = ask.mostly((ask.normal(n, 1) + np.float32(mean)) * ask.log_uniform(0.03, largest, n), 0.75) / span
    damping = np.where(ask.some(n, 0.5)[:, None], 1, ask.uniform(0.8, 1, n) ** (4 / span)).astype(np.float32)
    turns = wander * ask.normal(n, ask.rows)
    turns[:, :1] += slope
    shocks = ask.normal(n, ask.rows)
    rare = ask.some(n, 0.2)
    shocks[rare] *= np.where(ask.rng.random((int(rare.sum()), ask.rows), np.float32) < 0.05, 5, 0.5).astype(np.float32)
    return np.cumsum(filtered(turns, damping) + step * shocks, axis=1)


def breaks(ask: Ask, n: int) -> Floats:
    """Return changes of slope and of level, and shifts that return (n, rows); nothing for most series."""
    paths, span = np.zeros((n, ask.rows), np.float32), ask.span(n)
    for share in (0.25, 0.12):
        who = ask.some(n, share)
        k = int(who.sum())
        paths[who] += bend(ask.time, ask.times(k), ask.normal(k, 1) * ask.log_uniform(0.05, 1, k) / span[who])
    for share in (0.2, 0.1):
        who = ask.some(n, share)
        k = int(who.sum())
        paths[who] += shift(ask.time, ask.times(k), ask.normal(k, 1) * ask.log_uniform(0.05, 1, k))
    who = ask.some(n, 0.08)
    k = int(who.sum())
    length = ask.log_uniform(0.3, 6, k) * span[who]
    paths[who] += bump(ask.time, ask.times(k), length, ask.normal(k, 1) * ask.log_uniform(0.1, 1.5, k))
    return paths


def growth(ask: Ask, n: int) -> Floats:
    """Return a rise to a ceiling, or one that is over again (n, rows): logistic, Gompertz, a product's life."""
    when = ask.uniform(-0.3, 1.3, n) * ask.rows
    pace = ask.log_uniform(2, 30, n) / ask.rows
    steps = np.clip((ask.time - when) * pace, -30, 30)
    logistic = 1 / (1 + np.exp(-steps))
    gompertz = np.exp(-np.exp(-steps))
    life = 4 * logistic * (1 - logistic)
    which = ask.rng.integers(0, 3, (n, 1))
    shape = np.where(which == 0, logistic, np.where(which == 1, gompertz, life)).astype(np.float32)
    return shape * ask.log_uniform(0.3, 4, n) * np.where(ask.some(n, 0.7), 1, -1)[:, None]


def levels(ask: Ask, n: int) -> Floats:
    """Return levels of every kind (n, rows)."""
    paths = walk(ask, n) + breaks(ask, n)
    who = ask.some(n, 0.07)
    paths[who] += growth(ask, int(who.sum()))
    return paths
