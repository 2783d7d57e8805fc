"""The forecasts and scores of a backtest as long files, written block by block, so that they need no memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.panel import Columns, Forecast
from gruforecast.data.plan import Plan
from gruforecast.errors import UsageError
from gruforecast.evaluation.backtest import Block, Rolling
from gruforecast.evaluation.scores import MEANS, POOLED, Evaluated, by_series
from gruforecast.report.files.table import ParquetRows, csv_head, csv_lines, place, pyarrow

FORMATS = ("csv", "parquet")
OWN = ("cutoff", "model", "y", "y_hat", "trained_on")  # columns that are not the user's


def forecast_columns(rolling: Rolling, block: Block) -> Columns:
    """Return id columns, `cutoff` (the last row seen), time, `model`, `y`, `y_hat`, `lo-80` and so on, by row.

    Rows are ordered by cutoff, series, model and time. A level that a member does not have is empty there.
    """
    panel, windows, results = rolling.panel, block.cutoffs.windows, list(block.evaluated.values())
    horizon, models = block.cutoffs.horizon, len(results)
    ds = panel.ds[windows.end[:, None] + np.arange(horizon)]  # (n, horizon)
    forecast = Forecast(
        ids=tuple(panel.ids[k] for k in np.repeat(windows.series, models)),
        ds=np.repeat(ds, models, axis=0),  # (n * models, horizon)
        mean=np.stack([one.mean for one in results], axis=1).reshape(-1, horizon),
        levels=rolling.levels,
        lower=_side([one.lower for one in results], results, rolling.levels),
        upper=_side([one.upper for one in results], results, rolling.levels),
        plan=panel.plan,
    )
    columns = forecast.columns()
    front: Columns = {name: columns.pop(name) for name in panel.names.ids or ("unique_id",)}
    front["cutoff"] = _cutoffs(rolling, block, models * horizon)
    front |= {name: columns.pop(name) for name in panel.names.time}
    front["model"] = [name for _ in range(len(windows)) for name in block.evaluated for _ in range(horizon)]
    front["y"] = np.repeat(results[0].actual, models, axis=0).ravel()
    return front | columns


def score_columns(rolling: Rolling, block: Block) -> Columns:
    """Return id columns, `cutoff`, `model`, `trained_on` (1: the saved model learned from these rows), and scores."""
    panel, windows, models = rolling.panel, block.cutoffs.windows, len(block.evaluated)
    series = np.repeat(windows.series, models)
    names = panel.names.ids or ("unique_id",)
    columns: Columns = {name: [panel.ids[k][j] for k in series] for j, name in enumerate(names)}
    columns["cutoff"] = _cutoffs(rolling, block, models)
    columns["model"] = list(block.evaluated) * len(windows)
    columns["trained_on"] = np.repeat(rolling.trained_on(windows).astype(int), models)
    each = [by_series(one) for one in block.evaluated.values()]
    for score in dict.fromkeys(name for one in each for name in one):
        values = [one.get(score, np.full(len(windows), np.nan)) for one in each]
        columns[score] = np.stack(values, axis=1).ravel()  # (n * models,)
    return columns


def _cutoffs(rolling: Rolling, block: Block, times: int) -> list[str]:
    """Return the stamp of the last row that each window sees, as the user writes it, so many times each."""
    stamps = rolling.panel.ds[block.cutoffs.windows.end - 1]
    return [text for text in rolling.panel.plan.form.joined(stamps) for _ in range(times)]


def _side(bounds: list[Floats], results: list[Evaluated], levels: tuple[float, ...]) -> Floats:
    """Return the bounds of all models, (n * models, horizon, n_levels), NaN for levels that a model does not have."""
    n, horizon = results[0].actual.shape
    whole = np.full((n, len(results), horizon, len(levels)), np.nan)
    for j, (own, one) in enumerate(zip(bounds, results, strict=True)):
        whole[:, j, :, [levels.index(level) for level in one.levels]] = own.transpose(2, 0, 1)
    return whole.reshape(n * len(results), horizon, len(levels))


def check_names(plan: Plan) -> None:
    """Refuse a column of the user that is named like one of the backtest.

    Raises:
        UsageError: there is one.
    """
    if taken := [name for name in (*plan.names.ids, *plan.names.time) if name in (*OWN, *MEANS, *POOLED)]:
        text = f"there would be two columns {taken[0]!r}: yours, and one of the backtest."
        raise UsageError(text, remedy="Rename yours, and fit again.", code="GF-U44")


class LongFile:
    """A CSV or Parquet file that is there whole or not at all.

    Args:
        path: ends in `.csv` or `.parquet`.
        plan: of the data; its columns must not be named like those of the file.
        excel_safe: see `csv_lines`.

    Raises:
        UsageError: the ending says no format, or a name is taken.
        ResourceError: the place cannot be written, or pyarrow is missing.
    """

    def __init__(self, path: str, plan: Plan, *, excel_safe: bool = False) -> None:
        self._path = path
        self._form = Path(path).suffix.lstrip(".")
        self._safe = excel_safe
        self._open = contextlib.ExitStack()
        self._stream: IO[bytes]
        self._rows: ParquetRows | None = None
        self._begun = False
        if Path(path).is_dir() or self._form not in FORMATS:
            remedy = "End the name in .csv or .parquet."
            raise UsageError(f"the ending of {path} says no format.", remedy=remedy, code="GF-U23")
        check_names(plan)

    def __enter__(self) -> Self:
        if self._form == "parquet":
            pyarrow()  # before a file is made
        self._stream = self._open.enter_context(place(self._path))
        if self._form == "parquet":
            self._rows = self._open.enter_context(contextlib.closing(ParquetRows(self._stream)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def write(self, columns: Columns) -> None:
        """Append rows; all blocks have the same columns."""
        if self._rows is not None:
            self._rows.write(columns)
            return
        head = "" if self._begun else csv_head(columns, excel_safe=self._safe)
        self._stream.write(f"{head}{csv_lines(columns, excel_safe=self._safe)}".encode())
        self._begun = True
