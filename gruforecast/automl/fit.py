"""The order of the steps of `fit`, nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gruforecast.arrays import Floats
from gruforecast.artifact.export.saved_model import export, served_by
from gruforecast.artifact.folder import publish, save, write_json
from gruforecast.artifact.manifest import seal
from gruforecast.automl.cell_comparison import CellComparison
from gruforecast.automl.ensemble_members import EnsembleMembers
from gruforecast.automl.ensemble_selection import EnsembleWeights, combine, mixed
from gruforecast.automl.explain_fit import explain_fit
from gruforecast.automl.leakage_audit import LeakageAudit, Traces, second_search, traces, was_cut, with_noise
from gruforecast.automl.options import FitOptions
from gruforecast.automl.output import check_keys_fit, facts_of, fingerprint_of, finished_report, make_run_dir
from gruforecast.automl.preparation import Prepared, decide, prepare
from gruforecast.automl.reference_models import ReferenceModels
from gruforecast.automl.reproduce import reproduction
from gruforecast.automl.run_folder import open_run
from gruforecast.automl.search.loop import DATA, Search, search
from gruforecast.automl.search.oracle import Proposer
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import save_split
from gruforecast.automl.summary import PACKAGES, Outcome, in_short, summarise, without_places
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.data.panel import Forecast
from gruforecast.errors import UsageError
from gruforecast.evaluation.leaderboard import Candidate, Judged, compared, judge, winner, with_leads
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import clear_leftovers
from gruforecast.execution.jobs import Jobs
from gruforecast.execution.pool import Pool
from gruforecast.execution.progress import CUT_SHORT, Budget, Clock, Progress
from gruforecast.models.baselines import baselines
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.inference import Network
from gruforecast.models.registry import BLEND, NETWORKS
from gruforecast.models.series_state import SeriesState
from gruforecast.report.chart_data import extracts
from gruforecast.report.files.run_folder import write_run
from gruforecast.report.page.html import PAGE, write_page

Report = dict[str, Any]
AFTER_THE_SEARCH = ("blend", "compare", "context", "levels", "stats")  # options that may change when a search goes on


def fit(options: FitOptions, progress: Progress | None = None) -> Report:
    """Search, compare, save a model folder; the report of it as a dict, as the command line's `--json` prints it.

    Every result goes into the journal in the run folder at once, so the same call goes on where an earlier one was
    stopped. What libraries write to standard error meanwhile goes into `log.txt` there.

    Raises:
        GruforecastError: one of its kinds, with a remedy; no model folder is touched then.
    """
    progress, clock, budget = progress or Progress(), Clock(), Budget(options.max_time)
    output = Path(options.output)
    progress.stage(f"reading {options.data}")
    prepared = prepare(options, progress)
    clock.lap("read")
    check_keys_fit(prepared.panel)
    facts = facts_of(options, prepared.panel)
    fingerprint = fingerprint_of(facts)
    finished = finished_report(output, fingerprint, options)
    if finished is not None:
        progress.say(f"{output} already holds this model: nothing to do")
        return finished
    run_dir = make_run_dir(options, output)
    space = Space.of(prepared.split)
    facts |= {"space": asdict(space), "packages": {name: version(name) for name in PACKAGES}}
    facts["options"] = {name: value for name, value in facts["options"].items() if name not in AFTER_THE_SEARCH}
    built = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    size = (prepared.panel.y.nbytes + prepared.panel.x.nbytes) * (2 if options.audit else 1)
    with open_run(options, run_dir, facts, size, progress) as (jobs, pool):
        run = _Run(options, prepared, space, jobs, pool, budget, progress, clock)
        try:
            clear_leftovers(output)
            outcome = run.to_the_end(built)
            progress.stage("writing the report")
            report = summarise(outcome, str(output), clock.parts, clock.total)
            again = reproduction(options, prepared.panel, outcome.workers["count"])
            report |= {"extracts": outcome.extracts, "reproduce": again}
            kept = without_places(report)
            write_json(built / "report.json", kept)
            write_page(kept, built / PAGE)
            known = {"fingerprint": fingerprint, "trials": options.trials, "audit": outcome.audit["kind"]}
            seal(built, known | _limits(options, outcome) | in_short(report, prepared.panel))
            publish(built, output)
        finally:
            shutil.rmtree(built, ignore_errors=True)
        jobs.journal.append({"kind": "finished", "output": str(output), "trials": len(outcome.found.trials)})
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
        """Search, test fit, comparison, refit, and the folder `built` but its report."""
        prepared, options = self.prepared, self.options
        found = self._search()
        self.clock.lap("search")
        contest, finals, rivals = self._enter(found)
        audit = LeakageAudit(options, prepared, contest)
        audit.begin(found.best)
        self.clock.lap("audit")
        comparison = CellComparison(contest, found, options.compare)
        judged, blended = self._judge_all(finals, rivals, comparison)
        self._refit(finals)
        audited = self._audited(audit, found, finals, judged)
        self.clock.lap("audit")
        forecaster = _forecaster(prepared, finals.networks(), rivals.ends, judged, blended)
        saved_model = self._build(built, finals, forecaster, judged)
        self.clock.lap("export")
        given_up = self._given_up(found, contest)
        return Outcome(
            panel=prepared.panel,
            horizon=prepared.split.horizon,
            season_length=prepared.split.season_length,
            folds=len(prepared.split.folds),
            levels=prepared.levels,
            rows=[one.row for one in judged],
            found=found,
            networks=finals.networks_facts(),
            blend=blended,
            seed=options.seed,
            digests=finals.digests(),
            saved_model=saved_model,
            refitted=finals.refitted,
            notes=prepared.notes,
            warnings=prepared.warnings + contest.warnings + given_up,
            given_up=bool(given_up),
            scored=_scored(prepared.split),
            workers=_worker_facts(self.pool),
            audit=audited,
            extracts=extracts(prepared.panel, prepared.split, judged, _ahead(forecaster), rows=options.context),
            explained=self._explained(finals, comparison),
        )

    def _refit(self, finals: EnsembleMembers) -> None:
        self.progress.stage("training the networks once more, with the newest rows")
        finals.refit()
        self.clock.lap("refit")

    def _given_up(self, found: Search, contest: TrainingJobs) -> list[str]:
        """Return what the time budget made it give up; all warnings are said."""
        given_up = _budget_warning(found, self.options, contest.given_up)
        for warning in [*contest.warnings, *given_up]:
            self.progress.warn(warning)
        return given_up

    def _search(self) -> Search:
        options = self.options
        save_split(self.jobs.folder, DATA, self.prepared.split)
        hyperband = options.tuner == "hyperband"
        return search(
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

    def _enter(self, found: Search, *, ships: bool = True) -> tuple[TrainingJobs, EnsembleMembers, ReferenceModels]:
        """Return what the networks that were found take part in."""
        options = self.options
        contest = TrainingJobs(self.prepared.split, self.space, self.jobs, options.seed, self.budget)
        contest.save_all_rows()
        finals = EnsembleMembers(contest, found, several=options.blend, ships=ships)
        return contest, finals, ReferenceModels(contest, statistical=options.blend and options.stats)

    def _audited(self, audit: LeakageAudit, found: Search, finals: EnsembleMembers, judged: list[Judged]) -> Report:
        """What the leak audit says; where it is asked for, all up to the test scores is done again beside noise."""
        audit.hear()
        if self.options.audit and not audit.moved:
            self.progress.say("leak audit: the whole search once more, with noise in the place of the test set")
            prepared, clock = decide(with_noise(self.prepared.reading, self.prepared.split.test), self.options), Clock()
            with second_search(self.jobs, prepared.panel, fresh=self.options.fresh) as jobs:
                again = replace(self, prepared=prepared, space=Space.of(prepared.split), jobs=jobs, clock=clock)
                second, cut = again.up_to_the_test()
            cut |= was_cut(found, audit.contest)
            audit.compare(traces(found, finals, judged), second, clock.total, cut=cut)
        return audit.result()

    def _explained(self, finals: EnsembleMembers, comparison: CellComparison) -> Report:
        """Return what the gates of the saved network do; nothing where no row may be shown."""
        if not self.options.context:
            return {}
        self.progress.stage("looking into the gates")
        found = explain_fit(self.prepared, finals, comparison)
        self.clock.lap("explain")
        return found

    def up_to_the_test(self) -> tuple[Traces, bool]:
        """What the search and all that follows it gives up to the test scores, and whether the clock has cut it."""
        found = self._search()
        contest, finals, rivals = self._enter(found, ships=False)
        judged, _ = self._judge_all(finals, rivals, CellComparison(contest, found, "none"))
        return traces(found, finals, judged), was_cut(found, contest)

    def _judge_all(
        self, finals: EnsembleMembers, rivals: ReferenceModels, comparison: CellComparison
    ) -> tuple[list[Judged], EnsembleWeights]:
        """Every row of the leaderboard, and the shares of the blend; baselines are judged while the workers train."""
        self.progress.stage("more seeds of the best networks")
        finals.begin()
        simple = rivals.baselines()
        judged = [self._judge([candidate]) for candidate in simple]
        self.clock.lap("judging")
        finals.choose()
        comparison.begin()  # after the test fits, which matter more when time is short
        rivals.begin()
        self.progress.stage("training the chosen networks for the test set")
        networks = finals.test_fit()
        self.clock.lap("test_fit")
        judged += [self._judge([candidate]) for candidate in networks]
        self.clock.lap("judging")
        self.progress.stage("GRU, LSTM and simple RNN side by side")
        groups = comparison.candidates()
        self.clock.lap("comparison")
        judged += [self._judge(group) for group in groups]
        self.clock.lap("judging")
        self.progress.stage("models that are no networks, and the blend")
        statistical = rivals.candidates()
        self.clock.lap("statistical")
        blend, shares = self._blend([networks[-1], *simple, *statistical])
        judged += [self._judge([candidate]) for candidate in [*statistical, *blend]]
        self.clock.lap("judging")
        return compared(with_leads(judged)), shares

    def _blend(self, members: list[Candidate]) -> tuple[list[Candidate], EnsembleWeights]:
        """The blend of all networks together with the other models, if it is worth the name, and the shares to ship.

        Those are found anew with the test set as one more fold, as networks are trained anew with its rows.
        """
        names = [NETWORKS, *(one.name for one in members[1:])]
        forecasts = {name: one.forecasts for name, one in zip(names, members, strict=True)}
        split = self.prepared.split
        found = combine(split, {name: one.folds for name, one in forecasts.items()}) if self.options.blend else None
        if found is None or len(found.shares) < 2:
            return [], {}
        later = {name: [*forecasts[name].folds, forecasts[name].test.mean] for name in found.shares}
        again = combine(split.with_test_as_fold(), later) or found
        facts = {"config": {"shares": found.shares}}
        return [Candidate(BLEND, "blend", mixed(found.shares, forecasts, found.folds), facts)], again.shares

    def _judge(self, seeds: list[Candidate]) -> Judged:
        """Return one row for all seeds of a model."""
        return Judged.of_seeds([judge(candidate, self.prepared.split, self.prepared.levels) for candidate in seeds])

    def _build(self, built: Path, finals: EnsembleMembers, forecaster: Forecaster, judged: list[Judged]) -> Report:
        """Write everything but the report into `built`; what the SavedModel takes and gives, and its parity."""
        self.progress.stage("exporting a SavedModel, and checking it in another process")
        write_run(self.jobs.folder, self.prepared.panel, self.prepared.split, judged)
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir()
        ends = forecaster.context
        kept = ends if self.options.context else SeriesState.without_rows(ends.ids, ends.last)
        save(replace(forecaster, context=kept), built)
        with tempfile.TemporaryDirectory(prefix="gruforecast-export-") as scratch:
            weights = [finals.contest.path(member.saved) for member in finals.members]
            found = export(self.jobs, forecaster, weights, Path(scratch))  # TensorFlow cannot read a path with [ or *
            shutil.copytree(Path(scratch) / "saved_model", built / "saved_model")
        return {**served_by(forecaster).described(), "parity": found}


def _forecaster(
    prepared: Prepared,
    networks: tuple[Network, ...],
    ends: dict[str, Floats],
    judged: list[Judged],
    blend: EnsembleWeights,
) -> Forecaster:
    """Return what `predict` needs; where there is one network, `networks` is another name of it."""
    panel = prepared.reading.panel  # as `predict` would read it
    calibrations = {one.row.model: one.calibration for one in judged if one.shipped}
    calibrations = {NETWORKS: calibrations.get(NETWORKS, calibrations[networks[0].name]), **calibrations}
    context = SeriesState.of(panel, networks, baselines(prepared.split.season_length))
    return Forecaster(
        networks=networks,
        blend=blend,
        winner=winner([one.row for one in judged]).model,
        calibrations=calibrations,
        plan=panel.plan,
        context=replace(context, forecasts=context.forecasts | ends),
        scaling=prepared.scaling,
    )


def _ahead(forecaster: Forecaster) -> Forecast | None:
    """What the winner forecasts from the end of the data; None where that takes columns that only the user knows."""
    try:
        return forecaster.predict()
    except UsageError:
        return None


def _worker_facts(pool: Pool) -> dict[str, Any]:
    """How many workers there were, seconds until they could start, and memory of each process after each job in MB."""
    return {
        "count": pool.count,
        "start_seconds": round(pool.start_seconds, 3),
        "replaced": pool.replaced,
        "resident_mb": [[round(size / 1e6) for size in sizes] for sizes in pool.resident.values()],
    }


def _scored(divided: Split) -> tuple[int, int]:
    """Return how many series are scored on the test set, and how many of those have no MASE scale."""
    windows = divided.test_windows()
    scale = divided.mase_scale(windows)
    return len(windows), int((~(scale > 0)).sum())


def _limits(options: FitOptions, outcome: Outcome) -> dict[str, float | None]:
    """Return the limits that cut this run, None for those that did not."""
    late = any(trial.result.get("late") for trial in outcome.found.trials)
    late |= any("--trial-time" in warning for warning in outcome.warnings)
    return {
        "cut_at": options.max_time if outcome.given_up else None,
        "late_at": options.trial_time if late and not outcome.given_up else None,
    }


def _budget_warning(found: Search, options: FitOptions, parts: list[str]) -> list[str]:
    """Return what the time budget made `fit` give up."""
    missing = []
    if found.cut:
        some = "some trials" if options.tuner == "hyperband" else f"{options.trials} whole trials"
        missing.append(f"{some} ({len(found.trials)} ended)")
    missing += parts
    return [f"{CUT_SHORT} {', '.join(missing)}"] if missing else []
