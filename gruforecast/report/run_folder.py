"""What the run folder holds for others: the parts of the data and every model's test forecasts, as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gruforecast.backtest import Split
from gruforecast.data.table import Panel
from gruforecast.leaderboard import Judged


def write_run(run_dir: Path, panel: Panel, divided: Split, judged: list[Judged]) -> None:
    """Train part, test part and every model's test forecasts as CSV, so that anyone can score them again."""
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
    for one in judged:
        columns: dict[str, Any] = {"unique_id": keys, "ds": stamps, "y_hat": one.mean.ravel()}
        for k, level in enumerate(one.calibration.levels):
            columns[f"lo-{level:g}"] = one.lower[:, :, k].ravel()
            columns[f"hi-{level:g}"] = one.upper[:, :, k].ravel()
        name = one.row.model.replace(" ", "-").replace("(", "").replace(")", "")
        pd.DataFrame(columns).to_csv(run_dir / f"test-forecast-{name}.csv", index=False)
