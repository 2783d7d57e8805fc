"""The look inside the chosen network at the end of `fit`, while the weights of every stage are still at hand."""

from __future__ import annotations

import numpy as np

from gruforecast.automl.cell_comparison import ComparedCells
from gruforecast.automl.ensemble_members import SavedEnsemble
from gruforecast.automl.preparation import Prepared
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.data.windows import Windows, gather_future
from gruforecast.evaluation.splits import Split
from gruforecast.explain.explanation import Subject, explain, explain_gradients, explain_importance, longest
from gruforecast.explain.model import largest
from gruforecast.explain.records import Explanation


def explain_fit(prepared: Prepared, jobs: TrainingJobs, ensemble: SavedEnsemble, cells: ComparedCells) -> Explanation:
    """Return gates, memory and state change points of the saved network with the largest weight, with its gradients.

    The gates are those of the network as it is saved, along all rows; the importance is that of the same configuration
    as it was trained before the folds, on the rows from there to the test set, which it has not learned from.
    """
    split, panel = prepared.split, prepared.panel
    chosen = largest(ensemble.networks)
    trial = ensemble.members[ensemble.networks.index(chosen)].member.trial
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
    reach = explain_gradients(chosen, cells.trained, split.history, windows, panel.freq)
    before = jobs.network(chosen.config, trial.result, chosen.name)
    rows = "the rows behind those that the network had learned from, up to the test set"
    needs = explain_importance(before, split.history, windows, panel.plan.columns, rows)
    return explain(subject, reach, needs)


def _judged(split: Split) -> Windows:
    """Return the origins from the first fold to the test set with half a horizon of values after them, if any have."""
    windows = split.calibration_windows()
    seen = ~np.isnan(gather_future(split.history.values, windows, split.horizon))
    enough = seen.sum(axis=1) >= (split.horizon + 1) // 2
    return windows[enough] if enough.any() else windows
