"""The forecasts and scores of a backtest as long files, written block by block, so that they need no memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gruforecast.arrays import Array, Floats
from gruforecast.data.plan import Plan
from gruforecast.data.table import Forecast
from gruforecast.errors import ResourceError, UsageError
from gruforecast.rolling import Block, Rolling
from gruforecast.scores import Evaluated, by_series

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "parquet")
OWN = ("cutoff", "model", "y", "y_hat", "trained_on")  # columns that are not the user's


def forecast_frame(rolling: Rolling, block: Block) -> pd.DataFrame:
    """Id columns, `cutoff` (the last row seen), time, `model`, `y`, `y_hat`, `lo-80` and so on: a row a forecast.

    Rows are ordered by cutoff, series, model and time. A level that a member does not have is empty there.
    """
    panel, windows, found = rolling.panel, block.cutoffs.windows, list(block.evaluated.values())
    horizon, models = block.cutoffs.horizon, len(found)
    ds = panel.ds[windows.end[:, None] + np.arange(horizon)]  # (n, horizon)
    forecast = Forecast(
        ids=tuple(panel.ids[k] for k in np.repeat(windows.series, models)),
        ds=np.repeat(ds, models, axis=0),  # (n * models, horizon)
        mean=np.stack([one.mean for one in found], axis=1).reshape(-1, horizon),
        levels=rolling.levels,
        lower=_side([one.lower for one in found], found, rolling.levels),
        upper=_side([one.upper for one in found], found, rolling.levels),
        plan=panel.plan,
    )
    frame = forecast.to_frame()
    ids = len(panel.names.ids or (0,))
    frame.insert(ids, "cutoff", _cutoffs(rolling, block).repeat(models * horizon))
    at = ids + 1 + len(panel.names.time)
    frame.insert(at, "model", np.tile(np.repeat(np.array(list(block.evaluated), object), horizon), len(windows)))
    frame.insert(at + 1, "y", np.repeat(found[0].actual, models, axis=0).ravel())
    return frame


def score_frame(rolling: Rolling, block: Block) -> pd.DataFrame:
    """Id columns, `cutoff`, `model`, `trained_on` (1 for rows that the saved model learned from), and the scores."""
    import pandas as pd

    panel, windows, models = rolling.panel, block.cutoffs.windows, len(block.evaluated)
    series = np.repeat(windows.series, models)
    names = panel.names.ids or ("unique_id",)
    frame: dict[str, Any] = {name: [panel.ids[k][j] for k in series] for j, name in enumerate(names)}
    frame["cutoff"] = _cutoffs(rolling, block).repeat(models)
    frame["model"] = np.tile(np.array(list(block.evaluated), object), len(windows))
    frame["trained_on"] = np.repeat(rolling.trained_on(windows).astype(int), models)
    each = [by_series(one) for one in block.evaluated.values()]
    for score in dict.fromkeys(name for one in each for name in one):
        columns = [one.get(score, np.full(len(windows), np.nan)) for one in each]
        frame[score] = np.stack(columns, axis=1).ravel()  # (n * models,)
    return pd.DataFrame(frame)


def _cutoffs(rolling: Rolling, block: Block) -> Array:
    """The stamp of the last row that each window sees, as the user writes it, (n,) texts."""
    stamps = rolling.panel.ds[block.cutoffs.windows.end - 1]
    return np.array(rolling.panel.plan.form.joined(stamps), object)


def _side(bounds: list[Floats], found: list[Evaluated], levels: tuple[float, ...]) -> Floats:
    """Bounds of all models, (n * models, horizon, n_levels), NaN for levels that a model does not have."""
    n, horizon = found[0].actual.shape
    whole = np.full((n, len(found), horizon, len(levels)), np.nan)
    for j, (own, one) in enumerate(zip(bounds, found, strict=True)):
        whole[:, j, :, [levels.index(level) for level in one.levels]] = own.transpose(2, 0, 1)
    return whole.reshape(n * len(found), horizon, len(levels))


class LongFile:
    """A CSV or Parquet file that is there whole or not at all.

    Args:
        path: ends in `.csv` or `.parquet`.
        plan: of the data; its columns must not be named like those of the file.

    Raises:
        UsageError: the ending says no format, or a name is taken.
        ResourceError: the place cannot be written, or pyarrow is missing.
    """

    def __init__(self, path: str, plan: Plan) -> None:
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.part")
        self._form = self._path.suffix.lstrip(".")
        self._stream: Any = None
        self._writer: Any = None
        if self._path.is_dir() or self._form not in FORMATS:
            remedy = "End the name in .csv or .parquet."
            raise UsageError(f"the ending of {path} says no format.", remedy=remedy, code="GF-U23")
        taken = [name for name in (*plan.names.ids, *plan.names.time) if name in OWN]
        if taken:
            text = f"the file would have two columns {taken[0]!r}: yours, and one of the backtest."
            raise UsageError(text, remedy="Rename yours, or leave the file out.", code="GF-U44")

    def __enter__(self) -> Self:
        if self._form == "parquet":
            _pyarrow()
        try:
            self._stream = self._part.open("wb")
        except OSError as error:
            raise self._cannot(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            self._stream.close()
            if kind is None:
                self._part.replace(self._path)
        except OSError as problem:
            kind = OSError
            raise self._cannot(problem) from problem
        finally:
            if kind is not None:
                with contextlib.suppress(OSError):
                    self._part.unlink(missing_ok=True)

    def write(self, frame: pd.DataFrame) -> None:
        """Append the rows of a frame; all frames have the same columns."""
        try:
            if self._form == "csv":
                first = self._stream.tell() == 0
                frame.to_csv(self._stream, index=False, header=first, mode="wb", lineterminator="\n")
            else:
                pa, parquet = _pyarrow()
                table = pa.Table.from_pandas(frame, preserve_index=False)
                self._writer = self._writer or parquet.ParquetWriter(self._stream, table.schema)
                self._writer.write_table(table)
        except OSError as error:
            raise self._cannot(error) from error

    def _cannot(self, error: OSError) -> ResourceError:
        remedy = "Make room, or choose another place."
        text = f"cannot write: {error.strerror or error}."
        return ResourceError(text, remedy=remedy, code="GF-E04", file=str(self._path))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        remedy = "Install it with: pip install 'gruforecast[parquet]'."
        raise ResourceError("Parquet needs the package pyarrow.", remedy=remedy, code="GF-E05") from error
    return pa, parquet
