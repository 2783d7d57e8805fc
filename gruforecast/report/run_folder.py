"""What the run folder holds for others: the parts of the data and every model's test forecasts, as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gruforecast.backtest import Split
from gruforecast.data.table import Panel
from gruforecast.leaderboard import Judged
from gruforecast.scores import by_series, by_step


def write_run(run_dir: Path, panel: Panel, divided: Split, judged: list[Judged]) -> None:
    """Train part, test part, every model's test forecasts and their scores as CSV, so that anyone can check them."""
    for old in run_dir.iterdir():
        if old.name.startswith("test-forecast-"):
            old.unlink()
    start, end = panel.indptr[:-1], panel.indptr[1:]
    for name, part in (("train", panel.rows(start, divided.test)), ("test", panel.rows(divided.test, end))):
        keys = ["/".join(panel.ids[k]) for k in np.repeat(np.arange(len(panel)), part.lengths)]
        frame = pd.DataFrame({"unique_id": keys, "ds": part.plan.form.joined(part.ds), "y": part.y})
        frame.to_csv(run_dir / f"{name}.csv", index=False)
    windows = divided.test_windows()
    rows = windows.end[:, None] + np.arange(divided.horizon)
    keys = ["/".join(panel.ids[k]) for k in np.repeat(windows.series, divided.horizon)]
    stamps = panel.plan.form.joined(panel.ds[rows])
    every = [
        (one.row.model if k == 0 else f"{one.row.model} seed {k + 1}", tested)
        for one in judged
        for k, tested in enumerate((one.tested, *one.more))
    ]
    for model, tested in every:
        columns: dict[str, Any] = {"unique_id": keys, "ds": stamps, "y_hat": tested.mean.ravel()}
        for k, level in enumerate(tested.levels):
            columns[f"lo-{level:g}"] = tested.lower[:, :, k].ravel()
            columns[f"hi-{level:g}"] = tested.upper[:, :, k].ravel()
        name = model.replace(" ", "-").replace("(", "").replace(")", "")
        pd.DataFrame(columns).to_csv(run_dir / f"test-forecast-{name}.csv", index=False)
    ids = ["/".join(panel.ids[k]) for k in windows.series]
    series = [pd.DataFrame({"model": model, "unique_id": ids, **by_series(tested)}) for model, tested in every]
    pd.concat(series).to_csv(run_dir / "scores-by-series.csv", index=False)
    number = np.arange(1, divided.horizon + 1)
    steps = [pd.DataFrame({"model": model, "step": number, **by_step(tested)}) for model, tested in every]
    pd.concat(steps).to_csv(run_dir / "scores-by-step.csv", index=False)
