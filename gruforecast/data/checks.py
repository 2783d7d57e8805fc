"""What is odd about the values of a panel: reported, never mended unasked."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.calendar.frequency import DAY
from gruforecast.data.calendar.time_zones import clock_change
from gruforecast.data.covariates import leak
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.options import Role
from gruforecast.data.panel import Panel
from gruforecast.data.totals import total_series
from gruforecast.errors import shorten

SENTINELS = (0.0, -1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, -99999.0, -9.99, -99.99, -999.99, 999.0, 9999.0, 99999.0)
FAR = 8.0  # interquartile ranges from the quartiles at which a value is an outlier
SMALLEST = 1.2e-38  # of 32-bit numbers with full precision
YEARS = 10  # years from today on that a stamp may lie
SHOWN = 3
LOOKED_AT = 5  # series in which columns are compared with the target
# rows by which a covariate may run behind the target
LAGS: dict[Role, tuple[int, ...]] = {"known": (0, -1, 1, -2, 2, -3, 3), "past": (-1, -2, -3), "static": ()}


def odd_values(panel: Panel, lines: Ints, unit: str = "line") -> Findings:
    """Return a finding for each oddity that a forecast may suffer from.

    Args:
        lines: (n_rows,) line in the file of each row, 0 where the file has none; unit: what they count, in a word.
    """
    y, texts = panel.y, []
    if (code := sentinel(y)) is not None:
        value, count = code
        at = _places(np.flatnonzero(y == value), lines, unit)
        texts.append(
            f"{value:g} stands there {count} times, far from all other values ({at}):"
            f" pass `na_values='{value:g}'` if it means missing"
        )
    else:
        texts += _far_off(panel, lines, unit)
    constant = [
        "/".join(key)
        for key, (a, b) in zip(panel.ids, itertools.pairwise(panel.indptr), strict=True)
        if np.nanmin(y[a:b]) == np.nanmax(y[a:b])
    ]
    if constant:
        texts.append(f"{len(constant)} series never change ({shorten(constant, SHOWN)}): their MASE is not defined")
    tiny = np.flatnonzero((np.abs(y) > 0) & (np.abs(y) < SMALLEST))
    if len(tiny):
        texts.append(
            f"{len(tiny)} values are too small for 32-bit arithmetic ({_places(tiny, lines, unit)}): zero in a network"
        )
    if (last := panel.ds.max()) > np.datetime64(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=365 * YEARS)):
        texts.append(f"the newest stamp is {last}, more than {YEARS} years from now")
    told = map(Finding, (*texts, *_put_forward(panel), *_holidays(panel)))
    return (*told, *total_series(panel), *_covariates(panel))


def _covariates(panel: Panel) -> list[Finding]:
    """Return the covariates with missing values, and those that are the target itself, earlier or later."""
    findings, first = [], 0
    longest = np.argsort(-panel.lengths, kind="stable")[:LOOKED_AT]
    for one in panel.plan.covariates:
        name, x = one.name, panel.x[:, first]
        first += len(one.columns)
        missing = int(np.isnan(x).sum())
        if missing and one.role != "static":
            findings.append(
                Finding(f"{name}: {missing} of {len(x)} values are missing, its mean stands for them", column=name)
            )
        if one.flag or one.categories:
            continue
        if (code := sentinel(x)) is not None:
            findings.append(
                Finding(f"{name}: {code[0]:g} stands there {code[1]} times, far from all other values", column=name)
            )
        parts = [slice(panel.indptr[k], panel.indptr[k + 1]) for k in longest]
        leaks = (leak(panel.y[part], x[part], name, LAGS[one.role]) for part in parts)
        findings += [one for one in leaks if one][:1]
    return findings


def _far_off(panel: Panel, lines: Ints, unit: str) -> list[str]:
    """Return the values many interquartile ranges away from the others of their series."""
    far = np.concatenate([a + outliers(panel.y[a:b]) for a, b in itertools.pairwise(panel.indptr)]).astype(int)
    if not 0 < len(far) <= max(5, 0.001 * len(panel.y)):
        return []  # so many are no accident but the nature of the data
    shown = ", ".join(f"{panel.y[k]:g} in {unit} {lines[k]}" for k in far[:SHOWN]) + " and more" * (len(far) > SHOWN)
    return [f"{len(far)} values lie far from most others of their series ({shown}): they are kept"]


def _put_forward(panel: Panel) -> list[str]:
    """Return a clock that skips an hour each spring, in local stamps without a zone."""
    if panel.plan.form.stamp.tz or panel.freq.unit != "s" or panel.freq.step >= DAY:
        return []
    missing = panel.ds[np.isnan(panel.y)]
    hours = (missing - missing.astype("datetime64[D]")).astype("timedelta64[h]").astype(int)
    years = 1 + (panel.ds.max() - panel.ds.min()).astype("timedelta64[D]").astype(int) // 365
    few = 0 < len(np.unique(missing.astype("datetime64[h]"))) <= 3 * len(panel) * years
    if not few or (hours > 3).any() or not clock_change(missing, missing):
        return []
    return [f"only hours such as {missing[0]} are missing, as where a clock is put forward: pass `tz` with its zone"]


def _holidays(panel: Panel) -> list[str]:
    """Return the weekdays without a value in any of the series that run over them."""
    if panel.freq.unit != "B":
        return []
    days, where = np.unique(panel.ds, return_inverse=True)
    free = days[np.bincount(where, ~np.isnan(panel.y), len(days)) == 0]
    shown = ", ".join(str(day)[:10] for day in free[:SHOWN])
    text = f"{len(free)} weekdays have no value in any series ({shown} …): taken for holidays, masked"
    return [text] if len(free) else []


def _places(rows: Ints, lines: Ints, unit: str) -> str:
    shown = ", ".join(str(lines[k]) for k in rows[:SHOWN])
    return f"{unit}{'s' if len(rows) > 1 else ''} {shown}{' and more' if len(rows) > SHOWN else ''}"


def share_of_zeros(values: Floats) -> float:
    """Return the share of the values seen that are zero."""
    seen = values[~np.isnan(values)]
    return float((seen == 0).mean()) if len(seen) else 0.0


def sentinel(values: Floats) -> tuple[float, int] | None:
    """Return a number that seems to stand for missing values, and how often it does; None where there is none.

    It is one of those in use, comes at least twice, and lies far from all other values.
    """
    seen = values[~np.isnan(values)]
    for value, count in Counter(float(value) for value in seen[np.isin(seen, SENTINELS)]).most_common():
        rest = seen[seen != value]
        if count < 2 or len(rest) < 10:
            continue
        low, high = np.quantile(rest, [0.25, 0.75])
        far = min(abs(value - low), abs(value - high)) > 3 * max(high - low, 1e-9)
        if far and (value < rest.min() or value > rest.max()):
            return value, count
    return None


def outliers(values: Floats) -> Ints:
    """Return the positions of values that lie many interquartile ranges away from the quartiles."""
    seen = values[~np.isnan(values)]
    if len(seen) < 10:
        return np.zeros(0, int)
    low, high = np.quantile(seen, [0.25, 0.75])
    width = FAR * (high - low)
    return np.flatnonzero((values < low - width) | (values > high + width)) if width > 0 else np.zeros(0, int)
