"""The faults: each does its harm to a run at a moment that the dice choose, and says what may come of it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from studio.domain.run import RunState
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from tests.faults.plant import INTERVAL, STEPS, Plant


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        harm: does it; the run was just put into the queue.
        starts: of a worker, at most.
        repeated: steps, at most.
        disk_mb: size of a disk of its own for the workspace, which needs the right to mount one.
        always: whether a round is part of every test run; ``tests/training`` tries the others with a small worker.
    """

    harm: Callable[[Plant, RunFolder], None]
    starts: int = 2
    repeated: int = INTERVAL
    always: bool = True
    disk_mb: int | None = None


def worker_killed(plant: Plant, run: RunFolder) -> None:
    plant.serve()
    plant.wait_for_a_moment(run)
    plant.kill_worker(run)


def server_killed(plant: Plant, run: RunFolder) -> None:
    server = plant.serve()
    plant.wait_for_a_moment(run)
    plant.kill_server(server)
    time.sleep(plant.dice.uniform(0, 1))
    plant.serve()


def server_killed_as_it_starts_a_worker(plant: Plant, run: RunFolder) -> None:
    server = plant.serve(wait=False)
    time.sleep(plant.dice.uniform(0.3, 2))
    plant.kill_server(server)
    plant.serve()


def both_killed(plant: Plant, run: RunFolder) -> None:
    server = plant.serve()
    plant.wait_for_a_moment(run)
    plant.kill_server(server)
    plant.kill_worker(run)
    plant.serve()


def rebooted(plant: Plant, run: RunFolder) -> None:
    """All processes are gone, and the worker's pid is another program's now, which must not be harmed."""
    server = plant.serve()
    plant.wait_for_a_moment(run)
    plant.kill_server(server)
    plant.kill_worker(run)
    with stranger() as other:
        started = psutil.Process(other.pid).create_time()
        write_atomic(run.worker, json.dumps({"pid": other.pid, "process_started": started}))
        plant.serve()
        plant.wait_for_a_checkpoint(run, 2)
        assert other.poll() is None


def worker_suspended(plant: Plant, run: RunFolder) -> None:
    plant.serve()
    plant.wait_for_a_moment(run)
    worker = plant.worker(run)
    if worker is not None:
        process = psutil.Process(worker.pid)
        process.suspend()
        time.sleep(plant.dice.uniform(1, 2))
        process.resume()


def events_cut(plant: Plant, run: RunFolder) -> None:
    with killed_behind_the_servers_back(plant, run):
        size = run.events.stat().st_size if run.events.exists() else 0
        if size > 2:
            os.truncate(run.events, size - plant.dice.randint(1, min(60, size - 1)))


def checkpoint_truncated(plant: Plant, run: RunFolder) -> None:
    with killed_behind_the_servers_back(plant, run):
        for folder in sorted(run.checkpoints.glob("step-*"))[-1:]:
            file = plant.dice.choice(sorted(path for path in folder.iterdir() if path.is_file()))
            os.truncate(file, plant.dice.randint(0, max(0, file.stat().st_size - 1)))


def both_checkpoints_truncated(plant: Plant, run: RunFolder) -> None:
    with killed_behind_the_servers_back(plant, run):
        for folder in run.checkpoints.glob("step-*"):
            os.truncate(folder / "state.safetensors", plant.dice.randint(0, 1000))


def disk_filled(plant: Plant, run: RunFolder) -> None:
    """Another program fills the disk: to the last byte, or nearly. There is room again after a while, and one click."""
    plant.serve()
    plant.wait_for_a_moment(run)
    filler = plant.workspace.home / "film.mkv"
    fill(filler, leave=plant.dice.choice([0, plant.dice.randint(1, 10**6)]))
    plant.wait(lambda: run.pause_request.exists() or run.result.exists() or plant.worker(run) is None)
    time.sleep(plant.dice.uniform(0, 1))
    filler.unlink()
    plant.wait(lambda: run.result.exists() or plant.noted(run) is RunState.PAUSED)
    if not run.result.exists():
        reason = plant.views.view(run.path.name).paused_by
        assert reason is None or reason.code in ("disk.low", "disk.full")
        plant.resume(run)


def one_of_two_servers_killed(plant: Plant, run: RunFolder) -> None:
    first = plant.serve()
    plant.serve(wait=False)
    plant.wait_for_a_moment(run)
    plant.kill_server(first)


def clock_jumped(plant: Plant, run: RunFolder) -> None:
    """Linux computes start times from the clock: after a jump they are others than those that were noted."""
    server = plant.serve()
    plant.wait_for_a_moment(run)
    plant.kill_server(server)
    jump = plant.dice.choice([-1, 1]) * plant.dice.uniform(60, 10**7)
    if run.worker.exists():
        noted = json.loads(run.worker.read_text(encoding="utf-8"))
        write_atomic(run.worker, json.dumps(noted | {"process_started": noted["process_started"] + jump}))
    for path in run.path.rglob("*"):
        move_time(path, jump)
    plant.serve()


FAULTS = {
    "worker killed": Fault(worker_killed),
    "server killed": Fault(server_killed, starts=1, repeated=0),
    "server killed at a start": Fault(server_killed_as_it_starts_a_worker, starts=1, repeated=0, always=False),
    "both killed": Fault(both_killed, always=False),
    "rebooted, pid reused": Fault(rebooted),
    "worker suspended": Fault(worker_suspended, starts=1, repeated=0, always=False),
    "events cut in a line": Fault(events_cut),
    "checkpoint truncated": Fault(checkpoint_truncated, repeated=2 * INTERVAL),
    "both checkpoints truncated": Fault(both_checkpoints_truncated, repeated=STEPS, always=False),
    "disk filled": Fault(disk_filled, starts=3, disk_mb=112),
    "one of two servers killed": Fault(one_of_two_servers_killed, starts=1, repeated=0),
    "clock jumped": Fault(clock_jumped, starts=1, repeated=0, always=False),
}


@contextmanager
def killed_behind_the_servers_back(plant: Plant, run: RunFolder) -> Iterator[None]:
    """The worker is dead and the server has not seen it yet."""
    server = psutil.Process(plant.serve().pid)
    plant.wait_for_a_moment(run)
    server.suspend()
    plant.kill_worker(run)
    yield
    server.resume()


@contextmanager
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Another program."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def fill(path: Path, leave: int) -> None:
    """Writes a file until ``leave`` bytes of the disk are free."""
    with path.open("wb", buffering=0) as file:
        try:
            while (free := shutil.disk_usage(path.parent).free) > leave:
                file.write(bytes(min(free - leave, 10**6)))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def move_time(path: Path, seconds: float) -> None:
    try:
        status = path.stat()
        os.utime(path, (status.st_atime + seconds, status.st_mtime + seconds))
    except OSError:
        return
