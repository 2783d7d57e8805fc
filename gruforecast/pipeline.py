"""The order of the steps of `fit`, nothing else."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from gruforecast.artifact.folder import publish, save, seal, write_json
from gruforecast.artifact.output import fingerprint_of, finished_report, make_run_dir
from gruforecast.backtest import Split
from gruforecast.contest import Contest
from gruforecast.forecaster import NETWORKS, Ends, Forecaster
from gruforecast.forward import Weights
from gruforecast.leaderboard import Judged, interval_scale, judge, mean_row, winner
from gruforecast.log import stderr_to
from gruforecast.options import FitOptions
from gruforecast.prepare import Prepared, prepare
from gruforecast.progress import Budget, Clock, Progress
from gruforecast.report.run_folder import write_run
from gruforecast.report.summary import Outcome, summarise
from gruforecast.search.loop import Search, Trial, search
from gruforecast.search.space import Space
from gruforecast.search.trial import load_weights, save_split

Report = dict[str, Any]


def fit(options: FitOptions, progress: Progress | None = None) -> Report:
    """Search, compare, save a model folder; the report of it as a dict, as the command line's `--json` prints it.

    What libraries write to standard error meanwhile goes into `log.txt` in the run folder.

    Raises:
        GruforecastError: one of its kinds, with a remedy; no model folder is touched then.
    """
    progress, clock, budget = progress or Progress(), Clock(), Budget(options.max_time)
    output = Path(options.output)
    prepared = prepare(options, progress)
    clock.lap("read")
    fingerprint = fingerprint_of(options, prepared.panel)
    finished = finished_report(output, fingerprint, options)
    if finished is not None:
        progress.say(f"{output} already holds this model: nothing to do")
        return finished
    run_dir = make_run_dir(options, output)
    built = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    with stderr_to(run_dir / "log.txt"):
        outcome = _train_and_build(options, prepared, run_dir, built, budget, progress, clock)
    report = summarise(outcome, str(output), clock.parts, clock.total)
    write_json(built / "report.json", report)
    limit = options.max_time if outcome.given_up else None
    facts = {"fingerprint": fingerprint, "trials": options.trials, "cut_at": limit, "versions": report["versions"]}
    seal(built, facts)
    publish(built, output)
    return report


def _train_and_build(
    options: FitOptions,
    prepared: Prepared,
    run_dir: Path,
    built: Path,
    budget: Budget,
    progress: Progress,
    clock: Clock,
) -> Outcome:
    """Everything that needs TensorFlow: search, test fit, comparison, refit, and the folder `built` but its report."""
    contest, found = _search(options, prepared, run_dir, budget, progress)
    clock.lap("search")
    judged, chosen, scored, cut = _judge_all(contest, found, options, prepared, clock)
    weights, refitted = _refit(contest, chosen, scored, prepared, run_dir)
    clock.lap("refit")
    write_run(run_dir, prepared.panel, prepared.split, judged)
    parity = _build(built, _forecaster(prepared, chosen, weights[0], judged))
    clock.lap("export")
    given_up = _given_up(found, options, judged, [*["the whole test fit"] * cut, *["the refit"] * (not refitted)])
    for warning in given_up:
        progress.warn(warning)
    return Outcome(
        panel=prepared.panel,
        horizon=prepared.split.horizon,
        season_length=prepared.split.season_length,
        folds=len(prepared.split.folds),
        levels=prepared.levels,
        rows=[one.row for one in judged],
        found=found,
        chosen=chosen,
        seed=options.seed,
        digests={"scored": scored[1], "saved": weights[1]},
        parity=parity,
        refitted=refitted,
        notes=prepared.notes,
        warnings=prepared.warnings + given_up,
        given_up=bool(given_up),
        scored=_scored(prepared.split),
    )


def _search(
    options: FitOptions, prepared: Prepared, run_dir: Path, budget: Budget, progress: Progress
) -> tuple[Contest, Search]:
    data = run_dir / "split.npz"
    save_split(data, prepared.split)
    space = Space.of(prepared.split)
    found = search(
        space, data, tuner=options.tuner, trials=options.trials, seed=options.seed, budget=budget, progress=progress
    )
    return Contest(prepared.split, space, found, data, options.seed, budget, progress), found


def _judge_all(
    contest: Contest, found: Search, options: FitOptions, prepared: Prepared, clock: Clock
) -> tuple[list[Judged], Trial, tuple[Path, str], bool]:
    """Every row of the leaderboard, the chosen trial, and of its weights scored on the test part path and digest.

    Last, whether the time budget cut their training short.
    """
    chosen = found.best
    fitted, weights = contest.test_fit(chosen, "gru")
    clock.lap("test_fit")
    groups = [[contest.best_gru(chosen, fitted, weights)]]
    comparison = {"short": contest.short_comparison, "full": contest.full_comparison}.get(options.compare)
    groups += comparison() if comparison else []
    clock.lap("comparison")
    groups += [[candidate] for candidate in contest.baselines()]
    judged = []
    for group in groups:
        seeds = [judge(candidate, prepared.split, prepared.levels) for candidate in group]
        judged.append(replace(seeds[0], row=mean_row([one.row for one in seeds])))
    clock.lap("judging")
    return judged, chosen, (weights, fitted["digest"]), bool(fitted.get("cut"))


def _refit(
    contest: Contest, chosen: Trial, scored: tuple[Path, str], prepared: Prepared, run_dir: Path
) -> tuple[tuple[Weights, str], bool]:
    """Weights to save with their digest, and whether they learned from the newest rows."""
    path, digest = scored
    if not contest.budget.over("refit"):
        data = run_dir / "split-all.npz"
        save_split(data, replace(prepared.split, test=prepared.panel.indptr[1:]))
        result, newer = contest.refit(chosen, path, data)
        if result["status"] == "completed":
            return (load_weights(str(newer)), result["digest"]), True
    return (load_weights(str(path)), digest), False


def _forecaster(prepared: Prepared, chosen: Trial, weights: Weights, judged: list[Judged]) -> Forecaster:
    panel = prepared.panel
    calibrations = {
        NETWORKS if one.row.kind == "gru" else one.row.model: one.calibration for one in judged if one.row.competes
    }
    best = winner([one.row for one in judged])
    return Forecaster(
        config=chosen.network,
        weights=weights,
        winner=NETWORKS if best.kind == "gru" else best.model,
        calibrations=calibrations,
        names=panel.names,
        freq=panel.freq,
        form=panel.form,
        context=Ends.of(panel, chosen.network),
    )


def _build(built: Path, forecaster: Forecaster) -> float:
    """Write everything but the report into `built`; the parity of the SavedModel, checked in another process."""
    from gruforecast.artifact.export import check_parity, write_saved_model

    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    try:
        save(forecaster, built)
        write_saved_model(forecaster.config, forecaster.weights, built / "saved_model")
        return check_parity(built / "saved_model", forecaster.context.past, forecaster.config, forecaster.weights)
    except BaseException:
        shutil.rmtree(built, ignore_errors=True)
        raise


def _scored(divided: Split) -> tuple[int, int]:
    """How many series are scored on the test part, and how many of those have no MASE scale."""
    windows = divided.test_windows()
    scale = interval_scale(divided, windows)
    return len(windows), int((~(scale > 0)).sum())


def _given_up(found: Search, options: FitOptions, judged: list[Judged], parts: list[str]) -> list[str]:
    """What the time budget made `fit` give up."""
    if options.max_time is None:
        return []
    missing = []
    if len(found.trials) < options.trials and options.tuner != "hyperband":
        missing.append(f"{options.trials - len(found.trials)} of {options.trials} trials")
    cells = {one.row.kind for one in judged if not one.row.competes}
    wanted = {"short": {"gru", "lstm", "rnn"}, "full": {"lstm", "rnn"}, "none": set()}[options.compare]
    missing += [f"the {cell} comparison" for cell in sorted(wanted - cells)]
    missing += parts
    return [f"the time budget did not allow for {', '.join(missing)}"] if missing else []
