"""What the run folder holds for others: the parts of the data and every model's test forecasts, as CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gruforecast.data.panel import Columns, Panel
from gruforecast.evaluation.leaderboard import Judged
from gruforecast.evaluation.scores import by_series, by_step
from gruforecast.evaluation.splits import Split
from gruforecast.report.files.table import place, write_csv


def write_run(run_dir: Path, panel: Panel, divided: Split, judged: list[Judged]) -> None:
    """Train part, test set, every model's test forecasts and their scores as CSV, so that anyone can check them."""
    for old in run_dir.iterdir():
        if old.name.startswith("test-forecast-"):
            old.unlink()
    start, end = panel.indptr[:-1], panel.indptr[1:]
    for name, part in (("train", panel.rows(start, divided.test)), ("test", panel.rows(divided.test, end))):
        keys = ["/".join(panel.ids[k]) for k in np.repeat(np.arange(len(panel)), part.lengths)]
        _write(run_dir / f"{name}.csv", [{"unique_id": keys, "ds": part.plan.form.joined(part.ds), "y": part.y}])
    windows = divided.test_windows()
    keys = ["/".join(panel.ids[k]) for k in np.repeat(windows.series, divided.horizon)]
    stamps = panel.plan.form.joined(panel.ds[windows.end[:, None] + np.arange(divided.horizon)])
    every = [
        (one.row.model if k == 0 else f"{one.row.model} seed {k + 1}", tested)
        for one in judged
        for k, tested in enumerate((one.tested, *one.more))
    ]
    for model, tested in every:
        columns: Columns = {"unique_id": keys, "ds": stamps, "y_hat": tested.mean.ravel()}
        for k, level in enumerate(tested.levels):
            columns[f"lo-{level:g}"] = tested.lower[:, :, k].ravel()
            columns[f"hi-{level:g}"] = tested.upper[:, :, k].ravel()
        name = model.replace(" ", "-").replace("(", "").replace(")", "")
        _write(run_dir / f"test-forecast-{name}.csv", [columns])
    ids = ["/".join(panel.ids[k]) for k in windows.series]
    _write(
        run_dir / "scores-by-series.csv",
        _alike([{"model": [model] * len(ids), "unique_id": ids, **by_series(tested)} for model, tested in every]),
    )
    steps = list(range(1, divided.horizon + 1))
    each: list[Columns] = [
        {"model": [model] * len(steps), "step": np.array(steps), **by_step(tested)} for model, tested in every
    ]
    _write(run_dir / "scores-by-step.csv", _alike(each))


def _write(path: Path, blocks: list[Columns]) -> None:
    with place(str(path)) as stream:
        write_csv(stream, blocks)


def _alike(blocks: list[Columns]) -> list[Columns]:
    """Return all of them with the columns of all, empty where a model has no such score."""
    names = dict.fromkeys(name for block in blocks for name in block)
    missing = [np.full(len(block["model"]), np.nan) for block in blocks]
    return [{name: block.get(name, empty) for name in names} for block, empty in zip(blocks, missing, strict=True)]
