"""The look inside the chosen network at the end of `fit`, while the weights of every stage are still at hand."""

from __future__ import annotations

import numpy as np

from gruforecast.automl.cell_comparison import Comparison
from gruforecast.automl.ensemble_members import Finals
from gruforecast.automl.preparation import Prepared
from gruforecast.data.windows import Windows, gather_future
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.explain.explanation import (
    Curve,
    Explained,
    Subject,
    explain_gates,
    explain_importance,
    explain_reach,
    longest,
)
from gruforecast.explain.model import largest
from gruforecast.models.networks.inference import Network


def insight(prepared: Prepared, finals: Finals, comparison: Comparison) -> Explained:
    """Gates, memory and resets of the saved network with the largest share, its reach beside others, its needs.

    The gates are those of the network as it is saved, along all rows; the importance is that of the same configuration
    as it was trained before the folds, on the rows from there to the test part, which it has not learned from.
    """
    split, panel = prepared.split, prepared.panel
    networks = finals.networks()
    chosen = largest(networks)
    member = finals.members[networks.index(chosen)]
    found = explain_gates(
        Subject(
            network=chosen,
            history=split.history,
            wall=panel.wall,
            ids=panel.ids,
            freq=panel.freq,
            columns=panel.plan.columns,
            source="the training data",
            shown=longest(split.history),
        )
    )
    windows = _judged(split)
    own = Curve(f"{chosen.name} (as saved)", "gru", [chosen])
    found["reach"] = explain_reach([own, *_cells(comparison, finals)], split.history, windows, panel.freq)
    weights = read_npz(finals.contest.path(member.trial.result))
    before = Network(chosen.name, chosen.config, weights)
    seen = "the rows behind those that the network had learned from, up to the test part"
    found["importance"] = explain_importance(before, split.history, windows, panel.plan.columns, seen)
    return found


def _judged(split: Split) -> Windows:
    """Origins between the first fold and the test part that have half a horizon of values after them, if any have."""
    windows = split.calibration_windows()
    seen = ~np.isnan(gather_future(split.history.values, windows, split.horizon))
    enough = seen.sum(axis=1) >= (split.horizon + 1) // 2
    return windows[enough] if enough.any() else windows


def _cells(comparison: Comparison, finals: Finals) -> list[Curve]:
    """The networks of the comparison by cell; in a full one, the GRU is the best trial."""
    path = finals.contest.path
    curves = []
    for cell in comparison.trained:
        pairs = comparison.trained[cell]
        networks = [Network(cell, config, read_npz(path(result))) for config, result in pairs]
        curves.append(Curve(f"{cell} ({comparison.kind})", cell, networks))
    if curves and "gru" not in comparison.trained:
        best = comparison.best
        curves.insert(0, Curve("gru (full)", "gru", [Network("gru", best.network, read_npz(path(best.result)))]))
    return curves
