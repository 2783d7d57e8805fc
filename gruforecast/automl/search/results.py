"""What jobs are asked for and what they give: typed here, plain JSON where it goes to another process."""

from __future__ import annotations

from typing import Literal

from gruforecast.execution.jobs import JobRequest, JobResult
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.report.report import Status, TrainingSeconds
from gruforecast.serialization import Record

Until = Literal["learned", "test", "end"]


class TrainingRequest(JobRequest, kw_only=True, frozen=True):
    """A training.

    Attributes:
        data: name given to `trial.save_split`; weights: name of the file to write, if any.
    """

    network: NetworkConfig
    training: TrainingConfig
    data: str
    weights: str = ""


class TrialRequest(TrainingRequest, kw_only=True, frozen=True):
    """A training before the earliest fold cutoff, scored at every fold cutoff.

    Attributes:
        number: of the trial.
        rungs: see `train.Schedule`; None: no fold is read before the end.
    """

    number: int
    rungs: tuple[float | None, ...] | None = None


class FitRequest(TrainingRequest, kw_only=True, frozen=True):
    """A training of a chosen configuration for a known number of steps.

    Attributes:
        until: `test` (rows before the test set) or `end` (all rows).
        after: digest of the weights that it is to take the place of.
        initial: file of weights to start from; None = anew.
        rates: learning rate at the first and last step, as shares.
    """

    until: Literal["test", "end"]
    after: str = ""
    initial: str | None = None
    rates: tuple[float, float] = (1.0, 0.0)


class AuditRequest(TrainingRequest, kw_only=True, frozen=True):
    """Trainings beside noise; `rows`: name of the data with all values."""

    rows: str


class StatisticalRequest(JobRequest, kw_only=True, frozen=True):
    """Forecasts of a statistical model for some series, which are written to `file`.

    Attributes:
        until: rows that it is fitted to: `learned` (for folds and origins, taken forward), `test`, or `end` (all).
        begin, end: first and last series, exclusive.
        version: of the package that makes them.
    """

    data: str
    model: str
    until: Until
    begin: int
    end: int
    file: str
    version: str | None = None


class TuningRequest(JobRequest, kw_only=True, frozen=True):
    """Steps of the pretrained network on the rows before a cutoff.

    Attributes:
        until: `folds` (rows before the earliest one, so that all can tell how many steps are best), `test` or `end`.
        steps: numbers of steps to compare; the last one is taken for `test` and `end`.
        share: of the way from the weights before to those after, for `test` and `end`.
        file: to write weights to; digest: of the weights that it begins with.
    """

    data: str
    until: Literal["folds", "test", "end"]
    steps: tuple[int, ...]
    seed: int
    file: str
    digest: str
    share: float = 1.0


class Score(Record, frozen=True):
    """Error of the network after so many steps, a share of the way from the weights before."""

    steps: int
    share: float
    error: float


class TuningResult(JobResult, kw_only=True, frozen=True):
    """What came of a fine-tuning.

    Attributes:
        steps, share: of the weights that were written; 0 steps where none promise a gain.
        scores: errors of all that was compared.
    """

    status: Literal["completed", "crashed"]
    steps: int = 0
    share: float = 1.0
    scores: list[Score] = []
    seconds: float = 0.0


class FitResult(JobResult, kw_only=True, frozen=True):
    """What a training took and gave.

    Attributes:
        digest: of the weights.
        seconds_per_epoch: of one pass over all windows before fold 1.
    """

    status: Status
    steps: int = 0
    parameters: int = 0
    digest: str = ""
    seconds: TrainingSeconds = TrainingSeconds()
    seconds_per_step: float | None = None
    seconds_per_epoch: float | None = None

    @property
    def weights(self) -> str:
        """Name of the file of weights; empty where there are none."""
        return self.file.name if self.file else ""


class TrialResult(FitResult, kw_only=True, frozen=True):
    """What a trial gave: `score` is the mean of `fold_scores`, `rungs` those at the rungs that it reached."""

    score: float | None = None
    fold_scores: list[float] | None = None
    rungs: list[float | None] = []


class StatisticalResult(JobResult, kw_only=True, frozen=True):
    """Whether the forecasts of a statistical model were written."""

    status: Literal["completed", "failed", "crashed"]
    seconds: float = 0.0


class AuditResult(JobResult, kw_only=True, frozen=True):
    """What moves when everything from a cutoff on is replaced by noise: names of what differs, by place."""

    status: Literal["completed", "crashed"]
    moved: dict[str, list[str]] = {}
    seconds: float = 0.0
