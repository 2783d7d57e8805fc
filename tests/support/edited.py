"""Reports with one thing changed: records are frozen, so a test asks for another one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec

from gruforecast.evaluation.leaderboard import StoredRow
from gruforecast.report.report import Report


def edited(one: Any, **changes: Any) -> Any:
    """The record with other values; `a__b` is the field `b` of its field `a`."""
    new: dict[str, Any] = {}
    deep: dict[str, dict[str, Any]] = {}
    for place, value in changes.items():
        name, _, rest = place.partition("__")
        if rest:
            deep.setdefault(name, {})[rest] = value
        else:
            new[name] = value
    new |= {name: edited(getattr(one, name), **parts) for name, parts in deep.items()}
    replace = dataclasses.replace if dataclasses.is_dataclass(one) else msgspec.structs.replace
    return replace(one, **new)


def with_rows(report: Report, change: Callable[[StoredRow], StoredRow]) -> Report:
    """The report with every row of the leaderboard changed."""
    return edited(report, leaderboard=[change(row) for row in report.leaderboard])


def with_series(report: Report, **changes: Any) -> Report:
    """The report with every series shown changed in the same way."""
    return edited(report, extracts__series=[edited(one, **changes) for one in report.extracts.series])
