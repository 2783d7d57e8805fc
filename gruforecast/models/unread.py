"""Columns that were given and that a member does not read."""

from __future__ import annotations

from gruforecast.execution.progress import warn
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.registry import title_of

ROLES_READ = {"none": (), "ahead": ("known", "static"), "all": ("known", "static", "past")}


def unread(forecaster: Forecaster, member: str) -> tuple[str, ...]:
    """Return the covariates in a file, and public holidays, that a member never reads; in the order of the plan."""
    roles = {role for one in forecaster.networks_in(member) for role in ROLES_READ[one.config.use_inputs]}
    roles |= {"known"} if HARMONIC in forecaster.weights_of(member) else set()
    plan = forecaster.plan
    names = [repr(one.name) for one in plan.covariates if one.role not in roles]
    return (*names, *(["public holidays"] if plan.holidays and "known" not in roles else []))


def unread_in_words(forecaster: Forecaster, member: str) -> str:
    """Return a sentence on them; empty where all are read."""
    names = unread(forecaster, member)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    who = f"{title_of(member)}{', the winner' if member == forecaster.winner else ''}"
    return (
        f"{shown}: no effect on the forecast, {who} does not read {'it' if len(names) == 1 else 'them'}"
        if names
        else ""
    )


def read_by(forecaster: Forecaster, member: str) -> str:
    """Return the name of a member, after a warning of columns that it does not read."""
    name = forecaster.member_named(member)
    if text := unread_in_words(forecaster, name):
        warn(text)
    return name
