"""The report of a fit: what `report.json` holds, `--json` prints, and terminal, page and Markdown show."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

import msgspec

from gruforecast.artifact.manifest import SignatureRecord
from gruforecast.data.plan import Plan
from gruforecast.evaluation.leaderboard import Reference, Seeds, StoredRow
from gruforecast.explain.records import Explanation
from gruforecast.models.networks.config import Cell, Hyperparameters
from gruforecast.report.chart_data import ChartData
from gruforecast.serialization import Record

Count = Annotated[int, msgspec.Meta(ge=0)]
Status = Literal["completed", "pruned", "diverged", "crashed"]


class TrialCounts(Record, frozen=True):
    """How many trials ended in which way."""

    completed: int = 0
    pruned: int = 0
    diverged: int = 0
    crashed: int = 0


class TrainingSeconds(Record, frozen=True):
    """What a training took, in seconds."""

    trace: float = 0.0
    compile: float = 0.0
    train: float = 0.0
    validate: float = 0.0
    evaluate: float = 0.0
    total: float = 0.0


class TrialRecord(Record, frozen=True):
    """One trial of the search; a crashed one has an `error` and nothing else."""

    number: int
    values: Hyperparameters
    status: Status
    score: float | None = None
    fold_scores: list[float] | None = None
    steps: int | None = None
    parameters: int | None = None
    seconds: TrainingSeconds | None = None
    error: str | None = None


class NetworkRecord(Record, frozen=True):
    """One network of the model.

    Attributes:
        share: its weight in the ensemble.
        number: of the trial whose configuration it has; another_seed: whether it was trained with another seed.
    """

    name: str
    share: float
    number: int
    another_seed: bool
    values: Hyperparameters
    steps: int
    parameters: int
    digest: str
    val_mase: float


class CellRecord(Record, frozen=True):
    """GRU, LSTM or simple RNN as measured at one equal budget; `seeds` as in a row of the leaderboard."""

    cell: Cell
    budget: str | None
    gates: int
    memory_cell: bool
    parameters: int | None
    seeds: Seeds[float | None] | None
    steps: int | None
    seconds_per_epoch: float | None
    train_seconds: float | None
    forecast_ms: float | None
    weights_bytes: int | None
    val_mase: float | None
    mase: float | None


class WorkerRecord(Record, frozen=True):
    """How many workers, seconds until the first could start, how many were replaced, MB of each after each job."""

    count: int
    start_seconds: float
    replaced: int
    resident_mb: list[list[int]]


class AuditRecord(Record, frozen=True):
    """The result of the leak audit; `passed` is None where nothing can be said, and `text` says why."""

    passed: bool | None
    kind: Literal["cheap", "whole"]
    seconds: float
    checked: list[str]
    text: str


class Digests(Record, frozen=True):
    """SHA-256 of the weights of each network: those scored on the test set, and those saved."""

    scored: dict[str, str]
    saved: dict[str, str]


class Machine(Record, frozen=True):
    """What a fit ran on."""

    system: str
    cores: int
    workers: int


class Reproduction(Record, frozen=True):
    """How to get a report again.

    Attributes:
        command: the command line, without places on this machine.
        left_out: options that leave parts of a fit out and were given, as on the command line.
        limited: whether a limit of time was given.
    """

    command: str
    file: str
    data_digest: str
    machine: Machine
    left_out: list[str]
    limited: bool

    def __post_init__(self) -> None:
        shlex.split(self.command)  # a quotation that does not end is refused


class Report(Record, kw_only=True, frozen=True):
    """Everything that a fit has found.

    Attributes:
        evidence: what the test set says of the winner against the naive forecast to beat; None where that has won.
        n_series_without_scale: series of the test set that have no MASE; n_series_repeating: those of them that do
            change, but repeat exactly from one season to the next.
        cutoffs_by: whether folds are cut at one date or at a distance from each series' end.
        chosen: the best network; blend: the weight of each member as saved, empty if there is none.
        found: what was found out about the data and not given; warnings: what may mislead.
        cut_short: whether a limit of time ended something early.
        extracts: what charts need beside the numbers; explain: the look inside, None where no row may be shown.
    """

    model_dir: str
    verdict: str
    evidence: Reference | None
    winner: str
    horizon: Count
    freq: str
    season_length: int
    n_series: int
    n_rows: int
    n_series_scored: Count
    n_series_without_scale: int
    n_series_repeating: int = 0
    folds: int
    cutoffs_by: Literal["date", "position"]
    levels: list[float]
    seconds: float
    seconds_by_part: dict[str, float]
    trials: TrialCounts
    chosen: NetworkRecord
    networks: list[NetworkRecord]
    blend: dict[str, float]
    leaderboard: list[StoredRow]
    cells: list[CellRecord]
    search: list[TrialRecord]
    workers: WorkerRecord
    audit: AuditRecord
    explain: Explanation | None
    seed: int
    digests: Digests
    parity: float
    saved_model: SignatureRecord
    refit: str
    found: list[str]
    plan: Plan
    warnings: list[str]
    cut_short: bool
    versions: dict[str, str]
    extracts: ChartData
    reproduce: Reproduction

    def __post_init__(self) -> None:
        shown, evidence = self.extracts.models, [self.evidence.against] if self.evidence else []
        missing = {self.winner, shown.winner, shown.beside, *evidence, *self.extracts.steps} - self.rows.keys()
        if missing or self.winner not in self.extracts.steps or "gruforecast" not in self.versions:
            raise ValueError(f"models without a row or errors, or no version: {sorted(missing)}")
        if not self.n_series_repeating <= self.n_series_without_scale <= self.n_series_scored:
            raise ValueError("more series are without a scale than there are")

    @property
    def rows(self) -> dict[str, StoredRow]:
        """The rows of the leaderboard by model."""
        return {row.model: row for row in self.leaderboard}
