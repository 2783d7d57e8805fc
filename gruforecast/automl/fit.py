"""The order of the steps of `fit`, nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from msgspec import structs

from gruforecast.arrays import Floats
from gruforecast.artifact.export.saved_model import NAME, checked, submit_export
from gruforecast.artifact.export.signature import Served
from gruforecast.artifact.folder import save, write_json
from gruforecast.artifact.manifest import SignatureRecord, seal
from gruforecast.automl.cell_comparison import CellComparison, ComparedCells, submit_comparison
from gruforecast.automl.ensemble_members import (
    SavedEnsemble,
    ScoredEnsemble,
    before_folds,
    choose_members,
    refitted,
    score_members,
    submit_seeds,
    submit_test_fits,
    with_seeds,
)
from gruforecast.automl.ensemble_selection import EnsembleWeights, blended
from gruforecast.automl.explain_fit import explain_fit
from gruforecast.automl.fine_tuned_model import FineTuning, FineTunings, submit_tuning, submit_tunings
from gruforecast.automl.leakage_audit import LeakageAudit, second_search, submit_audit, traces, was_cut, with_noise
from gruforecast.automl.options import FitOptions
from gruforecast.automl.output import check_keys_fit, facts_of, fingerprint_of, finished_report, make_run_dir
from gruforecast.automl.preparation import Prepared, decide, prepare
from gruforecast.automl.reference_models import (
    PendingModels,
    baseline_candidates,
    pretrained_candidate,
    statistical_models,
    submit_statistical,
    with_ends,
)
from gruforecast.automl.run_folder import open_run
from gruforecast.automl.search import loop
from gruforecast.automl.search.oracle import Proposer
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import pretrained_network, save_split
from gruforecast.automl.summary import (
    PACKAGES,
    Outcome,
    given_up,
    in_short,
    limits,
    next_forecast,
    summarise,
    without_places,
    worker_record,
)
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.data.files.source import Data, name_of
from gruforecast.data.joining import kept_rows, without_values
from gruforecast.evaluation.few_rows import short_series
from gruforecast.evaluation.leaderboard import Candidate, Judged, compared, judge, winner, with_leads
from gruforecast.execution.atomic_files import clear_leftovers, replace_with
from gruforecast.execution.jobs import JobResult, Pending
from gruforecast.execution.pool import Pool
from gruforecast.execution.progress import Budget, Clock, Progress
from gruforecast.explain.records import Explanation
from gruforecast.models.baselines import baselines
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import NETWORKS
from gruforecast.models.unread import unread_in_words
from gruforecast.report.chart_data import extracts
from gruforecast.report.files.run_folder import write_run
from gruforecast.report.page.html import PAGE, write_page
from gruforecast.report.report import AuditRecord, Report
from gruforecast.serialization import plain


def fit(data: Data, options: FitOptions, progress: Progress | None = None) -> Report:
    """Return the report of a model folder that is searched for, compared and saved, as `--json` prints it.

    Every result goes into the journal in the run folder at once, so the same call goes on where an earlier one was
    stopped. What libraries write to standard error meanwhile goes into `log.txt` there.

    Raises:
        GruforecastError: one of its kinds, with a remedy; no model folder is touched then.
    """
    progress, clock, budget = progress or Progress(), Clock(), Budget(options.max_seconds)
    output = options.folder
    progress.stage(f"reading {name_of(data)}")
    prepared = prepare(data, options, progress)
    clock.lap("read")
    check_keys_fit(prepared.panel)
    facts = facts_of(options, prepared.panel)
    fingerprint = fingerprint_of(facts, stats=options.stats)
    finished = finished_report(output, fingerprint, options, prepared.trials)
    if finished is not None:
        progress.say(f"{output} already holds this model: nothing to do")
        return finished
    built = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    size = (prepared.panel.y.nbytes + prepared.panel.x.nbytes) * (2 if options.audit else 1)
    space = Space.of(prepared.split)
    facts |= {
        "space": plain(space),
        "packages": {name: version(name) for name in PACKAGES},
        "options": options.values("data", "search"),
    }
    with open_run(options, make_run_dir(options), facts, size, progress) as (jobs, pool), _scratch() as scratch:
        try:
            clear_leftovers(output)
            trainings = TrainingJobs(prepared.split, space, jobs, options.seed, budget)
            run = _Run(options, prepared, trainings, progress, clock)
            outcome = _outcome(run, pool, built, Path(scratch))
            progress.stage("writing the report")
            report = summarise(outcome, data, options, clock.parts, clock.total)
            write_json(built / "report.json", plain(kept := without_places(report)))
            write_page(kept, built / PAGE)
            known = {"fingerprint": fingerprint, "trials": prepared.trials, "audit": outcome.audit.kind}
            cut = limits(outcome, options, trainings.notes)
            seal(built, structs.replace(in_short(report, prepared.panel), **known, **cut))
            replace_with(built, output)
        finally:
            shutil.rmtree(built, ignore_errors=True)
        jobs.journal.append({"kind": "finished", "output": str(output), "trials": len(outcome.search.trials)})
    return report


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for the SavedModel until it is whole; TensorFlow cannot read a path with [ or *."""
    return tempfile.TemporaryDirectory(prefix="gruforecast-export-")


@dataclass(frozen=True)
class _Run:
    """What the steps from the search to the test scores share; beside noise they are taken once more."""

    options: FitOptions
    prepared: Prepared
    trainings: TrainingJobs
    progress: Progress
    clock: Clock

    def judge(self, models: list[list[Candidate]]) -> list[Judged]:
        """Return one row for all seeds of each model."""
        split, levels = self.prepared.split, self.prepared.levels
        judged = [Judged.of_seeds([judge(seed, split, levels) for seed in seeds]) for seeds in models]
        self.clock.lap("judging")
        return judged


@dataclass(frozen=True)
class _Beside:
    """What began before or beside the search: fine-tuning, and fits of the statistical models."""

    tuning: FineTuning | None
    statistical: PendingModels


@dataclass(frozen=True)
class _Networks:
    """The networks of the ensemble and the simple models, judged, while workers still compare cells.

    Attributes:
        together: all networks of the ensemble, and `simple`, the baselines and the pretrained network, as candidates.
        pretrained: the network of the package, where it can be asked; tunings: its trainings on these series.
    """

    ensemble: ScoredEnsemble
    together: Candidate
    simple: list[Candidate]
    pretrained: tuple[PretrainedNetwork, ...]
    tunings: FineTunings | None
    judged: list[Judged]
    comparison: CellComparison


@dataclass(frozen=True)
class _Contest:
    """All models, judged.

    Attributes:
        ends: forecasts of the statistical models from the end of the data.
        blend: weights of the blend to ship.
        pretrained: networks to ship beside the ensemble.
    """

    cells: ComparedCells
    ends: dict[str, Floats]
    judged: list[Judged]
    blend: EnsembleWeights
    pretrained: tuple[PretrainedNetwork, ...]


def _outcome(run: _Run, pool: Pool, built: Path, scratch: Path) -> Outcome:
    """Return the outcome of search, test fit, comparison and refit; in `built` is the folder but its report.

    What others wait for comes first; the comparison and the statistical models fill the workers' gaps meanwhile.
    """
    options, prepared, trainings = run.options, run.prepared, run.trainings
    search, beside = _search(run)
    audit = submit_audit(options, prepared, trainings, search.best)
    run.clock.lap("audit")
    networks = _networks(run, search, beside.tuning, options.compare)
    ensemble = _refit(run, networks)
    contest = _contest(run, networks, beside.statistical)
    forecaster = _forecaster(prepared, ensemble, contest)
    written = submit_export(trainings.jobs, forecaster, [trainings.path(one) for one in ensemble.results], scratch)
    before = replace(forecaster, networks=before_folds(trainings, ensemble))
    forecaster = replace(forecaster, short=short_series(before, prepared.split))
    run.clock.lap("judging")
    signature = _build(run, built, forecaster, written, scratch, contest.judged)
    audited = _audited(run, audit, search, networks, contest)  # a second search takes the workers for itself
    cut = given_up(search, prepared.trials, options, trainings.notes)
    no_effect = unread_in_words(forecaster, forecaster.winner)
    warnings = [*trainings.notes.warnings, *cut, *([no_effect] if no_effect else [])]
    for warning in warnings:
        run.progress.warn(warning)
    return Outcome(
        prepared=prepared,
        rows=[one.row for one in contest.judged],
        search=search,
        ensemble=ensemble,
        blend=contest.blend,
        seed=options.seed,
        saved_model=signature,
        warnings=prepared.warnings + warnings,
        cut_short=bool(cut),
        workers=worker_record(pool),
        audit=audited,
        extracts=extracts(
            prepared.panel, prepared.split, contest.judged, next_forecast(forecaster), rows=options.context
        ),
        explained=_explained(run, ensemble, contest.cells),
    )


def _search(run: _Run) -> tuple[loop.Search, _Beside]:
    """Return the trials, and what began before or beside them; then jobs may see all rows."""
    options, trainings = run.options, run.trainings
    statistical: PendingModels = {}
    save_split(trainings.jobs.folder, loop.DATA, run.prepared.split)
    hyperband = options.tuner == "hyperband"
    tuning = submit_tuning(trainings) if options.blend else None
    search = loop.search(
        trainings.space,
        trainings.jobs,
        Proposer(options.tuner, trainings.space, run.prepared.trials, options.seed),
        lag=trainings.jobs.journal.begin["lag"],
        seed=options.seed,
        prune=options.prune and not hyperband,  # which has rungs of its own
        total=None if hyperband else run.prepared.trials,  # there `trials` bounds the work, not the count
        budget=trainings.budget,
        progress=run.progress,
        beside=lambda: statistical.update(submit_statistical(trainings) if options.blend and options.stats else {}),
    )
    run.clock.lap("search")
    trainings.save_all_rows()
    return search, _Beside(tuning, with_ends(trainings, statistical))


def _networks(
    run: _Run, search: loop.Search, tuning: FineTuning | None, compare: str, *, ships: bool = True
) -> _Networks:
    """Return the networks that the folds decide on, judged; workers train while baselines are judged."""
    options, trainings, split = run.options, run.trainings, run.prepared.split
    stage, lap = run.progress.stage, run.clock.lap
    stage("more seeds of the best networks")
    tunings = submit_tunings(trainings, tuning, run.progress, ships=ships)
    seeds = submit_seeds(trainings, search) if options.blend else []
    pretrained = [one for one in [pretrained_network(split)] if one is not None]
    simple = [*baseline_candidates(split), *(pretrained_candidate(split, one) for one in pretrained)]
    judged = run.judge([[one] for one in simple])
    chosen = choose_members(trainings, with_seeds(trainings, search, seeds))
    fits = submit_test_fits(trainings, chosen)
    # after the test fits, which matter more when time is short
    comparison = submit_comparison(trainings, search, compare, sum(one.seconds for one in fits.values()))
    stage("training the chosen networks for the test set")
    ensemble = score_members(trainings, chosen, fits, ships=ships)
    networks = ensemble.candidates(search.best)
    lap("test_fit")
    judged += run.judge([[one] for one in networks])
    return _Networks(ensemble, networks[-1], simple, tuple(pretrained), tunings, judged, comparison)


def _refit(run: _Run, networks: _Networks) -> SavedEnsemble:
    """Return the networks trained once more."""
    run.progress.stage("training the networks once more, with the newest rows")
    ensemble = refitted(run.trainings, networks.ensemble)
    run.clock.lap("refit")
    return ensemble


def _contest(run: _Run, networks: _Networks, fitted: PendingModels) -> _Contest:
    """Return all models, judged."""
    trainings, split, judged = run.trainings, run.prepared.split, list(networks.judged)
    stage, lap = run.progress.stage, run.clock.lap
    stage("GRU, LSTM and simple RNN side by side")
    cells = networks.comparison.wait()
    lap("comparison")
    judged += run.judge(cells.groups)
    stage("classical models, and the blend")
    statistical = statistical_models(trainings, fitted)
    lap("statistical")
    tuned = [one for one in [networks.tunings and networks.tunings.result()] if one]
    others = [*(one.candidate for one in tuned), *statistical.candidates]
    first, known = networks.together, [*networks.simple, *others]
    blend, weights = blended(split, first, known) if run.options.blend else ([], {})
    judged += run.judge([[one] for one in [*others, *blend]])
    shipped = (*networks.pretrained, *(one.network for one in tuned))
    return _Contest(cells, statistical.ends, compared(with_leads(judged)), weights, shipped)


def _audited(
    run: _Run, audit: LeakageAudit, search: loop.Search, networks: _Networks, contest: _Contest
) -> AuditRecord:
    """Return the result of the leak audit; with `audit`, all up to the test scores is done again beside noise."""
    found, first = audit.wait(), run.trainings
    if run.options.audit and not found.moved:
        run.progress.say("leak audit: the whole search once more, with noise in the place of the test set")
        prepared, clock = decide(with_noise(run.prepared.reading, run.prepared.split.test), run.options), Clock()
        with second_search(first.jobs, prepared.panel, fresh=run.options.fresh) as jobs:
            trainings = TrainingJobs(prepared.split, Space.of(prepared.split), jobs, first.seed, first.budget)
            again = replace(run, prepared=prepared, trainings=trainings, clock=clock)
            repeated, beside = _search(again)
            others = _networks(again, repeated, beside.tuning, "none", ships=False)
            second = _contest(again, others, beside.statistical)
        cut = was_cut(search, first.notes) or was_cut(repeated, trainings.notes)
        both = traces(search, networks.ensemble, contest.judged), traces(repeated, others.ensemble, second.judged)
        found = audit.compare(found, *both, clock.total, cut=cut)
    run.clock.lap("audit")
    return found.record(first.jobs.folder, whole=run.options.audit)


def _calibrations(ensemble: SavedEnsemble, judged: list[Judged]) -> dict[str, Calibration]:
    """Return the calibration of each model; where there is one network, `networks` is another name of it."""
    own = {one.row.model: one.calibration for one in judged if one.shipped}
    return {NETWORKS: own.get(NETWORKS, own[ensemble.networks[0].name]), **own}


def _forecaster(prepared: Prepared, ensemble: SavedEnsemble, contest: _Contest) -> Forecaster:
    """Return what `predict` needs."""
    panel, split = prepared.reading.panel, prepared.split  # as `predict` would read it
    m, pretrained = split.season_length, contest.pretrained
    names = [*baselines(m), *(one.name for one in pretrained)]
    ends = EndForecasts.of(panel, names, (split.horizon, m), prepared.scaling, pretrained)
    statistical = {name: QuantileForecast(one) for name, one in contest.ends.items()}
    lookback = max(one.config.lookback for one in ensemble.networks)
    return Forecaster(
        networks=ensemble.networks,
        blend=contest.blend,
        winner=winner([one.row for one in contest.judged]).model,
        calibrations=_calibrations(ensemble, contest.judged),
        plan=panel.plan,
        context=kept_rows(panel, m, lookback),
        ends=replace(ends, forecasts=ends.forecasts | statistical),
        scaling=prepared.scaling,
        pretrained=pretrained,
    )


def _build(
    run: _Run, built: Path, forecaster: Forecaster, written: Pending[JobResult], scratch: Path, judged: list[Judged]
) -> SignatureRecord:
    """Return what the SavedModel takes and gives, and its parity; everything but the report is in `built` then."""
    run.progress.stage("exporting a SavedModel, and checking it in another process")
    write_run(run.trainings.jobs.folder, run.prepared.panel, run.prepared.split, judged)
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    rows, kept, keeps = len(run.prepared.panel.y), len(forecaster.context.y), run.options.context
    if keeps and kept < rows:
        run.progress.say(f"the model keeps the newest {kept:,} of {rows:,} rows: newer ones are joined to these")
    bare = replace(forecaster, context=without_values(forecaster.context), ends=EndForecasts({}))
    save(forecaster if keeps else bare, built)
    parity = checked(run.trainings.jobs, forecaster, written, scratch)
    shutil.copytree(scratch / NAME, built / NAME)
    run.clock.lap("export")
    return structs.replace(Served.by(forecaster).described(), parity=parity)


def _explained(run: _Run, ensemble: SavedEnsemble, cells: ComparedCells) -> Explanation | None:
    """Return what the gates of the saved network do; nothing where no row may be shown."""
    if not run.options.context:
        return None
    run.progress.stage("looking into the gates")
    explained = explain_fit(run.prepared, run.trainings, ensemble, cells)
    run.clock.lap("explain")
    return explained
