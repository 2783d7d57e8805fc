"""Workers die, hang, leak and raise: each costs what it should, and the search goes on or stops with the cause."""

from __future__ import annotations

import hashlib
import importlib
import json
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
from gruforecast.automl.search.results import TrialRequest, TrialResult
from gruforecast.errors import ModelError, ResourceError, SearchError
from gruforecast.execution import worker
from gruforecast.execution.jobs import JobRequest, JobResult, Jobs, Pending
from gruforecast.execution.journal import Journal
from gruforecast.execution.pool import Ended, Pool, Task
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
    return [trial.result.status for trial in found.trials]


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
    assert found.trials[3].result.error == "crashed (signal 11)"
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
    assert found.trials[1].result.error == "no answer in time"


def test_a_result_that_was_cut_by_a_shorter_limit_is_made_again(tmp_path: Path, trainer: Any) -> None:
    trainer("late")
    for limit, ran in ((5.0, 3), (5.0, 3), (9.0, 6)):
        searched(tmp_path, 3, limit=limit)
        assert len((tmp_path / "ran.txt").read_text().splitlines()) == ran


def test_a_used_up_budget_ends_the_search_with_what_it_has(tmp_path: Path, trainer: Any) -> None:
    trainer("hang_at_1")
    for seconds in (3.0, 12.0, 48.0, 192.0):  # a slow machine has no trial in less
        folder = tmp_path / str(seconds)
        folder.mkdir()
        with fakes.open_jobs(folder) as jobs:
            found = fakes.run(jobs, 20_000, Budget(seconds))
        if found.trials:
            break
    assert 0 < len(found.trials) < 20_000
    assert 1 not in [trial.number for trial in found.trials]
    assert '"trial-001"' not in (folder / "journal.jsonl").read_text()


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


def test_what_costs_less_than_nothing_fills_the_gaps_alone(tmp_path: Path) -> None:
    """A worker takes a task of a shape that the other one knows before it takes one of those."""
    with Pool(2, tmp_path / "log.txt", preload=()) as pool:
        pool.submit(Task("long", "fakes:pid", {"sleep": 1.5}, shape="a"))
        pool.submit(Task("short", "fakes:pid", {"sleep": 0.2}, shape="b"))
        pool.submit(Task("beside", "fakes:pid", {}, cost=-1.0))
        pool.submit(Task("next", "fakes:pid", {}, shape="a", cost=1.0))
        assert [pool.next().name for _ in range(4)] == ["short", "next", "beside", "long"]


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
        mark = tmp_path / "pid"
        pool.submit(Task("one", "fakes:answer_and_die", {"pid": str(mark)}))
        assert eventually(lambda: mark.exists() and mark.read_text() and not running(int(mark.read_text())))
        time.sleep(0.3)  # answer, end of the socket and death are all there to be read
        first = pool.next()
        assert first.result is not None
        pool.submit(Task("two", "fakes:pid", {}))
        assert pool.next().result["pid"] != first.result["pid"]
        pool.submit(Task("three", "fakes:answer_and_die", {"pid": str(mark)}))
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


def test_workers_start_without_what_they_never_use_and_may_import_it_later() -> None:
    assert "json.tool" not in sys.modules
    with worker._absent("json.tool", "json"):
        with pytest.raises(ImportError):
            importlib.import_module("json.tool")
        assert importlib.import_module("json") is json  # what is there stays
    assert importlib.import_module("json.tool").main


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
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

        def spy(name: str, call: str, request: TrialRequest, kind: type[TrialResult], **options: Any) -> Any:
            seen[request.number] = request.rungs
            return real(name, call, request, kind, **options)

        jobs.submit = spy  # type: ignore[method-assign]
        found = fakes.run(jobs)
    scores = [trial.result.score for trial in found.trials]
    for number, limits in seen.items():
        known = sorted(scores[: max(number - fakes.LAG + 1, 0)])
        if len(known) < 3:
            assert limits == (None, None)
        else:
            half = len(known) // 2
            median = known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2
            assert limits == (pytest.approx(median),) * 2


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
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


class Scripted:
    """A pool without processes: what it hears next is written down before."""

    def __init__(self) -> None:
        self.count, self.tasks, self.ends = 2, [], []

    def submit(self, task: Task) -> None:
        self.tasks.append(task)

    def next(self) -> Ended:
        return self.ends.pop(0)

    def forget_waiting(self) -> list[str]:
        return [task.name for task in self.tasks[self.count :]]


NOW = 1_000.0


class Answer(JobResult, kw_only=True, frozen=True):
    """What the jobs of these tests give."""

    n: int = 0
    numbers: list[float | None] = []


def begin(jobs: Jobs, name: str, request: Any = None, **options: Any) -> Pending[Answer]:
    return jobs.submit(name, "call", request or {}, Answer, **options)


def answer(pending: Pending[Answer]) -> int | None:
    """The number that a job gave, None for one that is out of time."""
    result = pending.result()
    return None if result is None else result.n


class TestOneJob:
    """What becomes of jobs, at a standing clock."""

    @pytest.fixture
    def pool(self, monkeypatch: pytest.MonkeyPatch) -> Scripted:
        monkeypatch.setattr(gruforecast.execution.jobs.time, "time", lambda: NOW)
        return Scripted()

    def jobs(self, folder: Path, pool: Scripted, **options: Any) -> Jobs:
        return Jobs(pool, Journal(folder, fakes.FACTS), folder, **options)

    @pytest.mark.parametrize(
        ("deadline", "until"),
        [
            (NOW, NOW + 2.0),  # two seconds of grace at least
            (NOW + 40.0, NOW + 42.0),
            (NOW + 100.0, NOW + 105.0),  # a twentieth of what is left
            (NOW + 600.0, NOW + 630.0),
            (NOW + 10_000.0, NOW + 10_030.0),  # half a minute at most
            (None, None),
        ],
    )
    def test_the_grace_after_a_deadline(
        self, tmp_path: Path, pool: Scripted, deadline: float | None, until: float | None
    ) -> None:
        jobs = self.jobs(tmp_path, pool)
        begin(jobs, "a", {"x": 1}, deadline=deadline, shape="s", cost=3.0, fresh=True)
        task = pool.tasks[0]
        assert task.until == (None if until is None else pytest.approx(until))
        assert (task.name, task.call, task.shape, task.cost, task.fresh) == ("a", "call", "s", 3.0, True)
        assert task.request == {"x": 1, "limit": None, "folder": str(tmp_path), "deadline": deadline}
        assert task.seconds is None

    def test_a_limit_leaves_a_tenth_and_a_minute_to_answer(self, tmp_path: Path, pool: Scripted) -> None:
        begin(self.jobs(tmp_path, pool, limit=50.0), "a")
        assert pool.tasks[0].seconds == pytest.approx(115.0)
        assert pool.tasks[0].request["limit"] == 50.0

    @pytest.mark.parametrize(("until", "begins"), [(NOW - 1, False), (NOW, False), (NOW + 0.001, True)])
    def test_a_job_whose_time_is_over_does_not_begin(
        self, tmp_path: Path, pool: Scripted, until: float, begins: bool
    ) -> None:
        jobs = self.jobs(tmp_path, pool)
        pending = begin(jobs, "a", until=until)
        assert bool(pool.tasks) == begins
        assert not jobs.idle()
        if not begins:
            assert jobs.next() == "a"
            assert jobs.idle()
            assert pending.result() is None

    def test_results_come_in_the_order_in_which_they_end_and_one_may_be_waited_for(
        self, tmp_path: Path, pool: Scripted
    ) -> None:
        jobs = self.jobs(tmp_path, pool)
        a, b, c = (begin(jobs, name, {"name": name}) for name in "abc")
        pool.ends = [Ended("c", {"n": 3}), Ended("a", {"n": 1}), Ended("b", {"n": 2})]
        assert answer(a) == 1
        assert jobs.next() == "c"
        assert not jobs.idle()
        assert jobs.next() == "b"
        assert jobs.idle()
        assert (answer(c), answer(b)) == (3, 2)
        names = [record["name"] for record in jobs.journal.records[1:]]
        assert names == ["c", "a", "b"]

    def test_numbers_that_json_does_not_know_are_none_at_any_depth(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        pending = begin(jobs, "a")
        pool.ends = [Ended("a", {"numbers": [1.5, float("inf"), -float("inf"), float("nan")], "error": "nan"})]
        assert pending.result() == Answer(numbers=[1.5, None, None, None], error="nan")
        assert jobs.journal.records[-1]["result"] == {"numbers": [1.5, None, None, None], "error": "nan"}

    def test_what_is_not_kept_is_run_again_and_what_is_kept_is_not(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        for name, keep in (("passing", False), ("kept", True)):
            pending = begin(jobs, name, {"x": 1}, keep=keep)
            pool.ends = [Ended(name, {"n": 1})]
            assert answer(pending) == 1
        jobs.journal.close()
        pool.tasks.clear()
        again = self.jobs(tmp_path, pool)
        replayed = begin(again, "kept", {"x": 1})
        assert (again.next(), answer(replayed), again.replayed, pool.tasks) == ("kept", 1, {"kept"}, [])
        begin(again, "kept", {"x": 2})
        begin(again, "passing", {"x": 1})
        assert [task.name for task in pool.tasks] == ["kept", "passing"]

    @pytest.mark.parametrize(
        ("late", "deadline", "kept"),
        [(True, NOW, False), (True, NOW + 1, True), (True, None, True), (False, NOW, True)],
    )
    def test_what_the_budget_cut_stays_open(
        self, tmp_path: Path, pool: Scripted, late: bool, deadline: float | None, kept: bool
    ) -> None:
        jobs = self.jobs(tmp_path, pool)
        pending = begin(jobs, "a", deadline=deadline)
        pool.ends = [Ended("a", {"n": 1, "late": late})]
        assert pending.result() == Answer(n=1, late=late)
        assert (len(jobs.journal.records) == 2) == kept

    @pytest.mark.parametrize(("limit", "holds"), [(5.0, True), (6.0, False), (None, False)])
    @pytest.mark.parametrize("late", [True, False])
    def test_a_result_that_another_limit_cut_is_made_again(
        self, tmp_path: Path, pool: Scripted, limit: float | None, holds: bool, late: bool
    ) -> None:
        jobs = self.jobs(tmp_path, pool, limit=5.0)
        pending = begin(jobs, "a")
        pool.ends = [Ended("a", {"n": 1, "late": late})]
        pending.result()
        jobs.journal.close()
        pool.tasks.clear()
        begin(self.jobs(tmp_path, pool, limit=limit), "a")
        assert bool(pool.tasks) != (holds or not late)

    def test_a_crash_is_tried_again_as_often_as_asked(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool, retries=2)
        pending = begin(jobs, "a")
        pool.ends = [Ended("a", error=f"crash {k}") for k in range(3)]
        assert pending.result() == Answer(status="crashed", error="crash 2")
        assert [task.name for task in pool.tasks] == ["a"] * 3
        assert jobs.journal.records[-1]["result"] == {"status": "crashed", "error": "crash 2"}

    def test_five_jobs_in_a_row_that_crash_alike_and_no_fewer_stop_the_run(
        self, tmp_path: Path, pool: Scripted
    ) -> None:
        jobs = self.jobs(tmp_path, pool, retries=0)
        crashes = ["x"] * 4 + ["y"] + ["x"] * 4 + [""] + ["x"] * 5
        for k, text in enumerate(crashes):
            pending = begin(jobs, f"{k}")
            pool.ends = [Ended(f"{k}", error=text) if text else Ended(f"{k}", {"n": 1})]
            if k < len(crashes) - 1:
                assert pending.result() is not None
        with pytest.raises(SearchError) as caught:
            jobs.next()
        assert caught.value.message == "5 jobs in a row crashed: x."
        assert (caught.value.code, caught.value.file) == ("GF-S02", str(tmp_path))

    @pytest.mark.parametrize(("deadline", "result"), [(NOW, None), (NOW + 1, "crashed"), (None, "crashed")])
    def test_a_job_that_is_killed_at_the_end_of_the_budget_has_no_result(
        self, tmp_path: Path, pool: Scripted, deadline: float | None, result: str | None
    ) -> None:
        jobs = self.jobs(tmp_path, pool, retries=0)
        pending = begin(jobs, "a", deadline=deadline)
        pool.ends = [Ended("a", error="no answer", timed_out=True)]
        found = pending.result()
        assert (found and found.status) == result
        assert len(jobs.journal.records) == (2 if result else 1)

    def test_a_fault_of_the_machine_is_told_as_it_was(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        begin(jobs, "a")
        told = {"message": "the disk is full.", "remedy": "Make room.", "code": "GF-E01", "file": "x.npz"}
        pool.ends = [Ended("a", environment=told)]
        with pytest.raises(ResourceError) as caught:
            jobs.next()
        error = caught.value
        assert {"message": error.message, "remedy": error.remedy, "code": error.code, "file": error.file} == told
        assert len(jobs.journal.records) == 1

    def test_jobs_that_have_not_begun_are_given_up_without_result(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        pending = {name: begin(jobs, name) for name in "abcd"}
        jobs.give_up_waiting()
        assert [jobs.next() for _ in range(2)] == ["c", "d"]
        assert [answer(pending[name]) for name in "cd"] == [None, None]
        pool.ends = [Ended("b", {"n": 1}), Ended("a", {"n": 2})]
        assert jobs.next() == "b"
        assert answer(pending["a"]) == 2
        assert jobs.idle()

    def test_a_part_of_the_command_ends_by_itself_beside_the_jobs_of_another(
        self, tmp_path: Path, pool: Scripted
    ) -> None:
        jobs = self.jobs(tmp_path, pool)
        parts = {"x": "statistical", "a": "search", "y": "statistical", "b": "search"}
        x, a, y, b = (begin(jobs, name, part=part) for name, part in parts.items())
        jobs.give_up_waiting("search")
        assert [task.name for task in pool.tasks] == ["x", "a", "y", "b", "y"]  # what waited for another waits again
        assert jobs.next("search") == "b"
        pool.ends = [Ended("x", {"n": 7}), Ended("a", {"n": 1})]
        assert jobs.next("search") == "a"
        assert jobs.idle("search")
        assert not jobs.idle("statistical")
        pool.ends = [Ended("y", {"n": 8})]
        assert [answer(one) for one in (x, a, y, b)] == [7, 1, 8, None]
        assert jobs.idle("statistical")

    def test_a_result_may_be_asked_for_again_and_waits_for_nothing_then(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        first, second = begin(jobs, "first"), begin(jobs, "second")
        pool.ends = [Ended("second", {"n": 2}), Ended("first", {"n": 1})]
        assert [answer(one) for one in (first, first, second, second)] == [1, 1, 2, 2]
        assert jobs.idle()
        gone = begin(jobs, "gone", until=NOW)
        assert [gone.result(), gone.result()] == [None, None]
        assert jobs.idle()

    def test_a_second_job_of_the_same_name_has_a_result_of_its_own(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        old = begin(jobs, "a", {"x": 1})
        pool.ends = [Ended("a", {"n": 1}), Ended("a", {"n": 2})]
        assert answer(old) == 1
        new = begin(jobs, "a", {"x": 2})
        assert (answer(new), answer(old), jobs.idle()) == (2, 1, True)

    def test_a_request_is_sent_whole_and_what_it_says_of_folder_and_limit_is_filled_in(
        self, tmp_path: Path, pool: Scripted
    ) -> None:
        class Sum(JobRequest, kw_only=True, frozen=True):
            terms: tuple[float, ...]

        jobs = self.jobs(tmp_path, pool, limit=7.0)
        jobs.submit("a", "call", Sum(terms=(0.1, 2.0)), Answer, deadline=NOW + 5)
        sent = {"folder": str(tmp_path), "deadline": NOW + 5, "limit": 7.0, "terms": [0.1, 2.0]}
        assert json.loads(json.dumps(pool.tasks[0].request)) == sent

    @pytest.mark.parametrize("result", [{"n": "three"}, {"score": 1.0}, {"late": None}])
    def test_an_answer_of_another_form_is_refused(self, tmp_path: Path, pool: Scripted, result: Any) -> None:
        jobs = self.jobs(tmp_path, pool)
        pending = begin(jobs, "a")
        pool.ends = [Ended("a", result)]
        with pytest.raises(ModelError):
            pending.result()
        assert len(jobs.journal.records) == 1

    @pytest.mark.parametrize("change", [None, "content", "gone"])
    def test_a_result_holds_while_its_file_is_as_it_was_written(
        self, tmp_path: Path, pool: Scripted, change: str | None
    ) -> None:
        path = tmp_path / "w.npz"
        path.write_bytes(b"weights")
        file = {"name": "w.npz", "sha256": hashlib.sha256(b"weights").hexdigest()}
        jobs = self.jobs(tmp_path, pool)
        pending = begin(jobs, "a")
        pool.ends = [Ended("a", {"n": 1, "file": file})]
        assert answer(pending) == 1
        jobs.journal.close()
        pool.tasks.clear()
        if change == "content":
            path.write_bytes(b"other weights")
        elif change == "gone":
            path.unlink()
        again = self.jobs(tmp_path, pool)
        begin(again, "a")
        assert (again.replayed, len(pool.tasks)) == (({"a"}, 0) if change is None else (set(), 1))

    def test_the_journal_says_of_which_part_a_job_was(self, tmp_path: Path, pool: Scripted) -> None:
        jobs = self.jobs(tmp_path, pool)
        pool.ends = [Ended("a", {"n": 1})]
        begin(jobs, "a", part="search").result()
        assert jobs.journal.records[-1]["part"] == "search"
