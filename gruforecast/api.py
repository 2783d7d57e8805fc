"""The Python API: `fit`, `check`, `load`, and a model that forecasts, is scored, looked into and saved."""

from __future__ import annotations

import os
import shutil
import tempfile
import textwrap
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from gruforecast.artifact.folder import copy_model, load_with_manifest
from gruforecast.artifact.manifest import check_same
from gruforecast.automl.options import CheckOptions, FitArguments, FitOptions, by_use
from gruforecast.data.files.source import Data, name_of
from gruforecast.data.keywords import with_keywords
from gruforecast.data.option import numbers, one_text, texts, whole
from gruforecast.errors import ModelError
from gruforecast.execution.progress import Progress, warn
from gruforecast.models.new_rows import joined_to, usable
from gruforecast.models.registry import title_of
from gruforecast.models.unread import read_by
from gruforecast.text import harmless

if TYPE_CHECKING:
    import pandas as pd

    from gruforecast.automl.backtest import Detail
    from gruforecast.automl.data_profile import DataProfile
    from gruforecast.automl.pretrained_model import PretrainedModel
    from gruforecast.data.future_covariates import FutureCovariates
    from gruforecast.data.joining import Joined
    from gruforecast.data.panel import Forecast, Panel
    from gruforecast.data.read import Reading
    from gruforecast.report.frames import FitReport, Insight

Key = str | int  # of a series
Read = TypeVar("Read", "Reading", "FutureCovariates", "Joined")
LINE, LINES = 100, 6  # characters of a line of `repr`, and lines of the verdict


@with_keywords(FitArguments, by_use(FitArguments))
def fit(data: Data, options: FitArguments) -> Model:
    """Return a model that was searched for, compared and judged on rows that it had not seen.

    The data are a CSV or Parquet file or a data frame, which is read as a CSV file of it would be: a row for each
    series and time, or with `wide=True` a column for each series. Without `output`, model and run folder are temporary
    and go with the object; `Model.save` keeps a copy.

    >>> import gruforecast as gf
    >>> model = gf.fit("air_passengers.csv", horizon=6, trials=1, compare="none", progress=False)
    >>> model.predict(level=80).columns.tolist()
    ['unique_id', 'ds', 'y_hat', 'lo-80', 'hi-80']

    Args:
        data: path, data frame, or series with a DatetimeIndex.

    Raises:
        UsageError: an option is impossible.
        DataError: the data cannot be read without guessing; the error has file, line, column and remedy.
        ModelError: `output` holds something else.
        ResourceError: disk, memory, or a missing package.
        SearchError: the search ended without a usable model.
    """
    from gruforecast.report.terminal.notebook import progress_in_python

    with progress_in_python(shown=options.progress) as progress:
        return fitted(data, options, progress)


def fitted(data: Data, options: FitOptions, progress: Progress) -> Model:
    """Return the same, for programs that show progress in their own way."""
    from gruforecast.automl.fit import fit as run
    from gruforecast.data.read import zone_of

    options = replace(options, tz=options.tz or zone_of(data))
    if options.output is not None:
        run(data, options, progress)
        return Model(options.folder)
    scratch = tempfile.mkdtemp(prefix="gruforecast-")
    try:
        run(data, replace(options, output=Path(scratch) / "model"), progress)
        model = Model(Path(scratch) / "model")
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    weakref.finalize(model, _remove, scratch, os.getpid())
    return model


@with_keywords(CheckOptions, by_use(CheckOptions))
def check(data: Data, options: CheckOptions) -> DataProfile:
    """Return what is odd about data, how `fit` would read them, and each series; nothing is trained.

    >>> import gruforecast as gf
    >>> profile = gf.check("air_passengers.csv")
    >>> profile.freq, profile.horizon, profile.season_length
    ('M', 12, 12)

    Args:
        data: as for `fit`.

    Raises:
        UsageError: an option is impossible.
        DataError: the data cannot be read without guessing.
    """
    from gruforecast.automl.data_profile import examine
    from gruforecast.data.read import zone_of

    return examine(data, replace(options, tz=options.tz or zone_of(data)))


@overload
def load(folder: Literal["pretrained"]) -> PretrainedModel: ...  # type: ignore[overload-overlap]  # a word, no folder
@overload
def load(folder: str | PathLike[str]) -> Model: ...
def load(folder: str | PathLike[str]) -> Model | PretrainedModel:
    """Return the model in a folder that `fit` or `Model.save` wrote; all its files are checked, nothing is executed.

    The word `pretrained` is the network in the package, which forecasts without a fit; a folder of that name is
    `./pretrained`.

    >>> import gruforecast as gf
    >>> gf.load("my_model").members
    ['networks', 'gru', 'theta', 'blend', 'naive']

    Raises:
        ModelError: the folder is no model, or a file is missing or was changed.
    """
    if folder == "pretrained":
        from gruforecast.automl.pretrained_model import PretrainedModel

        return PretrainedModel()
    return Model(folder)


class Model:
    """A fitted model, made by `fit` or `load`; it needs no TensorFlow to forecast.

    Attributes:
        folder: where it is saved.
        forecaster: the same on arrays, for programs.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self.forecaster, self._manifest = load_with_manifest(self.folder)
        self._report: FitReport | None = None

    @property
    def report(self) -> FitReport:
        """What the fit has found: verdict, leaderboard, trials, the page.

        Raises:
            ModelError: the folder holds no report, or one of another version.
        """
        from gruforecast.report.frames import FitReport
        from gruforecast.report.stored import stored_report

        if self._report is None:
            check_same(self.folder, self._manifest)
            self._report = FitReport(stored_report(self.folder))
        return self._report

    @property
    def lookback(self) -> int:
        """Rows of the past that a forecast looks at; fewer are enough, and say less."""
        return self.forecaster.lookback

    @property
    def members(self) -> list[str]:
        """Names of the models that can be asked for."""
        return self.forecaster.members

    def predict(
        self,
        data: Data | None = None,
        *,
        future: Data | None = None,
        horizon: int | None = None,
        level: float | Sequence[float] = (),
        member: str = "winner",
        series: Key | Sequence[Key] = (),
        adapt: bool = True,
        context: bool = True,
    ) -> pd.DataFrame:
        """Return a row for each series and step: keys and time as in the data, `y_hat`, `lo-80`, `hi-80` and so on.

        `y_hat` is the forecast; `lo-80` and `hi-80` are the interval that should hold 8 of 10 values.

        >>> forecast = model.predict(horizon=3, level=[80, 95], series="s1")
        >>> forecast["ds"].dt.year.tolist()
        [2008, 2008, 2008]

        Args:
            data: the newest rows of the series, in the form of those that were fitted; of a new one best `lookback`
                rows or more. Without data the forecasts start where the training data ended.
            future: covariates of the steps to forecast, where the model was fitted with `known`.
            horizon: steps, at most those fitted.
            level: interval levels in percent, of those fitted; all if not given.
            member: `winner`, `networks`, `blend`, or the name of a model of the leaderboard.
            series: only these series; parts of a compound key are joined by `/`.
            adapt: whether intervals adapt to the errors in rows newer than the training rows (docs/predict.md).
            context: whether rows that the model keeps are put before the data.

        Raises:
            UsageError: an argument asks for what the model does not have, or `future` is needed.
            DataError: data cannot be read as those that were fitted, or `future` lacks a step.
        """
        from gruforecast.data.panel import Forecast

        rows = None if data is None else self.join(data, context=context)
        made = self.stream(rows, future=future, horizon=horizon, level=level, member=member, series=series, adapt=adapt)
        return Forecast.joined(list(made)).to_frame(self.forecaster.numbered)

    def stream(
        self,
        data: Data | Panel | Joined | None = None,
        *,
        future: Data | None = None,
        horizon: int | None = None,
        level: float | Sequence[float] = (),
        member: str = "winner",
        series: Key | Sequence[Key] = (),
        adapt: bool = True,
    ) -> Iterator[Forecast]:
        """Forecasts as of `predict`, as arrays and some series at a time; a panel is forecast as it is."""
        from gruforecast.data.future_covariates import read_future
        from gruforecast.data.joining import Joined
        from gruforecast.data.panel import Panel
        from gruforecast.evaluation.adaptation import adapted_to

        own = self.forecaster
        found = data if data is None or isinstance(data, Panel | Joined) else self.join(data)
        panel, unseen = (found.panel, ~found.same) if isinstance(found, Joined) else (found, None)
        covariates = None if future is None else _warned(read_future(future, own.plan, one=len(own.context) == 1))
        name, ids = read_by(own, one_text("member", member)), list(texts("series", series)) or None
        return own.stream(
            panel,
            horizon=whole("horizon", horizon),
            levels=numbers("level", level) or None,
            member=name,
            ids=ids,
            future=covariates,
            adapted=adapted_to(own, panel, name, ids) if adapt and panel is not None else None,
            unseen=unseen,
        )

    def read(self, data: Data) -> Reading:
        """Return data read as those that the model was fitted on; what is odd about them is a warning.

        Raises:
            DataError: they cannot be read so.
        """
        from gruforecast.data.read import read_like

        return _warned(read_like(data, self.forecaster.plan, one=len(self.forecaster.context) == 1))

    def join(self, data: Data, *, context: bool = True) -> Joined:
        """Return data after the rows that the model keeps of the same series, if `context` (docs/predict.md)."""
        return _warned(usable(self.forecaster, joined_to(self.forecaster, self.read(data).panel, context=context)))

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
        adapt: bool = True,
        context: bool = True,
        detail: Detail = "models",
    ) -> pd.DataFrame:
        """Return how well the model and simpler ones would have forecast data at many cutoffs, best first.

        >>> scores = model.backtest("later.csv", windows=4, member=["networks", "naive"])
        >>> sorted(scores["model"])
        ['naive', 'networks']

        Args:
            data: rows of the series; windows that begin in rows that the model has learned from are warned of.
            windows: how many cutoffs, the last ones; 10, or as many as lie after the training, if not given.
            step: rows from one cutoff to the next; the horizon if not given.
            horizon: steps, at most those fitted.
            member: names of models; the winner, the networks, the blend and the simpler models if not given.
            level: interval levels in percent, of those fitted; all if not given.
            refit: train the networks anew before each cutoff, on the rows before it.
            adapt: whether intervals adapt to the errors in rows newer than the training rows.
            context: whether rows that the model keeps are put before the data.
            detail: a row for each of the `models`; for each of them, series and cutoff (`windows`); or the `forecasts`.

        Raises:
            UsageError: an argument asks for what the model does not have.
            DataError: data have other columns or another step than those that were fitted, or too few rows.
        """
        from gruforecast.automl.backtest import check_detail, frame, warn_of
        from gruforecast.automl.preparation import truth
        from gruforecast.evaluation.backtest import roll

        check_detail(detail)
        rolling = roll(
            self.forecaster,
            _warned(joined_to(self.forecaster, truth(self.read(data), warn), context=context)),
            windows=whole("windows", windows),
            step=whole("step", step),
            horizon=whole("horizon", horizon),
            members=texts("member", member),
            levels=numbers("level", level),
            refit=refit,
            adapt=adapt,
        )
        warn_of(rolling, warn)
        return frame(rolling, detail, self.forecaster.numbered)

    def explain(self, data: Data | None = None, *, member: str | None = None, series: Key | None = None) -> Insight:
        """Return what a network does with its input: gates, memory, state change points, what it needs.

        >>> model.explain("later.csv").importance.columns.tolist()
        ['name', 'kind', 'mean', 'low', 'high', 'spread']

        Args:
            data: rows to look along; without them, what `fit` found in the training data.
            member: name of a network; the one with the largest weight if not given.
            series: the series in the pictures; the longest if not given.

        Raises:
            UsageError: there is no such network or series, or the model keeps no rows to look along.
            DataError: data cannot be read as those that were fitted.
        """
        from gruforecast.explain.model import explain_model, largest
        from gruforecast.report.frames import Insight
        from gruforecast.report.stored import stored_explanation

        default = largest(self.forecaster.networks).name
        try:
            check_same(self.folder, self._manifest)
            stored = stored_explanation(self.folder)
        except ModelError:
            if data is None:
                raise
            stored = None  # the look along new rows needs no folder
        if data is None and series is None and member in (None, default) and stored is not None:
            return Insight(stored)
        panel, source = (None, "") if data is None else (self.read(data).panel, name_of(data))
        key = None if series is None else str(series)
        return Insight(explain_model(self.forecaster, panel, member=member, id=key, stored=stored, source=source))

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Copy the model to a folder of its own, whole or not at all, and return where that is.

        >>> model.save("kept").name
        'kept'

        Args:
            overwrite: whether another model there is replaced.

        Raises:
            ModelError: there is something, and it is not to be replaced, or it is no model.
            ResourceError: the place cannot be written.
        """
        check_same(self.folder, self._manifest)
        return copy_model(self.folder, Path(folder), overwrite=overwrite)

    def __repr__(self) -> str:
        verdict = harmless(self._manifest.verdict or "")
        lines = textwrap.wrap(verdict, LINE, max_lines=LINES, placeholder=" …")
        return "\n".join([f"Model({str(self.folder)!r}): {title_of(self.forecaster.winner)}", self._about, *lines])

    def _repr_html_(self) -> str:
        from gruforecast.report.terminal.notebook import table_of

        model, verdict = title_of(self.forecaster.winner), self._manifest.verdict or ""
        return table_of({"model": model, "data": self._about, "verdict": verdict, "folder": str(self.folder)})

    @property
    def _about(self) -> str:
        own = self.forecaster
        season = f"season of {own.season_length} rows" if own.season_length > 1 else "no season"
        return f"{len(own.context.ids):,} series, step {own.plan.freq.label}, horizon {own.horizon}, {season}"


def _warned(read: Read) -> Read:
    """Return what was read, after a warning of each thing that is odd about it."""
    for text in read.warnings:
        warn(text)
    return read


def _remove(scratch: str, owner: int) -> None:
    """Remove a temporary folder, unless this is a fork of the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(scratch, ignore_errors=True)
