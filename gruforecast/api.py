"""The Python API: `fit`, `load`, `check`, and a model that forecasts, is scored, looked into and saved."""

from __future__ import annotations

import functools
import html
import inspect
import shutil
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

from gruforecast.artifact.folder import load_with_manifest
from gruforecast.automl.options import FitOptions
from gruforecast.data.options import Option, ReadOptions
from gruforecast.errors import GruforecastWarning, ModelError, UsageError, did_you_mean
from gruforecast.models.registry import title_of

if TYPE_CHECKING:
    import pandas as pd

    from gruforecast.automl.data_profile import DataProfile
    from gruforecast.data.panel import Forecast, Panel
    from gruforecast.execution.progress import Progress
    from gruforecast.explain.records import Explanation
    from gruforecast.report.report import Report

Data: TypeAlias = "str | PathLike[str] | pd.DataFrame | pd.Series[Any]"
Detail = Literal["models", "windows", "forecasts"]
P = ParamSpec("P")
O = TypeVar("O", bound=ReadOptions)
T = TypeVar("T")
TEXT = 88  # characters of a line of `repr`


@dataclass(frozen=True, kw_only=True)
class FitArguments(FitOptions):
    """What `fit` takes in Python: the options of the command line, and whether progress is shown."""

    output: Annotated[str | PathLike[str] | None, Option("Model folder; a temporary one if not given.")] = None
    progress: Annotated[bool, Option("Show progress in a terminal or a notebook.")] = True


def with_options(options: Callable[P, O]) -> Callable[[Callable[[Data, O], T]], Callable[Concatenate[Data, P], T]]:
    """Return what gives a function of data and options each option as a keyword of its own, for people and checkers."""

    def decorated(run: Callable[[Data, O], T]) -> Callable[Concatenate[Data, P], T]:
        declared = {one.name: one for one in fields(options)}

        @functools.wraps(run)
        def call(data: Data, /, *args: P.args, **given: P.kwargs) -> T:
            for name in given:
                if name not in declared:
                    text = f"{run.__name__}() got an unexpected keyword argument {name!r}."
                    raise TypeError(f"{text}{did_you_mean(name, list(declared))}")
            return run(data, options(*args, **given))

        signature = inspect.signature(run, eval_str=False)
        data = inspect.Parameter("data", inspect.Parameter.POSITIONAL_ONLY)
        call.__signature__ = ...
        return call

    return decorated


@with_options(FitArguments)
def fit(data: Data, options: FitArguments) -> Model:
    """Return a model that was searched for, compared and judged on the newest rows of a file or a data frame.

    A data frame is read as the CSV file of it would be: long, with one row a series and stamp, or wide with
    `wide=True`. Its index is taken in where it has a name or is of datetimes.

    >>> import gruforecast as gf
    >>> model = gf.fit("sample_data/air_passengers.csv", horizon=12, trials=2, progress=False)  # doctest: +SKIP
    >>> model.predict()  # doctest: +SKIP

    Raises:
        UsageError: an option is impossible.
        DataError: the data cannot be read without guessing; the error has file, line, column and remedy.
        ModelError: `output` holds something else.
        ResourceError: disk, memory, or a missing package.
        SearchError: the search ended without a usable model.
    """
    from gruforecast.automl.fit import fit as run

    scratch = None
    if options.output is None:
        scratch = tempfile.TemporaryDirectory(prefix="gruforecast-")
        options = replace(options, output=str(Path(scratch.name) / "model"))
    with _progress(shown=options.progress) as progress:
        run(data, options, progress)
    return Model(str(options.output), _scratch=scratch)


@with_options(FitOptions)
def check(data: Data, options: FitOptions) -> DataProfile:
    """Return what is odd about a file or a data frame, how `fit` would read it, and each series; nothing is trained.

    It takes the options of `fit`.

    Raises:
        UsageError: an option is impossible.
        DataError: the data cannot be read without guessing.
    """
    from gruforecast.automl.data_profile import examine

    return examine(data, options)


def load(folder: str | PathLike[str]) -> Model:
    """Return the model in a folder that `fit` or `Model.save` has written, all its files checked.

    Raises:
        ModelError: the folder is no model, or a file is missing or was changed.
    """
    return Model(folder)


class Model:
    """A fitted model.

    Made by `fit` or `load`. It needs no TensorFlow to forecast.

    Attributes:
        folder: where it is; for a model that was fitted without `output` a temporary folder that goes with the object.
        forecaster: the same in arrays, for programs.
    """

    def __init__(
        self, folder: str | PathLike[str], *, _scratch: tempfile.TemporaryDirectory[str] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.forecaster, self._manifest = load_with_manifest(self.folder)
        self._scratch = _scratch

    @property
    def horizon(self) -> int:
        """Steps that it forecasts."""
        return self.forecaster.horizon

    @property
    def season_length(self) -> int:
        """Rows of one season; 1 = none."""
        return self.forecaster.season_length

    @property
    def members(self) -> list[str]:
        """Models that `predict` and `backtest` can be asked for by name."""
        return self.forecaster.members

    @functools.cached_property
    def report(self) -> FitReport:
        """What the fit has found.

        Raises:
            ModelError: the folder holds no report, or one of another version.
        """
        from gruforecast.report.stored import stored_report

        return FitReport(stored_report(self.folder))

    def predict(
        self,
        data: Data | None = None,
        *,
        future: Data | None = None,
        horizon: int | None = None,
        level: float | Sequence[float] | None = None,
        member: str = "winner",
        series: str | Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return forecasts, one row a series and step: keys and time as in the data, `y_hat`, `lo-80`, `hi-80`, …

        `y_hat` is the forecast; `lo-80` and `hi-80` are the interval that should hold 8 of 10 values.

        Args:
            data: the newest rows of the series, written as those that were fitted, best with as many rows as the model
                looks back; without it the forecasts start where the training data ended.
            future: covariates that are known ahead, for every step; needed where the model was fitted with `known`.
            horizon: steps, at most those fitted.
            level: interval levels in percent, of those fitted; all if not given.
            member: `winner`, `networks`, `blend`, or the name of a model of the leaderboard.
            series: only these series; parts of a compound key are joined by `/`.

        Raises:
            UsageError: an argument asks for what the model does not have, or `future` is needed.
            DataError: data cannot be read as those that were fitted, or `future` lacks a step.
        """
        from gruforecast.data.panel import Forecast

        blocks = self.forecasts(
            data, future=future, horizon=horizon, level=level, member=member, series=series
        )
        return Forecast.joined(list(blocks)).to_frame()

    def forecasts(
        self,
        data: Data | None = None,
        *,
        future: Data | None = None,
        horizon: int | None = None,
        level: float | Sequence[float] | None = None,
        member: str = "winner",
        series: str | Sequence[str] | None = None,
    ) -> Iterator[Forecast]:
        """Forecasts as of `predict`, as arrays and some series at a time: memory does not grow with their number."""
        from gruforecast.data.future_covariates import read_future

        panel = None if data is None else self.read(data)
        covariates = None if future is None else _with_warnings(read_future(future, self.forecaster.plan))
        return self.forecaster.stream(
            panel,
            horizon=horizon,
            levels=tuple(_several(level)) or None,
            member=member,
            ids=list(_several(series)),
            future=covariates,
        )

    def read(self, data: Data) -> Panel:
        """Return data as the model's own were read, with warnings of what is odd about them.

        Raises:
            DataError: they cannot be read so.
        """
        from gruforecast.data.read import read_like

        return _with_warnings(read_like(data, self.forecaster.plan)).panel

    def backtest(
        self,
        data: Data,
        *,
        windows: int | None = None,
        step: int | None = None,
        horizon: int | None = None,
        member: str | Sequence[str] = (),
        level: float | Sequence[float] = (),
        refit: bool = False,
        detail: Detail = "models",
    ) -> pd.DataFrame:
        """Return how well the model, and simpler ones, forecast data from many cutoffs; the best comes first.

        Args:
            data: rows after those that the model was trained on; windows that begin in those are warned of.
            windows: how many cutoffs, the last ones; 10, or as many as lie after the training, if not given.
            step: rows from one cutoff to the next; the horizon if not given.
            member: names of models; the winner, the networks, the blend and simpler models if not given.
            refit: train the networks anew before each cutoff.
            detail: a row for each of the `models`, for each of their `windows` and series, or all `forecasts`.

        Raises:
            UsageError: an argument asks for what the model does not have.
            DataError: data have other columns or another step, or too few rows.
        """
        raise NotImplementedError

    def explain(self, data: Data | None = None, *, member: str | None = None, series: str | None = None) -> Insight:
        """Return what the gates of a network do with the data, how long it remembers, and what it needs.

        Args:
            data: rows to look at; without it, what `fit` has found in the training data.
            member: name of a network; the one with the largest weight if not given.
            series: the series in the pictures; the longest if not given.

        Raises:
            UsageError: there is no such network or series.
        """
        raise NotImplementedError

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Copy the model into a folder of its own, whole or not at all, and return that folder.

        Args:
            overwrite: whether a folder that is there already is replaced.

        Raises:
            ModelError: the folder exists, and `overwrite` is not given.
            ResourceError: it cannot be written.
        """
        from gruforecast.artifact.folder import publish

        target = Path(folder)
        if target.resolve() == self.folder.resolve():
            return target
        ...
        return target

    def export(self, output: str | PathLike[str], *, format: str | None = None) -> Path:  # noqa: A002 - as the option
        """Write the networks for other programs."""
        raise NotImplementedError

    def __repr__(self) -> str:
        lines = [f"<gruforecast.Model: {title_of(self.forecaster.winner)}; {self._about()}"]
        verdict = self._manifest.verdict
        if verdict:
            lines += textwrap.wrap(verdict, TEXT, initial_indent="  ", subsequent_indent="  ", max_lines=4)
        return "\n".join([*lines, f"  folder {self.folder}>"])

    def _about(self) -> str:
        one, series = self.forecaster, len(self.forecaster.context.ids)
        return f"{series:,} series, step {one.plan.freq.label}, horizon {one.horizon}, season {one.season_length}"

    def _repr_html_(self) -> str:
        rows = [("model", title_of(self.forecaster.winner)), ("data", self._about()), ("folder", str(self.folder))]
        rows.append(("verdict", self._manifest.verdict or ""))
        cells = "".join(
            f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{html.escape(harmless(text))}</td>"
            for name, text in rows
        )
        return f"<table>{cells}</table>"
