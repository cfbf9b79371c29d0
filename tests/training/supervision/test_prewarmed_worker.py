"""The worker in waiting: the same promises as any worker, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio.domain.event import Started
from studio.domain.run import RunState
from studio.settings import Settings
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder, Workspace
from studio.training.run_files.event_log import read_events
from studio.training.supervision.supervisor import Supervisor
from studio.training.supervision.worker_process import WORKER_MODULE, find, works_on
from tests.child_processes import is_over
from tests.training.runs import enqueue, state_of, wait_for
from tests.training.support import write_run

_SERVER = """
import sys, time
from pathlib import Path
from studio.settings import Settings
from studio.storage.workspace import Workspace
from studio.training.supervision.supervisor import Supervisor

supervisor = Supervisor(Workspace.open(Settings(home=Path(sys.argv[1]))))
supervisor.start()
while not supervisor.is_active:
    time.sleep(0.01)
supervisor.prepare()
print("prepared", flush=True)
time.sleep(60)
"""


def waiting(workspace: Workspace) -> list[psutil.Process]:
    """The workers that wait on this workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if WORKER_MODULE in command and any(part.startswith(str(workspace.home)) for part in command):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if not is_over(process)]


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> Settings:
    return Settings(home=tmp_path / "home", models_dir=tiny_model.parent)


@pytest.fixture
def active(workspace: Workspace) -> Iterator[Supervisor]:
    started = Supervisor(workspace, interval=0.05)
    started.start()
    wait_for(lambda: started.is_active)
    yield started
    started.close()
    assert waiting(workspace) == []


def queued(workspace: Workspace, run_id: str, model: Path) -> RunFolder:
    folder = write_run(workspace.run(run_id).path, model, epochs=1.0, evaluations=1)
    enqueue(workspace, folder)
    return folder


@pytest.mark.model
def test_the_run_it_waited_for_is_its_own(workspace: Workspace, active: Supervisor, tiny_model: Path) -> None:
    active.prepare()
    active.prepare()
    (worker,) = waiting(workspace)
    run_id = active.new_run_id()
    assert run_id != active.new_run_id(), "promised once"
    assert works_on(worker.cmdline(), workspace.run(run_id), WORKER_MODULE), "a restarted server knows it by this"

    folder = queued(workspace, run_id, tiny_model)
    active.wake()
    wait_for(lambda: folder.worker.exists() or read_result(folder))
    adopted = find(folder)
    assert adopted is None or adopted.pid == worker.pid
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED, 120)
    started = [event for event in read_events(folder.events)[0] if isinstance(event, Started)]
    assert [event.pid for event in started] == [worker.pid]
    assert folder.log.read_text().startswith("=== worker started ===")


@pytest.mark.model
def test_another_run_sends_it_away(workspace: Workspace, active: Supervisor, tiny_model: Path) -> None:
    active.prepare()
    (worker,) = waiting(workspace)
    folder = queued(workspace, "run-other", tiny_model)
    active.prepare()  # a run is on its way: no other worker may take memory from it
    active.wake()
    wait_for(lambda: state_of(workspace, folder) is RunState.FINISHED, 120)
    started = [event for event in read_events(folder.events)[0] if isinstance(event, Started)]
    assert [event.pid == worker.pid for event in started] == [False]
    wait_for(lambda: waiting(workspace) == [])


def test_it_is_gone_when_its_server_is_killed(workspace: Workspace) -> None:
    server = subprocess.Popen([sys.executable, "-c", _SERVER, str(workspace.home)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "prepared\n"
    (worker,) = waiting(workspace)
    server.kill()
    server.wait()
    server.stdout.close()
    wait_for(lambda: is_over(worker))
    assert list((workspace.home / "runs").iterdir()) == []
