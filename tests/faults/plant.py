"""A workspace with a tiny model, servers that can be killed, and runs of the real worker."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Precision, Recipe
from studio.domain.run import RunState
from studio.services.runs.controls import RunControls
from studio.services.runs.folders import make_run_folder
from studio.services.runs.views import RunViews
from studio.settings import Settings
from studio.storage.database import ProjectRow, RunRow
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder, Workspace, new_id
from studio.training.recipes.presets import resolve
from studio.training.run_files.event_log import read_events
from studio.training.run_files.status import newest_checkpoint, read_progress
from studio.training.supervision.supervisor import Supervisor
from studio.training.supervision.worker_process import WorkerProcess, find
from tests.training.runs import wait_for

INTERVAL = 6  # steps between two evaluations, which is where checkpoints are written
STEPS = 120
SECONDS = 300
RESERVE_MB = 2


@dataclass
class Round:
    """What a round showed.

    Args:
        starts: of a worker.
        repeated: steps that were taken again because they were later than the checkpoint.
        seconds: from the fault to the end.
        difference: largest difference of a training loss to the undisturbed run.
    """

    starts: int
    repeated: int
    seconds: float
    difference: float = 0.0


class Plant:
    """Runs with faults. A context manager that leaves no process behind.

    Args:
        home: folder of the workspace, which must not exist.
        model: folder of the tiny model.
        dice: decides the moments.
        patience: seconds for one wait; only a round that hangs meets it.
    """

    def __init__(self, home: Path, model: Path, dice: Random, patience: float = SECONDS) -> None:
        self.workspace = Workspace.open(Settings(home=home, disk_reserve_mb=RESERVE_MB))
        self.patience = patience
        self.dice = dice
        self.servers: list[subprocess.Popen[str]] = []
        self.runs: list[RunFolder] = []
        self.card = BaseModelCard.model_validate_json((model / "afina.json").read_text(encoding="utf-8"))
        shutil.copytree(model, self.workspace.model(self.card.id))
        self.views = RunViews(self.workspace)
        self.controls = RunControls(self.workspace, _Nobody(self.workspace))

    def __enter__(self) -> Plant:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            self.kill_server(server)
        for folder in self.runs:
            worker = find(folder)
            if worker is not None:
                psutil.Process(worker.pid).kill()
        self.workspace.database.close()

    def serve(self, *, wait: bool = True) -> subprocess.Popen[str]:
        """Starts a server; waits until it supervises unless told not to."""
        command = [sys.executable, "-m", "tests.faults.server", str(self.workspace.home), str(RESERVE_MB)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        self.servers.append(server)
        if wait:
            assert server.stdout is not None
            assert server.stdout.readline().strip() == "active"
        return server

    def kill_server(self, server: subprocess.Popen[str]) -> None:
        """Ends a server as a power cut would."""
        psutil.Process(server.pid).kill() if server.poll() is None else None
        server.wait()
        if server.stdout is not None:
            server.stdout.close()

    def queue(self) -> RunFolder:
        """A run of :data:`STEPS` steps that waits."""
        folder, project_id = self.workspace.run(new_id("run")), new_id("project")
        train = [Conversation.pair(f"What does item {n} cost?", f"It costs {n * 3} coins.") for n in range(20)]
        held_out = [Conversation.pair(f"Price of item {n}?", f"It costs {n * 3} coins.") for n in range(4)]
        recipe = Recipe(
            model=self.card.id, batch_size=2, epochs=STEPS * 2 / len(train), max_length=64, rank=2, patience=0,
            evaluations=STEPS // INTERVAL, precision=Precision.FP32, learning_rate=1e-4,
        )  # fmt: skip
        make_run_folder(
            folder, resolve(recipe, self.card, len(train), len(held_out), 20), self.card, train, held_out, ()
        )
        with self.workspace.database.session() as session:
            session.add(ProjectRow(id=project_id, name="Faults", created_at=0, updated_at=0))
            session.flush()
            session.add(
                RunRow(
                    id=folder.path.name, project_id=project_id, name="Run", created_at=0, state=RunState.QUEUED,
                    position=1, model_id=self.card.id, model_name=self.card.name, train_examples=len(train),
                    held_out_examples=len(held_out),
                )
            )  # fmt: skip
        self.runs.append(folder)
        return folder

    def worker(self, folder: RunFolder) -> WorkerProcess | None:
        """The worker of a run, if it lives."""
        return find(folder)

    def wait_for_a_moment(self, folder: RunFolder) -> None:
        """Waits for a moment of the run that the dice choose: while it loads, or at any of its steps."""
        step = self.dice.choice([-1, 0, *range(1, STEPS - INTERVAL)])
        self.wait(lambda: folder.log.exists())
        if step < 0:
            time.sleep(self.dice.uniform(0, 3))
            return
        seen = _Steps(folder)
        self.wait(lambda: seen.newest() >= step or folder.result.exists())
        time.sleep(self.dice.uniform(0, 0.03))

    def wait_for_a_checkpoint(self, folder: RunFolder, count: int) -> None:
        """Waits until a run has written ``count`` checkpoints."""
        self.wait(lambda: newest_checkpoint(folder) >= count * INTERVAL)

    def wait(self, condition: Callable[[], object]) -> None:
        """Waits until ``condition`` holds."""
        wait_for(condition, self.patience)

    def resume(self, folder: RunFolder) -> None:
        """What the button of the screen does."""
        self.controls.resume(folder.path.name)

    def kill_worker(self, folder: RunFolder) -> None:
        """Kills the worker, wherever it is in its work; nothing when it is over."""
        worker = self.worker(folder)
        if worker is not None:
            process = psutil.Process(worker.pid)
            process.kill()
            self.wait(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)

    def conclude(self, folder: RunFolder, since: float, undisturbed: list[float]) -> Round:
        """Waits for the end of a run and checks that nothing of it was lost."""
        self.wait(folder.result.exists)
        result, progress = read_result(folder), read_progress(folder)
        assert result is not None
        assert result.state is RunState.FINISHED, result.problem
        assert [point.step for point in progress.train_loss] == list(range(1, STEPS + 1))
        assert result.adapter is not None
        assert (folder.path / result.adapter / "adapter_model.safetensors").is_file()
        self.wait(lambda: self.noted(folder) is RunState.FINISHED)
        events = read_events(folder.events)[0]
        steps = [event.step for event in events if event.type == "step"]
        losses = [point.value for point in progress.train_loss]
        return Round(
            starts=folder.log.read_bytes().count(b"=== worker started ==="),
            repeated=len(steps) - STEPS,
            seconds=time.monotonic() - since,
            difference=max((abs(a - b) for a, b in zip(losses, undisturbed, strict=False)), default=math.nan),
        )

    def noted(self, folder: RunFolder) -> RunState:
        """The state in the database."""
        with self.workspace.database.session() as session:
            return RunState(session.get_one(RunRow, folder.path.name).state)


class _Steps:
    """The newest step of a run, read at little cost."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._offset = 0
        self._newest = 0

    def newest(self) -> int:
        events, self._offset = read_events(self._folder.events, self._offset)
        self._newest = max((event.step for event in events if event.type == "step"), default=self._newest)
        return self._newest


class _Nobody(Supervisor):
    def start(self) -> None:
        """Does not: the servers of the plant supervise."""
