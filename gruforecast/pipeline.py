"""The order of the steps of `fit`, nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast import __version__
from gruforecast.artifact.folder import check_files, publish, read_manifest, save, seal, write_json
from gruforecast.backtest import Split, split
from gruforecast.contest import Contest
from gruforecast.data.panel import Reading, read_csv
from gruforecast.data.season import detect_season
from gruforecast.data.table import Panel
from gruforecast.errors import DataError, ModelError, ResourceError
from gruforecast.forecaster import NETWORKS, Ends, Forecaster
from gruforecast.forward import Weights
from gruforecast.intervals import LEVELS, needed_scores, supported_levels
from gruforecast.leaderboard import Judged, interval_scale, judge, mean_row, winner
from gruforecast.log import native_stderr_to
from gruforecast.options import FitOptions
from gruforecast.progress import Budget, Clock, Progress
from gruforecast.report.summary import Outcome, summarise
from gruforecast.search.loop import Search, Trial, search
from gruforecast.search.space import Space
from gruforecast.search.trial import load_weights, save_split

HORIZONS = {"Y": 6, "Q": 8, "M": 12, "W": 13, "D": 14, "B": 14, "h": 24}
Report = dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """The data, read and divided, before any model is trained."""

    reading: Reading
    split: Split
    levels: tuple[float, ...]
    notes: list[str]
    warnings: list[str]

    @property
    def panel(self) -> Panel:
        """The series."""
        return self.reading.panel


def fit(options: FitOptions, progress: Progress | None = None) -> Report:
    """Search, compare, save a model folder; the report of it as a dict, as the command line's `--json` prints it.

    What native libraries write to standard error goes into `log.txt` in the run folder.

    Raises:
        GruforecastError: one of its kinds, with a remedy; no model folder is touched then.
    """
    progress, clock, budget = progress or Progress(), Clock(), Budget(options.max_time)
    output = Path(options.output)
    prepared = prepare(options, progress)
    clock.lap("read")
    fingerprint = _fingerprint(options, prepared)
    finished = _finished(output, fingerprint, options)
    if finished is not None:
        progress.say(f"{output} already holds this model: nothing to do")
        return finished
    run_dir = _make_run_dir(options, output)
    built = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    with native_stderr_to(run_dir / "log.txt"):
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
    _write_run(run_dir, prepared, judged)
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


def prepare(options: FitOptions, progress: Progress) -> Prepared:
    """The data of `options`, with season, horizon, folds and levels found where they were not given.

    Season and levels are found from the rows before the test part.
    """
    reading = read_csv(options.data, time=options.time, target=options.target, ids=options.ids, freq=options.freq)
    panel, file = reading.panel, Path(options.data).name
    notes, warnings = list(reading.found), list(reading.warnings)
    for note in notes:
        progress.say(note)
    for warning in warnings:
        progress.warn(warning)
    said, warned = len(notes), len(warnings)
    horizon, season = options.horizon, options.season
    if horizon is None and season is None and panel.freq.label not in HORIZONS:
        season = _season(panel, int(panel.lengths.max()) // 6)
    if horizon is None:
        horizon = HORIZONS.get(panel.freq.label) or max(6, 2 * (season or 1))
        notes.append(f"horizon {horizon}")
    if options.season is None:
        season = _season(panel, horizon)
        notes.append(f"season of {season} rows" if season > 1 else "no season")
    divided = _divide(panel, horizon, options.folds, season or 1, file, notes)
    notes.append("cutoffs by date" if panel.ends_together else "cutoffs by position: the series end at different times")
    levels = _levels(options, divided, file, warnings)
    for note in notes[said:]:
        progress.say(note)
    for warning in warnings[warned:]:
        progress.warn(warning)
    return Prepared(reading, divided, levels, notes, warnings)


def _divide(panel: Panel, horizon: int, folds: int, season: int, file: str, notes: list[str]) -> Split:
    """The split, with only folds that can be scored.

    Raises:
        DataError: no fold or no test part can be scored.
    """
    whole = split(panel, horizon, folds, season, file)
    divided = whole.scorable()
    if not len(divided.folds) or not divided.can_judge():
        part = "test part" if len(divided.folds) else "fold before the test part"
        raise DataError(
            f"no {part} can be scored: there the values are missing, or until then they never change.",
            remedy="Leave constant series out, give more rows, or pass another --horizon.",
            code="GF-D43",
            file=file,
        )
    if len(whole.folds) < folds:
        notes.append(f"{len(whole.folds)} folds instead of {folds}, because the series are short")
    if len(divided.folds) < len(whole.folds):
        notes.append(f"{len(divided.folds)} folds instead of {len(whole.folds)}, because the others cannot be scored")
    return divided


def _season(panel: Panel, horizon: int) -> int:
    """The season found in the rows before the test part; never longer than half the longest series."""
    start, end = panel.indptr[:-1], panel.indptr[1:]
    before = panel.rows(start, np.maximum(end - horizon, np.minimum(start + 1, end)))
    found = detect_season(before.y, before.indptr, panel.freq)
    return found if found <= int(panel.lengths.max()) // 2 else 1


def _levels(options: FitOptions, divided: Split, file: str, warnings: list[str]) -> tuple[float, ...]:
    """The interval levels that the origins before the test part support."""
    actual = divided.actual(divided.calibration_windows())
    asked = options.levels or LEVELS
    possible = supported_levels(actual, tuple(set(asked)))
    for level in sorted(set(asked) - set(possible)):
        count = int((~np.isnan(actual)).sum())
        text = f"intervals of {level:g} % need {needed_scores(level)} errors before the test part, there are {count}."
        if options.levels:
            remedy = "Give more rows, a shorter --horizon or more --folds, or leave --level out."
            raise DataError(text, remedy=remedy, code="GF-D41", file=file)
        warnings.append(f"{text[:-1]}: left out")
    return possible


def _fingerprint(options: FitOptions, prepared: Prepared) -> str:
    """SHA-256 of the data as parsed and of every option that changes the result, except the number of trials."""
    neutral = replace(options, data="", output="", run_dir=None, overwrite=False, trials=1, max_time=None)
    text = json.dumps([__version__, prepared.panel.digest(), repr(neutral)])
    return hashlib.sha256(text.encode()).hexdigest()


def _finished(output: Path, fingerprint: str, options: FitOptions) -> Report | None:
    """The report of an earlier run of the same command, None when there is work to do.

    Raises:
        ModelError: `output` exists and holds something else.
        ResourceError: `output` cannot be written.
    """
    if output.exists() or output.is_symlink():
        manifest = _manifest_or_none(output)
        same = manifest is not None and manifest.get("fingerprint") == fingerprint
        if same and manifest is not None and _enough(manifest, options) and not options.overwrite:
            check_files(output, manifest)
            report: Report = json.loads((output / "report.json").read_text(encoding="utf-8"))
            return report
        if not same and not options.overwrite:
            text = "the folder exists and was not made by this command with these data and options."
            remedy = "Choose another folder with -o, or pass --overwrite."
            raise ModelError(text, remedy=remedy, code="GF-M11", file=str(output))
        if manifest is None and not _is_empty_folder(output):
            text = "this holds something else than a model: it is not replaced."
            raise ModelError(text, remedy="Choose another name with -o.", code="GF-M12", file=str(output))
    parent = output.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        remedy = "Create it, or choose another place with -o."
        raise ResourceError(
            "this folder is missing or cannot be written.", remedy=remedy, code="GF-E02", file=str(parent)
        )
    return None


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _enough(manifest: dict[str, Any], options: FitOptions) -> bool:
    """Whether an earlier run did all that is asked: as many trials, and not cut short by a smaller time budget."""
    limit, trials = manifest.get("cut_at"), manifest.get("trials")
    in_time = limit is None or (options.max_time is not None and options.max_time <= limit)
    return isinstance(trials, int) and trials >= options.trials and in_time


def _manifest_or_none(output: Path) -> dict[str, Any] | None:
    try:
        return read_manifest(output)
    except ModelError:
        return None


def _make_run_dir(options: FitOptions, output: Path) -> Path:
    run_dir = Path(options.run_dir) if options.run_dir else output.with_name(f"{output.name}.run")
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "Choose another place with --run-dir."
        raise ResourceError(
            f"cannot make it: {error.strerror}.", remedy=remedy, code="GF-E03", file=str(run_dir)
        ) from error
    return run_dir


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


def _write_run(run_dir: Path, prepared: Prepared, judged: list[Judged]) -> None:
    """Train part, test part and every model's test forecasts as CSV, so that anyone can score them again."""
    import pandas as pd

    panel, divided = prepared.panel, prepared.split
    start, end = panel.indptr[:-1], panel.indptr[1:]
    for name, part in (("train", panel.rows(start, divided.test)), ("test", panel.rows(divided.test, end))):
        keys = ["/".join(panel.ids[k]) for k in np.repeat(np.arange(len(panel)), part.lengths)]
        frame = pd.DataFrame({"unique_id": keys, "ds": part.form.write(part.ds), "y": part.y})
        frame.to_csv(run_dir / f"{name}.csv", index=False)
    windows = divided.test_windows()
    rows = windows.end[:, None] + np.arange(divided.horizon)
    keys = ["/".join(panel.ids[k]) for k in np.repeat(windows.series, divided.horizon)]
    stamps = panel.form.write(panel.ds[rows])
    for one in judged:
        columns: dict[str, Any] = {"unique_id": keys, "ds": stamps, "y_hat": one.mean.ravel()}
        for k, level in enumerate(one.calibration.levels):
            columns[f"lo-{level:g}"] = one.lower[:, :, k].ravel()
            columns[f"hi-{level:g}"] = one.upper[:, :, k].ravel()
        name = one.row.model.replace(" ", "-").replace("(", "").replace(")", "")
        pd.DataFrame(columns).to_csv(run_dir / f"test-forecast-{name}.csv", index=False)


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
