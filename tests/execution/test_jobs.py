"""Workers die, hang, leak and raise: each costs what it should, and the search goes on or stops with the cause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import fakes
import pytest
from makers import ROOT, SUPPORT, eventually

import gruforecast.automl.search.loop
import gruforecast.execution.jobs
from gruforecast.errors import ResourceError, SearchError
from gruforecast.execution.pool import Pool, Task
from gruforecast.execution.progress import Budget


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the search call a function of `fakes` instead of training."""

    def use(name: str) -> None:
        monkeypatch.setattr(gruforecast.automl.search.loop, "RUN_TRIAL", f"fakes:{name}")

    use("trial")
    return use


def searched(folder: Path, trials: int = fakes.TRIALS, **options: Any) -> Any:
    with fakes.open_jobs(folder, **options) as jobs:
        return fakes.run(jobs, trials)


def statuses(found: Any) -> list[str]:
    return [trial.result["status"] for trial in found.trials]


def test_speed_and_order_of_the_workers_change_nothing(tmp_path: Path, trainer: Any) -> None:
    boards = []
    for count in (1, 2, 3):
        folder = tmp_path / str(count)
        folder.mkdir()
        with Pool(count, folder / "log.txt", preload=()) as pool:
            boards.append(fakes.leaderboard(searched(folder, runner=pool)))
    assert boards[0] == boards[1] == boards[2]
    assert len(boards[0]) == fakes.TRIALS


def test_a_finished_search_runs_nothing_again(tmp_path: Path, trainer: Any) -> None:
    wanted = fakes.leaderboard(searched(tmp_path))
    trainer("always_raise")
    assert fakes.leaderboard(searched(tmp_path)) == wanted


def test_a_segmentation_fault_costs_one_trial(tmp_path: Path, trainer: Any) -> None:
    trainer("crash_at_3")
    found = searched(tmp_path)
    assert statuses(found) == ["completed"] * 3 + ["crashed"] + ["completed"] * 8
    assert found.trials[3].result["error"] == "crashed (signal 11)"
    again = searched(tmp_path)
    assert fakes.leaderboard(again) == fakes.leaderboard(found)


def test_a_worker_that_is_killed_once_is_replaced_and_the_trial_tried_again(tmp_path: Path, trainer: Any) -> None:
    (tmp_path / "calm").mkdir()
    wanted = fakes.leaderboard(searched(tmp_path / "calm"))
    trainer("crash_once_at_3")
    assert fakes.leaderboard(searched(tmp_path)) == wanted
    (tmp_path / "once").mkdir()
    found = searched(tmp_path / "once", retries=0)
    assert statuses(found).count("crashed") == 1


def test_the_same_crash_five_times_stops_with_its_text(tmp_path: Path, trainer: Any) -> None:
    trainer("always_raise")
    with pytest.raises(SearchError, match="5 jobs in a row crashed: ValueError: the same every time") as stopped:
        searched(tmp_path)
    assert stopped.value.exit_code == 6
    assert "ValueError: the same every time" in (tmp_path / "log.txt").read_text()


def test_crashes_that_differ_are_all_recorded_and_no_model_comes_out(tmp_path: Path, trainer: Any) -> None:
    trainer("raise_differently")
    found = searched(tmp_path, retries=0)
    assert statuses(found) == ["crashed"] * fakes.TRIALS
    with pytest.raises(SearchError, match="none of 12 trials gave a usable model: 'ValueError: no luck with"):
        _ = found.best


def test_a_full_disk_stops_and_leaves_the_trial_open(tmp_path: Path, trainer: Any) -> None:
    (tmp_path / "calm").mkdir()
    wanted = fakes.leaderboard(searched(tmp_path / "calm"))
    trainer("disk_full_at_2")
    with pytest.raises(ResourceError, match=r"/full/weights.npz: No space left on device") as stopped:
        searched(tmp_path)
    assert stopped.value.exit_code == 5
    assert "trial-002" not in (tmp_path / "journal.jsonl").read_text()
    (tmp_path / "room").touch()
    assert fakes.leaderboard(searched(tmp_path)) == wanted


@pytest.mark.parametrize(("name", "words"), [("no_memory", "memory"), ("no_package", "tensorflow")])
def test_faults_of_the_machine_are_no_failed_trials(tmp_path: Path, trainer: Any, name: str, words: str) -> None:
    trainer(name)
    with pytest.raises(ResourceError, match=words):
        searched(tmp_path)
    assert "trial-" not in (tmp_path / "journal.jsonl").read_text()


def test_infinite_scores_are_diverged_and_never_best(tmp_path: Path, trainer: Any) -> None:
    trainer("odd_scores")
    found = searched(tmp_path, 4)
    assert statuses(found) == ["completed", "diverged", "diverged", "diverged"]
    assert found.best.number == 0
    text = (tmp_path / "journal.jsonl").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert statuses(searched(tmp_path, 4)) == statuses(found)


def test_a_worker_that_does_not_answer_is_killed(tmp_path: Path, trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gruforecast.execution.jobs, "LEASE", 1.0)
    trainer("hang_at_1")
    found = searched(tmp_path, 6, limit=2.0)
    assert statuses(found).count("crashed") == 1
    assert found.trials[1].result["error"] == "no answer in time"


def test_a_result_that_was_cut_by_a_shorter_limit_is_made_again(tmp_path: Path, trainer: Any) -> None:
    trainer("late")
    for limit, ran in ((5.0, 3), (5.0, 3), (9.0, 6)):
        searched(tmp_path, 3, limit=limit)
        assert len((tmp_path / "ran.txt").read_text().splitlines()) == ran


def test_a_used_up_budget_ends_the_search_with_what_it_has(tmp_path: Path, trainer: Any) -> None:
    trainer("hang_at_1")
    with fakes.open_jobs(tmp_path) as jobs:
        found = fakes.run(jobs, 5000, Budget(3.0))
    assert 0 < len(found.trials) < 5000
    assert 1 not in [trial.number for trial in found.trials]
    assert '"trial-001"' not in (tmp_path / "journal.jsonl").read_text()


def test_workers_that_grow_are_replaced(tmp_path: Path) -> None:
    requests = [
        Task(f"t{k}", "fakes:grow", {"number": k, "folder": str(tmp_path), "weights": f"{k}.npz", "training": TRAINING})
        for k in range(6)
    ]
    pids = {}
    for limit in (None, 1):
        with Pool(1, tmp_path / "log.txt", memory=limit, preload=()) as pool:
            for task in requests:
                pool.submit(task)
            pids[limit] = {pool.next().result["pid"] for _ in requests}
            assert pool.replaced == (0 if limit is None else 6)
            if limit is None:
                (sizes,) = pool.resident.values()
                assert sizes[-1] - sizes[0] > 100e6
    assert len(pids[None]) == 1
    assert len(pids[1]) == 6


TRAINING = {"learning_rate": 1.0}


def test_one_shape_stays_with_one_worker_and_no_worker_idles(tmp_path: Path) -> None:
    with Pool(2, tmp_path / "log.txt", preload=()) as pool:
        for k in range(8):
            pool.submit(Task(f"{k}", "fakes:pid", {"sleep": 0.05}, shape="ab"[k % 2]))
        ended = {one.name: one.result["pid"] for one in (pool.next() for _ in range(8))}
        assert {ended[name] for name in "0246"} != {ended[name] for name in "1357"}
        assert len(set(ended.values())) == 2
        for k in range(4):
            pool.submit(Task(f"{k}", "fakes:pid", {"sleep": 0.3}, shape="a"))
        assert len({pool.next().result["pid"] for _ in range(4)}) == 2


def test_the_dearest_of_the_waiting_tasks_begins_first(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        for name, cost in (("first", 0.0), ("cheap", 1.0), ("dear", 9.0), ("middle", 5.0), ("also middle", 5.0)):
            pool.submit(Task(name, "fakes:pid", {"sleep": 0.05}, shape=name, cost=cost))
        assert [pool.next().name for _ in range(5)] == ["first", "dear", "middle", "also middle", "cheap"]


def test_a_fresh_worker_has_done_nothing_before(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("one", "fakes:pid", {}))
        first = pool.next().result["pid"]
        pool.submit(Task("two", "fakes:pid", {}, fresh=True))
        assert pool.next().result["pid"] != first


def test_a_dead_server_is_started_again(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("one", "fakes:pid", {}))
        pool.next()
        pool.submit(Task("two", "fakes:pid", {"sleep": 60.0}))
        os.kill(pool._server.pid, signal.SIGKILL)
        ended = pool.next()
        assert ended.error.startswith("crashed (the worker server ended")
        pool.submit(Task("three", "fakes:pid", {}))
        assert pool.next().result["pid"]


def test_an_answer_counts_though_its_worker_died_and_the_next_task_gets_another(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("one", "fakes:answer_and_die", {}))
        time.sleep(0.6)  # answer, end of the socket and death are all there to be read
        first = pool.next()
        assert first.result is not None
        pool.submit(Task("two", "fakes:pid", {}))
        assert pool.next().result["pid"] != first.result["pid"]
        pool.submit(Task("three", "fakes:answer_and_die", {}))
        pid = pool.next().result["pid"]
        assert eventually(lambda: not running(pid))  # an idle worker dies
        time.sleep(0.3)
        pool.submit(Task("four", "fakes:pid", {}))
        assert pool.next().error == ""


def test_deaths_that_come_together_are_told_one_by_one(tmp_path: Path) -> None:
    with Pool(3, tmp_path / "log.txt", preload=()) as pool:
        for name in "abc":
            pool.submit(Task(name, "fakes:die", {}))
        time.sleep(0.6)
        assert [pool.next().error for _ in range(3)] == ["crashed (signal 9)"] * 3
        for name in "def":
            pool.submit(Task(name, "fakes:pid", {"sleep": 60.0}))
        time.sleep(0.3)
        os.killpg(pool._server.pid, signal.SIGKILL)
        assert all(pool.next().error.startswith("crashed") for _ in range(3))
        pool.submit(Task("g", "fakes:pid", {}))
        assert pool.next().result


def test_a_server_that_dies_while_it_imports_is_no_crash_of_a_trial(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=("dies_on_import",)) as pool:
        pool.submit(Task("one", "fakes:pid", {}))
        with pytest.raises(ResourceError, match="ended with status -6 while it imported"):
            pool.next()


def test_files_beside_the_data_are_not_imported_and_limits_may_be_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("one", "fakes:pid", {}, seconds=1e8))
        assert pool.next().result


def test_a_package_that_is_missing_is_said(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=("no_such_package",)) as pool:
        pool.submit(Task("one", "fakes:pid", {}))
        with pytest.raises(ResourceError, match="no_such_package"):
            pool.next()


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; sys.path[:0] = sys.argv[1:3]\n"
        "from gruforecast.execution.pool import Pool, Task\n"
        "with Pool(1, Path(sys.argv[3]) / 'log.txt', preload=()) as pool:\n"
        "    pool.submit(Task('a', 'fakes:pid', {})); print(pool.next().result['pid'], pool._server.pid, flush=True)\n"
        "    pool.submit(Task('b', 'fakes:pid', {'sleep': 60})); time.sleep(60)\n"
    )
    paths = [str(ROOT), str(SUPPORT), str(tmp_path)]
    with subprocess.Popen([sys.executable, "-c", code, *paths], stdout=subprocess.PIPE, text=True) as process:
        pids = [int(text) for text in process.stdout.readline().split()]
        time.sleep(0.2)
        assert all(running(one) for one in pids)
        process.kill()
    assert eventually(lambda: not any(running(one) for one in pids), seconds=40)  # before the task ends


def test_the_limits_of_the_rungs_follow_from_earlier_trials(tmp_path: Path, trainer: Any) -> None:
    with fakes.open_jobs(tmp_path) as jobs:
        seen = {}
        real = jobs.submit

        def spy(name: str, call: str, request: dict[str, Any], **options: Any) -> None:
            seen[request["number"]] = request["rungs"]
            real(name, call, request, **options)

        jobs.submit = spy  # type: ignore[method-assign]
        found = fakes.run(jobs)
    scores = [trial.result["score"] for trial in found.trials]
    for number, limits in seen.items():
        known = sorted(scores[: max(number - fakes.LAG + 1, 0)])
        if len(known) < 3:
            assert limits == [None, None]
        else:
            half = len(known) // 2
            median = known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2
            assert limits == [pytest.approx(median)] * 2


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    import kill9

    done = kill9.torture(tmp_path, kills)
    assert done["kills"] >= kills
    assert {name: done[name] for name in kill9.BAD} == dict.fromkeys(kill9.BAD, 0)


def test_waiting_for_workers_takes_no_processor_time(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("one", "fakes:pid", {"sleep": 1.0}))
        before = time.process_time()
        pool.next()
        assert time.process_time() - before < 0.3


def test_an_interrupt_while_waiting_ends_everything_at_once(tmp_path: Path) -> None:
    with Pool(1, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("one", "fakes:pid", {}))
        pid = pool.next().result["pid"]
        pool.submit(Task("two", "fakes:pid", {"sleep": 60.0}))
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            pool.next()
        assert running(pid)  # for a minute
        pool.close()
        assert eventually(lambda: not running(pid), seconds=40)
