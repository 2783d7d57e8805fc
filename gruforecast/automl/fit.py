"""The order of the steps of `fit`, nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gruforecast.artifact.export.saved_model import export, served_by
from gruforecast.artifact.folder import publish, save, write_json
from gruforecast.artifact.manifest import seal
from gruforecast.automl.cell_comparison import CellComparison
from gruforecast.automl.ensemble_members import EnsembleMembers
from gruforecast.automl.ensemble_selection import EnsembleWeights, select_weights, weighted
from gruforecast.automl.explain_fit import explain_fit
from gruforecast.automl.leakage_audit import LeakageAudit, Traces, second_search, traces, was_cut, with_noise
from gruforecast.automl.options import FitOptions
from gruforecast.automl.output import check_keys_fit, facts_of, fingerprint_of, finished_report, make_run_dir
from gruforecast.automl.preparation import Prepared, decide, prepare
from gruforecast.automl.reference_models import ReferenceModels
from gruforecast.automl.reproduce import reproduction
from gruforecast.automl.run_folder import open_run
from gruforecast.automl.search import loop
from gruforecast.automl.search.oracle import Proposer
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import save_split
from gruforecast.automl.summary import PACKAGES, Outcome, in_short, summarise, without_places
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.data.panel import Forecast
from gruforecast.errors import UsageError
from gruforecast.evaluation.leaderboard import Candidate, Judged, compared, judge, winner, with_leads
from gruforecast.execution.atomic_files import clear_leftovers
from gruforecast.execution.jobs import Jobs
from gruforecast.execution.pool import Pool
from gruforecast.execution.progress import CUT_SHORT, Budget, Clock, Progress
from gruforecast.models.baselines import baselines
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.registry import BLEND, NETWORKS
from gruforecast.models.series_state import SeriesState
from gruforecast.report.chart_data import extracts
from gruforecast.report.files.run_folder import write_run
from gruforecast.report.page.html import PAGE, write_page
from gruforecast.serialization import plain

Report = dict[str, Any]


def fit(data: str, options: FitOptions, progress: Progress | None = None) -> Report:
    """Return the report of a model folder that is searched for, compared and saved, as `--json` prints it.

    Every result goes into the journal in the run folder at once, so the same call goes on where an earlier one was
    stopped. What libraries write to standard error meanwhile goes into `log.txt` there.

    Raises:
        GruforecastError: one of its kinds, with a remedy; no model folder is touched then.
    """
    progress, clock, budget = progress or Progress(), Clock(), Budget(options.max_seconds)
    output = Path(options.output)
    progress.stage(f"reading {data}")
    prepared = prepare(data, options, progress)
    clock.lap("read")
    check_keys_fit(prepared.panel)
    facts = facts_of(options, prepared.panel)
    fingerprint = fingerprint_of(facts, stats=options.stats)
    finished = finished_report(output, fingerprint, options)
    if finished is not None:
        progress.say(f"{output} already holds this model: nothing to do")
        return finished
    run_dir = make_run_dir(options)
    space = Space.of(prepared.split)
    facts |= {
        "space": asdict(space),
        "packages": {name: version(name) for name in PACKAGES},
        "options": options.values("data", "search"),
    }
    built = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    size = (prepared.panel.y.nbytes + prepared.panel.x.nbytes) * (2 if options.audit else 1)
    with open_run(options, run_dir, facts, size, progress) as (jobs, pool):
        try:
            clear_leftovers(output)
            outcome = _Run(options, prepared, space, jobs, pool, budget, progress, clock).to_the_end(built)
            progress.stage("writing the report")
            report = summarise(outcome, str(output), clock.parts, clock.total)
            report["extracts"] = outcome.extracts
            report["reproduce"] = plain(reproduction(data, options, prepared.panel, outcome.workers["count"]))
            kept = without_places(report)
            write_json(built / "report.json", kept)
            write_page(kept, built / PAGE)
            known = {"fingerprint": fingerprint, "trials": options.trials, "audit": outcome.audit["kind"]}
            seal(built, known | _limits(options, outcome) | in_short(report, prepared.panel))
            publish(built, output)
        finally:
            shutil.rmtree(built, ignore_errors=True)
        jobs.journal.append({"kind": "finished", "output": str(output), "trials": len(outcome.search.trials)})
    return report


@dataclass
class _Run:
    """One run from the data on: everything that needs TensorFlow is a job for the workers."""

    options: FitOptions
    prepared: Prepared
    space: Space
    jobs: Jobs
    pool: Pool
    budget: Budget
    progress: Progress
    clock: Clock

    def to_the_end(self, built: Path) -> Outcome:
        """Return the outcome of search, test fit, comparison and refit; in `built` is the folder but its report."""
        prepared, options = self.prepared, self.options
        search = self._search()
        self.clock.lap("search")
        training_jobs, ensemble, references = self._models(search)
        audit = LeakageAudit(options, prepared, training_jobs)
        audit.begin(search.best)
        self.clock.lap("audit")
        comparison = CellComparison(training_jobs, search, options.compare)
        judged, blend = self._judge_all(ensemble, references, comparison)
        self.progress.stage("training the networks once more, with the newest rows")
        ensemble.refit()
        self.clock.lap("refit")
        audited = self._audited(audit, search, ensemble, judged)
        self.clock.lap("audit")
        forecaster = _forecaster(prepared, ensemble, references, judged, blend)
        saved_model = self._build(built, ensemble, forecaster, judged)
        self.clock.lap("export")
        given_up = _budget_warning(search, options, training_jobs.given_up)
        for warning in [*training_jobs.warnings, *given_up]:
            self.progress.warn(warning)
        return Outcome(
            prepared=prepared,
            rows=[one.row for one in judged],
            search=search,
            ensemble=ensemble,
            blend=blend,
            seed=options.seed,
            saved_model=saved_model,
            warnings=prepared.warnings + training_jobs.warnings + given_up,
            given_up=bool(given_up),
            workers=_worker_facts(self.pool),
            audit=audited,
            extracts=extracts(prepared.panel, prepared.split, judged, _next_forecast(forecaster), rows=options.context),
            explained=self._explained(ensemble, comparison),
        )

    def _search(self) -> loop.Search:
        options = self.options
        save_split(self.jobs.folder, loop.DATA, self.prepared.split)
        hyperband = options.tuner == "hyperband"
        return loop.search(
            self.space,
            self.jobs,
            Proposer(options.tuner, self.space, options.trials, options.seed),
            lag=self.jobs.journal.begin["lag"],
            seed=options.seed,
            prune=options.prune and not hyperband,  # which has rungs of its own
            total=None if hyperband else options.trials,  # there `trials` bounds the work, not the count
            budget=self.budget,
            progress=self.progress,
        )

    def _models(
        self, search: loop.Search, *, ships: bool = True
    ) -> tuple[TrainingJobs, EnsembleMembers, ReferenceModels]:
        """Return the networks of the search and the models they have to beat, with the jobs that train both."""
        options = self.options
        training_jobs = TrainingJobs(self.prepared.split, self.space, self.jobs, options.seed, self.budget)
        training_jobs.save_all_rows()
        ensemble = EnsembleMembers(training_jobs, search, several=options.blend, ships=ships)
        return training_jobs, ensemble, ReferenceModels(training_jobs, statistical=options.blend and options.stats)

    def _audited(
        self, audit: LeakageAudit, search: loop.Search, ensemble: EnsembleMembers, judged: list[Judged]
    ) -> Report:
        """Return the result of the leak audit; with `audit`, all up to the test scores is done again beside noise."""
        audit.receive()
        if self.options.audit and not audit.moved:
            self.progress.say("leak audit: the whole search once more, with noise in the place of the test set")
            prepared, clock = decide(with_noise(self.prepared.reading, self.prepared.split.test), self.options), Clock()
            with second_search(self.jobs, prepared.panel, fresh=self.options.fresh) as jobs:
                again = replace(self, prepared=prepared, space=Space.of(prepared.split), jobs=jobs, clock=clock)
                second, cut = again.up_to_the_test()
            cut |= was_cut(search, audit.training_jobs)
            audit.compare(traces(search, ensemble, judged), second, clock.total, cut=cut)
        return audit.result()

    def _explained(self, ensemble: EnsembleMembers, comparison: CellComparison) -> Report:
        """Return what the gates of the saved network do; nothing where no row may be shown."""
        if not self.options.context:
            return {}
        self.progress.stage("looking into the gates")
        explained = explain_fit(self.prepared, ensemble, comparison)
        self.clock.lap("explain")
        return explained

    def up_to_the_test(self) -> tuple[Traces, bool]:
        """Return what search and models give up to the test scores, and whether the clock has cut any of it."""
        search = self._search()
        training_jobs, ensemble, references = self._models(search, ships=False)
        judged, _ = self._judge_all(ensemble, references, CellComparison(training_jobs, search, "none"))
        return traces(search, ensemble, judged), was_cut(search, training_jobs)

    def _judge_all(
        self, ensemble: EnsembleMembers, references: ReferenceModels, comparison: CellComparison
    ) -> tuple[list[Judged], EnsembleWeights]:
        """Return the rows of the leaderboard and the weights of the blend; workers train while baselines are judged."""
        self.progress.stage("more seeds of the best networks")
        ensemble.begin()
        simple = references.baselines()
        judged = self._judge([[one] for one in simple])
        ensemble.choose()
        comparison.begin()  # after the test fits, which matter more when time is short
        references.begin()
        self.progress.stage("training the chosen networks for the test set")
        networks = ensemble.test_fit()
        self.clock.lap("test_fit")
        judged += self._judge([[one] for one in networks])
        self.progress.stage("GRU, LSTM and simple RNN side by side")
        groups = comparison.candidates()
        self.clock.lap("comparison")
        judged += self._judge(groups)
        self.progress.stage("classical models, and the blend")
        statistical = references.candidates()
        self.clock.lap("statistical")
        blend, weights = self._blend([networks[-1], *simple, *statistical])
        judged += self._judge([[one] for one in [*statistical, *blend]])
        return compared(with_leads(judged)), weights

    def _blend(self, members: list[Candidate]) -> tuple[list[Candidate], EnsembleWeights]:
        """Return the blend of all networks together with the other models, if it has several, and the weights to ship.

        Those are found anew with the test set as one more fold, as networks are trained anew with its rows.
        """
        if not self.options.blend:
            return [], {}
        forecasts = {NETWORKS: members[0].forecasts} | {one.name: one.forecasts for one in members[1:]}
        split = self.prepared.split
        blend = select_weights(split, {name: one.folds for name, one in forecasts.items()})
        if blend is None or len(blend.weights) < 2:
            return [], {}
        folds = {name: [*forecasts[name].folds, forecasts[name].test.mean] for name in blend.weights}
        shipped = select_weights(split.with_test_as_fold(), folds) or blend
        facts = {"config": {"shares": blend.weights}}
        return [Candidate(BLEND, "blend", weighted(blend.weights, forecasts, blend.folds), facts)], shipped.weights

    def _judge(self, models: list[list[Candidate]]) -> list[Judged]:
        """Return one row for all seeds of each model."""
        split, levels = self.prepared.split, self.prepared.levels
        judged = [Judged.of_seeds([judge(seed, split, levels) for seed in seeds]) for seeds in models]
        self.clock.lap("judging")
        return judged

    def _build(self, built: Path, ensemble: EnsembleMembers, forecaster: Forecaster, judged: list[Judged]) -> Report:
        """Return what the SavedModel takes and gives, and its parity; everything but the report is in `built` then."""
        self.progress.stage("exporting a SavedModel, and checking it in another process")
        write_run(self.jobs.folder, self.prepared.panel, self.prepared.split, judged)
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir()
        state = forecaster.context
        kept = state if self.options.context else SeriesState.without_rows(state.ids, state.last)
        save(replace(forecaster, context=kept), built)
        with tempfile.TemporaryDirectory(prefix="gruforecast-export-") as scratch:
            weights = [ensemble.training_jobs.path(member.saved) for member in ensemble.members]
            parity = export(self.jobs, forecaster, weights, Path(scratch))  # TensorFlow cannot read a path with [ or *
            shutil.copytree(Path(scratch) / "saved_model", built / "saved_model")
        return {**served_by(forecaster).described(), "parity": parity}


def _forecaster(
    prepared: Prepared,
    ensemble: EnsembleMembers,
    references: ReferenceModels,
    judged: list[Judged],
    blend: EnsembleWeights,
) -> Forecaster:
    """Return what `predict` needs; where there is one network, `networks` is another name of it."""
    panel = prepared.reading.panel  # as `predict` would read it
    networks = ensemble.networks()
    calibrations = {one.row.model: one.calibration for one in judged if one.shipped}
    calibrations = {NETWORKS: calibrations.get(NETWORKS, calibrations[networks[0].name]), **calibrations}
    context = SeriesState.of(panel, networks, baselines(prepared.split.season_length))
    return Forecaster(
        networks=networks,
        blend=blend,
        winner=winner([one.row for one in judged]).model,
        calibrations=calibrations,
        plan=panel.plan,
        context=replace(context, forecasts=context.forecasts | references.forecasts),
        scaling=prepared.scaling,
    )


def _next_forecast(forecaster: Forecaster) -> Forecast | None:
    """Return the winner's forecast from the end of the data; None where that takes covariates only the user knows."""
    try:
        return forecaster.predict()
    except UsageError:
        return None


def _worker_facts(pool: Pool) -> dict[str, Any]:
    """Return the count of workers, seconds until they could start, and MB of each process after each job."""
    return {
        "count": pool.count,
        "start_seconds": round(pool.start_seconds, 3),
        "replaced": pool.replaced,
        "resident_mb": [[round(size / 1e6) for size in sizes] for sizes in pool.resident.values()],
    }


def _limits(options: FitOptions, outcome: Outcome) -> dict[str, float | None]:
    """Return the limits that cut this run, None for those that did not."""
    late = any(trial.result.get("late") for trial in outcome.search.trials) or any(
        "`trial_time`" in warning for warning in outcome.warnings
    )
    return {
        "cut_at": options.max_seconds if outcome.given_up else None,
        "late_at": options.trial_seconds if late and not outcome.given_up else None,
    }


def _budget_warning(search: loop.Search, options: FitOptions, parts: list[str]) -> list[str]:
    """Return the warning of what the time budget made `fit` give up, if anything."""
    if search.cut:
        trials = "some trials" if options.tuner == "hyperband" else f"{options.trials} whole trials"
        parts = [f"{trials} ({len(search.trials)} ended)", *parts]
    return [f"{CUT_SHORT} {', '.join(parts)}"] if parts else []
