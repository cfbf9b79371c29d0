"""The supervisor with real processes: a small worker that speaks the same files as the training worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio.domain.problem import Problem
from studio.domain.run import RunState
from studio.settings import Settings
from studio.storage.files import write_atomic
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder, Workspace
from studio.training.run_files.event_log import read_events
from studio.training.run_files.status import read_progress
from studio.training.supervision.exit_diagnosis import cause_of_death
from studio.training.supervision.supervisor import Supervisor
from studio.training.supervision.worker_process import WorkerProcess, find, log_of_last_start, spawn
from tests.training.runs import FAKE_WORKER, queue_run, starts_of, state_of, supervisor, wait_for


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def active(workspace: Workspace) -> Iterator[Supervisor]:
    started = supervisor(workspace)
    started.start()
    yield started
    started.close()


def over(folder: RunFolder) -> bool:
    return read_result(folder) is not None


def test_takes_runs_from_the_queue_one_at_a_time(workspace: Workspace, active: Supervisor) -> None:
    first, second = queue_run(workspace), queue_run(workspace)
    active.wake()
    wait_for(lambda: state_of(workspace, second) is RunState.FINISHED)
    assert read_events(second.events)[0][0].time >= first.result.stat().st_mtime - 1, "one after the other"
    assert state_of(workspace, first) is RunState.FINISHED
    assert read_progress(second).step == 10


def test_goes_on_from_the_checkpoint_when_the_worker_is_killed(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, steps=120)
    wait_for(lambda: read_progress(folder).step > 12)
    psutil.Process(starts_of(folder)[0]).kill()
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED)
    events = [event for event in read_events(folder.events)[0] if event.type == "started"]
    assert [event.resumed_from >= 10 for event in events] == [False, True]
    assert [point.step for point in read_progress(folder).train_loss] == list(range(1, 121))


def test_gives_up_after_three_deaths_without_a_new_checkpoint(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, die_at=2, print="MemoryError: cannot hold it")
    wait_for(lambda: state_of(workspace, folder) is RunState.FAILED)
    result = read_result(folder)
    assert len(starts_of(folder)) == 3
    assert result is not None
    assert result.problem is not None
    assert result.problem.code == "train.out_of_memory"


def test_a_worker_that_moves_on_between_its_deaths_is_not_given_up(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, steps=100, seconds=0.05)
    for death in range(5):
        wait_for(lambda death=death: len(starts_of(folder)) > death and read_progress(folder).step > 5 * death + 6)
        psutil.Process(starts_of(folder)[-1]).kill()
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED)
    assert len(starts_of(folder)) == 6


def test_a_failed_run_keeps_its_best_so_far(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, steps=20, die_at=8)
    wait_for(lambda: state_of(workspace, folder) is RunState.FAILED)
    result = read_result(folder)
    assert result is not None
    assert (result.best_step, result.adapter, result.best_loss) == (5, "adapters/step-000005", 0.8)


def test_stop_is_left_to_the_worker(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, steps=1000)
    wait_for(lambda: read_progress(folder).step > 6)
    folder.stop_request.touch()
    wait_for(lambda: state_of(workspace, folder) is RunState.STOPPED)
    result = read_result(folder)
    assert result is not None
    assert result.best_step is not None
    assert len(starts_of(folder)) == 1


@pytest.mark.skipif(os.name == "nt", reason="SIGSTOP is of POSIX")
@pytest.mark.parametrize("suspended", [False, True])
def test_a_worker_that_does_not_stop_is_ended_and_the_best_kept(workspace: Workspace, suspended: bool) -> None:
    hasty = supervisor(workspace, grace=0.3)
    hasty.start()
    folder = queue_run(workspace, steps=1000, deaf=True)
    wait_for(lambda: read_progress(folder).step > 6)
    if suspended:
        psutil.Process(starts_of(folder)[0]).suspend()
    folder.stop_request.touch()
    wait_for(lambda: state_of(workspace, folder) is RunState.STOPPED)
    hasty.close()
    result = read_result(folder)
    assert result is not None
    assert result.adapter is not None
    assert result.problem is None
    assert not psutil.pid_exists(starts_of(folder)[0])


def test_close_leaves_the_worker_and_the_next_supervisor_adopts_it(workspace: Workspace) -> None:
    folder = queue_run(workspace, steps=60)
    before = supervisor(workspace)
    before.start()
    wait_for(lambda: read_progress(folder).step > 3)
    before.close()
    assert psutil.pid_exists(starts_of(folder)[0])
    after = supervisor(workspace)
    after.start()
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED)
    after.close()
    assert len(starts_of(folder)) == 1


def test_one_of_two_supervisors_is_active_and_the_other_takes_over(workspace: Workspace, active: Supervisor) -> None:
    wait_for(lambda: active.is_active)
    waiting = supervisor(workspace)
    waiting.start()
    folder = queue_run(workspace, steps=60)
    wait_for(lambda: read_progress(folder).step > 3)
    assert not waiting.is_active
    active.close()
    wait_for(lambda: waiting.is_active)
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED)
    waiting.close()
    assert len(starts_of(folder)) == 1


def test_a_finished_run_is_recognised_by_its_result_alone(workspace: Workspace) -> None:
    folder = queue_run(workspace, steps=3)
    worker = spawn(folder, [], python=sys.executable, module=FAKE_WORKER)
    worker.child.wait()
    with workspace.database.session() as session:
        session.execute(_set_state(folder, RunState.RUNNING))
    late = supervisor(workspace)
    late.start()
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED)
    late.close()
    assert len(starts_of(folder)) == 1


def test_a_model_that_was_removed_is_named(workspace: Workspace, active: Supervisor) -> None:
    (workspace.models / "tiny-llama" / "afina.json").unlink(missing_ok=True)
    folder = queue_run(workspace)
    (workspace.models / "tiny-llama" / "afina.json").unlink()
    wait_for(lambda: over(folder))
    result = read_result(folder)
    assert result is not None
    assert result.problem is not None
    assert result.problem.code == "run.model_missing"


def test_a_stranger_under_the_pid_of_a_worker_is_not_taken_for_it(workspace: Workspace) -> None:
    folder = queue_run(workspace)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = psutil.Process(stranger.pid).create_time()
        write_atomic(folder.worker, json.dumps({"pid": stranger.pid, "process_started": started}))
        assert find(folder, FAKE_WORKER) is None
        assert not WorkerProcess(stranger.pid, started, folder, FAKE_WORKER).is_alive()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_worker_is_found_when_the_clock_jumped_or_its_file_is_missing(workspace: Workspace) -> None:
    folder = queue_run(workspace, steps=1000)
    worker = spawn(folder, [], python=sys.executable, module=FAKE_WORKER)
    try:
        wait_for(folder.worker.exists)  # or it would write its own over the next one
        write_atomic(folder.worker, json.dumps({"pid": worker.pid, "process_started": 1.0}))
        assert find(folder, FAKE_WORKER) == WorkerProcess(worker.pid, 1.0, folder, FAKE_WORKER)
        folder.worker.unlink()
        found = find(folder, FAKE_WORKER)
        assert found is not None
        assert found.pid == worker.pid
    finally:
        worker.end(force=True)
        worker.child.wait()
    assert find(folder, FAKE_WORKER) is None


def test_only_the_last_start_is_read_from_the_log(workspace: Workspace) -> None:
    folder = queue_run(workspace, print="first", steps=1)
    spawn(folder, [], python=sys.executable, module=FAKE_WORKER).child.wait()
    write_atomic(folder.path / "steps.json", json.dumps({"print": "second", "steps": 1}))
    spawn(folder, [], python=sys.executable, module=FAKE_WORKER).child.wait()
    assert log_of_last_start(folder).strip() == "second"


@pytest.mark.parametrize(
    ("log", "exit_code", "kills", "code"),
    [
        ("", -9, (3, 4), "run.killed_for_memory"),
        ("", -9, (None, None), "run.killed_for_memory"),
        ("", -9, (3, 3), "run.killed"),
        ("", None, (3, 3), "run.killed"),
        ("Fatal Python error: Segmentation fault", -11, (3, 3), "run.crashed"),
        ("OSError: [Errno 28] No space left on device", 1, (3, 3), "disk.full"),
        ("ModuleNotFoundError: No module named 'torch'", 1, (3, 3), "run.installation_broken"),
        ("python: No module named studio.training.worker", 1, (3, 3), "run.installation_broken"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", 1, (3, 3), "train.out_of_memory"),
        ("RuntimeError: [enforce fail] can't allocate memory: you tried", 1, (3, 3), "train.out_of_memory"),
        ("RuntimeError: CUDA error: device-side assert", 1, (3, 3), "train.device_failed"),
        ("Traceback\nValueError: odd\n", 1, (3, 3), "run.died"),
        ("", 7, (3, 3), "run.died"),
    ],
)
def test_the_cause_of_a_death_is_named(log: str, exit_code: int | None, kills: tuple, code: str) -> None:
    problem = cause_of_death(log, exit_code, *kills)
    assert isinstance(problem, Problem)
    assert problem.code == code


def _set_state(folder: RunFolder, state: RunState):
    from sqlalchemy import update

    from studio.storage.database import RunRow

    return update(RunRow).where(RunRow.id == folder.path.name).values(state=state.value)
