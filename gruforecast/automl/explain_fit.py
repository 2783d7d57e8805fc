"""The look inside the chosen network at the end of `fit`, while the weights of every stage are still at hand."""

from __future__ import annotations

import numpy as np

from gruforecast.automl.cell_comparison import CellComparison
from gruforecast.automl.ensemble_members import EnsembleMembers
from gruforecast.automl.preparation import Prepared
from gruforecast.data.windows import Windows, gather_future
from gruforecast.evaluation.splits import Split
from gruforecast.explain.explanation import Subject, explain, explain_gradients, explain_importance, longest
from gruforecast.explain.model import largest
from gruforecast.explain.records import Explanation
from gruforecast.models.networks.inference import Network


def explain_fit(prepared: Prepared, ensemble: EnsembleMembers, comparison: CellComparison) -> Explanation:
    """Return gates, memory and state change points of the saved network with the largest weight, with its gradients.

    The gates are those of the network as it is saved, along all rows; the importance is that of the same configuration
    as it was trained before the folds, on the rows from there to the test set, which it has not learned from.
    """
    split, panel = prepared.split, prepared.panel
    networks = ensemble.networks()
    chosen = largest(networks)
    member = ensemble.members[networks.index(chosen)]
    subject = Subject(
        network=chosen,
        history=split.history,
        wall=panel.wall,
        ids=panel.ids,
        freq=panel.freq,
        columns=panel.plan.columns,
        source="the training data",
        shown=longest(split.history),
    )
    windows = _judged(split)
    reach = explain_gradients(chosen, _cells(comparison, ensemble), split.history, windows, panel.freq)
    before = ensemble.training_jobs.network(chosen.config, member.trial.result, chosen.name)
    rows = "the rows behind those that the network had learned from, up to the test set"
    needs = explain_importance(before, split.history, windows, panel.plan.columns, rows)
    return explain(subject, reach, needs)


def _judged(split: Split) -> Windows:
    """Return the origins from the first fold to the test set with half a horizon of values after them, if any have."""
    windows = split.calibration_windows()
    seen = ~np.isnan(gather_future(split.history.values, windows, split.horizon))
    enough = seen.sum(axis=1) >= (split.horizon + 1) // 2
    return windows[enough] if enough.any() else windows


def _cells(comparison: CellComparison, ensemble: EnsembleMembers) -> dict[str, list[Network]]:
    """Return the networks of the comparison by cell; in a full one, the GRU is the best trial."""
    network, best = ensemble.training_jobs.network, comparison.best
    kinds = {
        f"{cell} ({comparison.kind})": [network(config, result, cell) for config, result in trained]
        for cell, trained in comparison.trained.items()
    }
    if not kinds or "gru" in comparison.trained:
        return kinds
    return {"gru (full)": [network(best.network, best.result)]} | kinds
