"""What is left of a series without level and season: noise of many kinds, with and without memory."""

import numpy as np
from numpy import fft

from tools.pretrain.draws import Ask, Floats, filtered, standardised

WARM_UP = 60  # rows before the first, so that a process with memory does not start from nothing


def autocorrelated(ask: Ask, n: int) -> Floats:
    """Return AR(1) noise and cycles without a fixed period, ARMA(2, 1) with complex roots (n, rows), standardised."""
    shocks = ask.normal(n, ask.rows + WARM_UP)
    out = np.empty((n, ask.rows), np.float32)
    cycle = ask.some(n, 0.4)
    k = int(cycle.sum())
    angle = 2 * np.pi / ask.log_uniform(5, 80, k)
    root = ask.uniform(0.5, 0.995, k) * np.exp(1j * angle).astype(np.complex64)
    out[cycle] = filtered(shocks[cycle], root).real[:, WARM_UP:]
    real = filtered(shocks[~cycle], ask.uniform(-0.6, 0.97, n - k))
    smooth = ask.some(n - k, 0.35)
    real[smooth] = filtered(real[smooth], ask.uniform(0.3, 0.97, int(smooth.sum())))
    out[~cycle] = real[:, WARM_UP:]
    return standardised(out)


def long_memory(ask: Ask, n: int) -> Floats:
    """Return noise with a spectrum of 1 / f^(2d), d from -0.3 to 0.9 (n, rows), standardised."""
    length = 2 * ask.rows
    d = ask.uniform(-0.3, 0.9, n)
    spectrum = fft.rfft(ask.normal(n, length), axis=1)
    f = np.maximum(np.arange(spectrum.shape[1], dtype=np.float32), 0.5)
    return standardised(fft.irfft(spectrum * f**-d, length, axis=1)[:, : ask.rows].astype(np.float32))


def white(ask: Ask, n: int) -> Floats:
    """Return independent noise (n, rows): normal, heavy-tailed or skewed, some a moving average, some in clusters."""
    noise = ask.normal(n, ask.rows)
    heavy = ask.some(n, 0.3)
    k = int(heavy.sum())
    noise[heavy] *= np.float32(0.75) * np.exp(ask.uniform(0.2, 0.9, k) * ask.normal(k, ask.rows))
    skewed = ask.some(n, 0.1)
    k = int(skewed.sum())
    side = np.where(ask.some(k, 0.5), 1, -1)[:, None]
    noise[skewed] = side * (np.exp(np.clip(ask.uniform(0.2, 0.8, k) * noise[skewed], -5, 5)) - 1)
    average = ask.some(n, 0.15)
    k = int(average.sum())
    noise[average, 1:] += ask.uniform(-0.9, 0.9, k) * noise[average, :-1]
    clusters = ask.some(n, 0.12)
    k = int(clusters.sum())
    sd = filtered(ask.normal(k, ask.rows), ask.uniform(0.8, 0.99, k))
    noise[clusters] *= np.exp(np.clip(standardised(sd) * ask.uniform(0.2, 1, k), -3, 3))
    phases = ask.some(n, 0.12)  # some months or hours are more uncertain than others
    k = int(phases.sum())
    if ask.season > 1:
        spread = np.exp(0.5 * ask.normal(k, ask.season))
        noise[phases] *= spread[:, np.arange(ask.rows) % ask.season]
    return noise


def outliers(ask: Ask, n: int) -> Floats:
    """Return rare spikes in a share of the series (n, rows), zero elsewhere."""
    spikes = np.zeros((n, ask.rows), np.float32)
    who = ask.some(n, 0.15)
    k = int(who.sum())
    rare = ask.rng.random((k, ask.rows), np.float32) < ask.log_uniform(0.002, 0.03, k)
    spikes[who] = rare * ask.normal(k, ask.rows) * ask.log_uniform(0.2, 3, k)
    return spikes


def remainder(ask: Ask, n: int) -> Floats:
    """Return the noise of series of every kind (n, rows), of any size against a season of size 0.02 to 2."""
    # Hours are smooth; quarters and years are sums.
    least, largest, share = (1e-3, 0.3, 0.75) if ask.daily else (0.01, 0.6 if ask.season > 4 else 0.35, 0.85)
    size = ask.mostly(ask.log_uniform(least, largest, n), share)
    paths = size * white(ask, n) + outliers(ask, n)
    size = ask.mostly(ask.log_uniform(3e-3, 0.6, n), 0.55)
    ruling = ask.some(n, 0.15 if ask.season == 1 else 0.05)
    size[ruling] = ask.log_uniform(0.3, 2, int(ruling.sum()))
    who = size[:, 0] > 0
    memory = ask.some(n, 0.25)
    for make, rows in ((autocorrelated, who & ~memory), (long_memory, who & memory)):
        paths[rows] += size[rows] * make(ask, int(rows.sum()))
    return paths
