"""What known covariates do to the values of each window: a coefficient for each column, or nothing where it misses.

The columns join line, bends and waves of the harmonic regression (`harmonic.py`), with errors that fade:

    value = line + bends + waves + coefficients x columns + error

on one scale, in closed form. Each coefficient is drawn towards zero by its own uncertainty, to zero within two standard
errors (the garrote of Breiman 1995). Then the forecasts from earlier rows of the window are held against those without
columns: each fading whose errors are clearly smaller with them takes part in the coefficients, by a weight; if none is,
they are zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.models.networks.config import KNOWN

MAX_COLUMNS = 100  # the first so many are read
RIDGE, RHOS = 0.1, (0.0, 0.7, 0.95)
DOUBT = 4.0  # squared standard errors within which a coefficient is zero
CLEARLY = 0.98  # of the error without columns: with them it must be below
SHARPNESS = 8.0  # weights fall with this power of the error


def known_places(inputs: tuple[str, ...]) -> Ints:
    """Return the places of the covariates that are read: those known in the horizon, not too many.

    Args:
        inputs: kind of each covariate, see `NetworkConfig`.
    """
    return np.array([k for k, kind in enumerate(inputs) if kind in KNOWN][:MAX_COLUMNS], np.int64)


@dataclass(frozen=True)
class Effects:
    """What the columns do to the values of windows (n) or series.

    Attributes:
        log: (n,) whether they multiply values by a factor, instead of adding to them.
        centre: (n, k) mean of each column, where it does nothing; slope: (n, k) what one more of it does.
        bounds: (n, 2) least and most that all columns together may do.
    """

    log: Bools
    centre: Floats
    slope: Floats
    bounds: Floats

    @staticmethod
    def shapes(n: int, k: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Return the shape and type of each array, by name."""
        return {"log": ((n,), "b1"), "centre": ((n, k), "f8"), "slope": ((n, k), "f8"), "bounds": ((n, 2), "f8")}

    @classmethod
    def none(cls, n: int, k: int) -> Effects:
        """Return effects of k columns that change nothing."""
        return cls(np.zeros(n, bool), np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, 2)))

    @classmethod
    def of(cls, log: Bools, x: Floats, slope: Floats) -> Effects:
        """Return the effects with the bounds and means of the rows (n, rows, k) from which they were found."""
        centre = _mean(x)
        whole = np.where(np.isnan(x), 0.0, x - centre[:, None]) @ slope[:, :, None]  # (n, rows, 1)
        low, high = whole.min(axis=(1, 2)), whole.max(axis=(1, 2))
        return cls(log, centre, slope, np.stack([2 * low - high, 2 * high - low], axis=1))

    def __len__(self) -> int:
        return len(self.log)

    def at(self, places: Ints | Bools) -> Effects:
        """Return those of some of the windows."""
        return Effects(self.log[places], self.centre[places], self.slope[places], self.bounds[places])

    def put(self, places: Ints, part: Effects) -> None:
        """Set those of some of the windows."""
        self.log[places], self.centre[places] = part.log, part.centre
        self.slope[places], self.bounds[places] = part.slope, part.bounds

    def onto(self, values: Floats, x: Floats, sign: int = 1) -> Floats:
        """Return values (n, rows) with what the columns (n, rows, k) do; without it for a `sign` of -1.

        A missing cell is the mean.
        """
        whole = (np.where(np.isnan(x), 0.0, x - self.centre[:, None]) @ self.slope[:, :, None])[:, :, 0]
        whole = sign * np.clip(whole, self.bounds[:, :1], self.bounds[:, 1:])
        log = self.log[:, None]
        return np.where(log, values * np.exp(np.where(log, whole, 0.0)), values + whole)


class Place(NamedTuple):
    """Where the regression is solved.

    Attributes:
        past: (rows, p) columns that all windows share, of their first rows; future: (ahead, p) these continued.
        ridge: (p, p) what is added to their squares.
    """

    past: Floats
    future: Floats
    ridge: Floats


def coefficients(z: Floats, missing: Bools, x: Floats, places: list[Place]) -> Floats:
    """Return the coefficients (n, k) of columns (n, rows, k) in values (n, rows) of variance 1.

    Args:
        missing: (n, rows) which of the values are none, but filled.
        places: the end of the rows first, then earlier ones.
    """
    columns = np.where(np.isnan(x) | missing[:, :, None], 0.0, x - _mean(x)[:, None])
    d = np.concatenate([columns, z[:, :, None]], axis=2)  # (n, rows, k + 1)
    here, *earlier = places
    found = np.stack([slope for slope, _ in _solved(d, here)])  # (n_rhos, n, k)
    with_them, without = sum((_errors(d, missing, one) for one in earlier), np.zeros((2, *found.shape[:2])))
    useful = with_them < CLEARLY * without.min(axis=0)
    least = np.maximum(with_them.min(axis=0), 1e-12)
    weights = np.where(useful, (least / np.maximum(with_them, least)) ** SHARPNESS, 0.0)
    total = weights.sum(axis=0)
    return np.einsum("rn,rnk->nk", weights / np.where(total > 0, total, 1.0), found)


def _solved(d: Floats, place: Place) -> list[tuple[Floats, Floats]]:
    """Return for each rho the coefficients of columns, (n, k), and the rest's, (n, p, k + 1), of columns and values.

    Args:
        d: (n, all rows, k + 1) columns and, last, values.
    """
    x, y, k, found = place.past, d[:, : len(place.past)], d.shape[2] - 1, []
    shared, crossed, own = _Products.of(x, x), _Products.of(x, y), _Products.of(y, y)
    for rho in RHOS:
        right = crossed.faded(rho)  # (n, p, k + 1)
        solved = np.asarray(np.linalg.solve(shared.faded(rho) + place.ridge, right), float)
        left = own.faded(rho) - np.swapaxes(right, 1, 2) @ solved  # (n, k + 1, k + 1) what the shared columns leave
        inverse = np.linalg.inv(left[:, :k, :k] + RIDGE * np.eye(k))
        slope = (inverse @ left[:, :k, k:])[:, :, 0]  # (n, k)
        noise = np.maximum(left[:, k, k] - (slope * left[:, :k, k]).sum(axis=1), 0) / len(x)
        doubt = DOUBT * noise[:, None] * np.einsum("nkk->nk", inverse)
        sure = slope**2 > doubt
        found.append((np.where(sure, slope - doubt / np.where(sure, slope, 1.0), 0.0), solved))
    return found


class _Products(NamedTuple):
    """Products of the columns of two arrays, (..., p, q), of which those with any rho are made.

    Attributes:
        whole: of all rows; lagged: of each row and the one before, both ways; inner: of all rows but first and last.
    """

    whole: Floats
    lagged: Floats
    inner: Floats

    @classmethod
    def of(cls, a: Floats, b: Floats) -> _Products:
        """Return those of arrays (..., rows, p) and (..., rows, q)."""
        t = np.swapaxes(a, -1, -2)
        lagged = t[..., 1:] @ b[..., :-1, :] + t[..., :-1] @ b[..., 1:, :]
        return cls(t @ b, lagged, t[..., 1:-1] @ b[..., 1:-1, :])

    def faded(self, rho: float) -> Floats:
        """Return the products of rows less rho times the row before."""
        return self.whole - rho * self.lagged + rho**2 * self.inner


def _errors(d: Floats, missing: Bools, place: Place) -> Floats:
    """Return the absolute errors (2, n_rhos, n) from a place on, all steps together, with the columns and without."""
    k, end, steps = d.shape[2] - 1, len(place.past), len(place.future)
    there = ~missing[:, end : end + steps]
    errors = np.zeros((2, len(RHOS), len(d)))
    for j, (rho, (slope, solved)) in enumerate(zip(RHOS, _solved(d, place), strict=True)):
        for i, beta in enumerate((slope, np.zeros_like(slope))):
            b = solved[:, :, k] - (solved[:, :, :k] @ beta[:, :, None])[:, :, 0]  # (n, p)
            rest = d[:, end - 1 : end + steps, k] - (d[:, end - 1 : end + steps, :k] @ beta[:, :, None])[:, :, 0]
            last = rest[:, 0] - b @ place.past[-1]
            forecast = b @ place.future.T + last[:, None] * rho ** np.arange(1, steps + 1)
            errors[i, j] = (there * np.abs(rest[:, 1:] - forecast)).sum(axis=1)
    return errors


def _mean(x: Floats) -> Floats:
    """Return the mean (n, k) over rows of what is not NaN, 0 if all are."""
    seen = ~np.isnan(x)
    return np.where(seen, x, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
