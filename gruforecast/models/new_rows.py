"""New rows made ready for a forecast: joined to those that the model keeps, and what is to be said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruforecast.data.finding import Finding, Findings
from gruforecast.data.joining import SHOWN, Joined, ended_early, joined
from gruforecast.data.panel import Panel
from gruforecast.errors import DataError, shorten
from gruforecast.models.forecaster import Forecaster


def joined_to(forecaster: Forecaster, panel: Panel, *, context: bool = True) -> Joined:
    """Return new rows after those of the same series that the model keeps, if `context`, with what is odd about it.

    Raises:
        DataError: as of `Forecaster.check`.
    """
    forecaster.check(panel)
    return joined(forecaster.context, panel) if context else Joined.unchanged(panel)


def usable(forecaster: Forecaster, found: Joined) -> Joined:
    """Return the series that can be forecast, with findings on those left out, or forecast for the past.

    Raises:
        DataError: all are too short.
    """
    found = _long_enough(found, forecaster.short.needed)
    late = (*_outdated(forecaster.context, found.panel), *ended_early(found.panel, forecaster.horizon))
    return replace(found, findings=(*found.findings, *late))


def _long_enough(found: Joined, needed: int) -> Joined:
    """Return the series that are kept or have the rows needed; those left out are a finding.

    Raises:
        DataError: that are all.
    """
    short = ~found.same & (found.panel.lengths < needed)
    if not short.any():
        return found
    names = shorten(["/".join(found.panel.ids[k]) for k in np.flatnonzero(short)], SHOWN)
    text = f"{short.sum():,} series ({names}) have fewer than {needed} rows, and none that the model keeps before them"
    if short.all():
        raise DataError(
            f"{text}: with so few, its intervals do not hold{''.join(f'; {one}' for one in found.warnings)}.",
            remedy=f"Give {needed} rows or more of each.",
            code="GF-D72",
        )
    some = np.flatnonzero(~short)
    findings = (*found.findings, Finding(f"{text}: left out, because with so few its intervals do not hold"))
    return Joined(found.panel.at(some), found.before[some], found.rows[some], found.same[some], findings)


def _outdated(known: Panel, panel: Panel) -> Findings:
    """Return a finding on series of a panel that end before the same series in `known`."""
    last = dict(zip(known.ids, known.last, strict=True)) if len(known) else {}
    pairs = [(k, last[key]) for k, key in enumerate(panel.ids) if key in last and panel.last[k] < last[key]]
    if not pairs:
        return ()
    (k, end), form = pairs[0], panel.plan.form
    begin, until = (form.joined(one[None])[0] for one in (panel.last[k], end))
    names = shorten(["/".join(panel.ids[at]) for at, _ in pairs], SHOWN)
    which = f"{len(pairs):,} of {len(panel):,} series ({names}) end" if len(panel) > 1 else "the data end"
    text = f"{which} at {begin}, before the training rows, which end at {until}"
    return (Finding(f"{text}: the forecast starts there, and no later row is used"),)
