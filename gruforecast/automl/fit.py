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
from gruforecast.artifact.export.saved_model import export
from gruforecast.artifact.export.signature import Served
from gruforecast.artifact.folder import save, write_json
from gruforecast.artifact.manifest import SignatureRecord, seal
from gruforecast.automl.cell_comparison import ComparedCells, submit_comparison
from gruforecast.automl.ensemble_members import (
    SavedEnsemble,
    ScoredEnsemble,
    choose_members,
    refitted,
    score_members,
    submit_seeds,
    submit_test_fits,
    with_seeds,
)
from gruforecast.automl.ensemble_selection import EnsembleWeights, blended
from gruforecast.automl.explain_fit import explain_fit
from gruforecast.automl.leakage_audit import LeakageAudit, second_search, submit_audit, traces, was_cut, with_noise
from gruforecast.automl.options import FitOptions
from gruforecast.automl.output import check_keys_fit, facts_of, fingerprint_of, finished_report, make_run_dir
from gruforecast.automl.preparation import Prepared, decide, prepare
from gruforecast.automl.reference_models import (
    baseline_candidates,
    pretrained_candidate,
    statistical_models,
    submit_statistical,
)
from gruforecast.automl.run_folder import open_run
from gruforecast.automl.search import loop
from gruforecast.automl.search.oracle import Proposer
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import pretrained_network, save_split
from gruforecast.automl.summary import PACKAGES, Outcome, in_short, summarise, without_places
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.data.files.source import Data, name_of
from gruforecast.data.panel import Forecast
from gruforecast.errors import UsageError
from gruforecast.evaluation.leaderboard import Candidate, Judged, compared, judge, winner, with_leads
from gruforecast.execution.atomic_files import clear_leftovers, replace_with
from gruforecast.execution.pool import Pool
from gruforecast.execution.progress import Budget, Clock, Progress
from gruforecast.explain.records import Explanation
from gruforecast.models.baselines import baselines
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import NETWORKS
from gruforecast.models.series_state import SeriesState
from gruforecast.models.unread import unread_in_words
from gruforecast.report.chart_data import extracts
from gruforecast.report.files.run_folder import write_run
from gruforecast.report.page.html import PAGE, write_page
from gruforecast.report.report import AuditRecord, Report, WorkerRecord
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
    with open_run(options, make_run_dir(options), facts, size, progress) as (jobs, pool):
        try:
            clear_leftovers(output)
            trainings = TrainingJobs(prepared.split, space, jobs, options.seed, budget)
            run = _Run(options, prepared, trainings, progress, clock)
            outcome = _outcome(run, pool, built)
            progress.stage("writing the report")
            report = summarise(outcome, data, options, clock.parts, clock.total)
            kept = without_places(report)
            write_json(built / "report.json", plain(kept))
            write_page(kept, built / PAGE)
            known = {"fingerprint": fingerprint, "trials": prepared.trials, "audit": outcome.audit.kind}
            seal(built, structs.replace(in_short(report, prepared.panel), **known, **_limits(run, outcome)))
            replace_with(built, output)
        finally:
            shutil.rmtree(built, ignore_errors=True)
        jobs.journal.append({"kind": "finished", "output": str(output), "trials": len(outcome.search.trials)})
    return report


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
class _Contest:
    """All models, judged.

    Attributes:
        ends: forecasts of the statistical models from the end of the data.
        blend: weights of the blend to ship.
        pretrained: networks to ship beside the ensemble.
    """

    ensemble: ScoredEnsemble
    cells: ComparedCells
    ends: dict[str, Floats]
    judged: list[Judged]
    blend: EnsembleWeights
    pretrained: tuple[PretrainedNetwork, ...]


def _outcome(run: _Run, pool: Pool, built: Path) -> Outcome:
    """Return the outcome of search, test fit, comparison and refit; in `built` is the folder but its report."""
    options, prepared, trainings = run.options, run.prepared, run.trainings
    search = _search(run)
    audit = submit_audit(options, prepared, trainings, search.best)
    run.clock.lap("audit")
    contest = _contest(run, search, options.compare)
    run.progress.stage("training the networks once more, with the newest rows")
    ensemble = refitted(trainings, contest.ensemble)
    run.clock.lap("refit")
    audited = _audited(run, audit, search, contest)
    forecaster = _forecaster(prepared, ensemble, contest)
    signature = _build(run, built, forecaster, [trainings.path(one) for one in ensemble.results], contest.judged)
    given_up = _given_up(run, search)
    no_effect = unread_in_words(forecaster, forecaster.winner)
    warnings = [*trainings.notes.warnings, *given_up, *([no_effect] if no_effect else [])]
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
        cut_short=bool(given_up),
        workers=_worker_record(pool),
        audit=audited,
        extracts=extracts(
            prepared.panel, prepared.split, contest.judged, _next_forecast(forecaster), rows=options.context
        ),
        explained=_explained(run, ensemble, contest.cells),
    )


def _search(run: _Run) -> loop.Search:
    """Return the trials; then all rows are where later trainings find them."""
    options, trainings = run.options, run.trainings
    save_split(trainings.jobs.folder, loop.DATA, run.prepared.split)
    hyperband = options.tuner == "hyperband"
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
    )
    run.clock.lap("search")
    trainings.save_all_rows()
    return search


def _contest(run: _Run, search: loop.Search, compare: str, *, ships: bool = True) -> _Contest:
    """Return all models, judged; workers train while baselines are judged."""
    options, trainings, split = run.options, run.trainings, run.prepared.split
    stage, lap = run.progress.stage, run.clock.lap
    stage("more seeds of the best networks")
    seeds = submit_seeds(trainings, search) if options.blend else []
    pretrained = [one for one in [pretrained_network(split)] if one is not None]
    simple = [*baseline_candidates(split), *(pretrained_candidate(split, one) for one in pretrained)]
    judged = run.judge([[one] for one in simple])
    chosen = choose_members(trainings, with_seeds(trainings, search, seeds))
    fits = submit_test_fits(trainings, chosen)
    # after the test fits, which matter more when time is short
    comparison = submit_comparison(trainings, search, compare, sum(one.seconds for one in fits.values()))
    pending = submit_statistical(trainings) if options.blend and options.stats else {}
    stage("training the chosen networks for the test set")
    ensemble = score_members(trainings, chosen, fits, ships=ships)
    networks = ensemble.candidates(search.best)
    lap("test_fit")
    judged += run.judge([[one] for one in networks])
    stage("GRU, LSTM and simple RNN side by side")
    cells = comparison.wait()
    lap("comparison")
    judged += run.judge(cells.groups)
    stage("classical models, and the blend")
    statistical = statistical_models(trainings, pending)
    lap("statistical")
    blend, weights = blended(split, networks[-1], [*simple, *statistical.candidates]) if options.blend else ([], {})
    judged += run.judge([[one] for one in [*statistical.candidates, *blend]])
    return _Contest(ensemble, cells, statistical.ends, compared(with_leads(judged)), weights, tuple(pretrained))


def _audited(run: _Run, audit: LeakageAudit, search: loop.Search, contest: _Contest) -> AuditRecord:
    """Return the result of the leak audit; with `audit`, all up to the test scores is done again beside noise."""
    found, first = audit.wait(), run.trainings
    if run.options.audit and not found.moved:
        run.progress.say("leak audit: the whole search once more, with noise in the place of the test set")
        prepared, clock = decide(with_noise(run.prepared.reading, run.prepared.split.test), run.options), Clock()
        with second_search(first.jobs, prepared.panel, fresh=run.options.fresh) as jobs:
            trainings = TrainingJobs(prepared.split, Space.of(prepared.split), jobs, first.seed, first.budget)
            again = replace(run, prepared=prepared, trainings=trainings, clock=clock)
            repeated = _search(again)
            second = _contest(again, repeated, "none", ships=False)
        cut = was_cut(search, first.notes) or was_cut(repeated, trainings.notes)
        both = traces(search, contest.ensemble, contest.judged), traces(repeated, second.ensemble, second.judged)
        found = audit.compare(found, *both, clock.total, cut=cut)
    run.clock.lap("audit")
    return found.record(first.jobs.folder, whole=run.options.audit)


def _forecaster(prepared: Prepared, ensemble: SavedEnsemble, contest: _Contest) -> Forecaster:
    """Return what `predict` needs; where there is one network, `networks` is another name of it."""
    panel = prepared.reading.panel  # as `predict` would read it
    networks, m = ensemble.networks, prepared.split.season_length
    calibrations = {one.row.model: one.calibration for one in contest.judged if one.shipped}
    calibrations = {NETWORKS: calibrations.get(NETWORKS, calibrations[networks[0].name]), **calibrations}
    names = [*baselines(m), *(one.name for one in contest.pretrained)]
    context = SeriesState.of(panel, networks, names, prepared.scaling, contest.pretrained)
    ends = {name: QuantileForecast(one) for name, one in contest.ends.items()}
    return Forecaster(
        networks=networks,
        blend=contest.blend,
        winner=winner([one.row for one in contest.judged]).model,
        calibrations=calibrations,
        plan=panel.plan,
        context=replace(context, forecasts=context.forecasts | ends),
        scaling=prepared.scaling,
        pretrained=contest.pretrained,
    )


def _build(
    run: _Run, built: Path, forecaster: Forecaster, weights: list[Path], judged: list[Judged]
) -> SignatureRecord:
    """Return what the SavedModel takes and gives, and its parity; everything but the report is in `built` then."""
    run.progress.stage("exporting a SavedModel, and checking it in another process")
    write_run(run.trainings.jobs.folder, run.prepared.panel, run.prepared.split, judged)
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    state = forecaster.context
    kept = state if run.options.context else SeriesState.without_rows(state.ids, state.last)
    save(replace(forecaster, context=kept), built)
    with tempfile.TemporaryDirectory(prefix="gruforecast-export-") as scratch:
        # TensorFlow cannot read a path with [ or *
        parity = export(run.trainings.jobs, forecaster, weights, Path(scratch))
        shutil.copytree(Path(scratch) / "saved_model", built / "saved_model")
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


def _next_forecast(forecaster: Forecaster) -> Forecast | None:
    """Return the winner's forecast from the end of the data; None where that takes covariates only the user knows."""
    try:
        return forecaster.predict()
    except UsageError:
        return None


def _worker_record(pool: Pool) -> WorkerRecord:
    """Return the count of workers, seconds until they could start, and MB of each process after each job."""
    return WorkerRecord(
        count=pool.count,
        start_seconds=round(pool.start_seconds, 3),
        replaced=pool.replaced,
        resident_mb=[[round(size / 1e6) for size in sizes] for sizes in pool.resident.values()],
    )


def _limits(run: _Run, outcome: Outcome) -> dict[str, float | None]:
    """Return the limits that cut this run, None for those that did not."""
    late = any(trial.result.late for trial in outcome.search.trials) or run.trainings.notes.has("limit")
    return {
        "cut_at": run.options.max_seconds if outcome.cut_short else None,
        "late_at": run.options.trial_seconds if late and not outcome.cut_short else None,
    }


def _given_up(run: _Run, search: loop.Search) -> list[str]:
    """Return the warning of what the time budget made `fit` give up, if anything."""
    parts = run.trainings.notes.given_up
    if search.cut:
        trials = "some" if run.options.tuner == "hyperband" else f"{run.prepared.trials} whole"
        parts = [f"{trials} trials ({len(search.trials)} ended)", *parts]
    return [f"the time budget did not allow for {', '.join(parts)}"] if parts else []
