"""Helpers: a run on disk and in the queue, made without the services, and the small worker that works on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from studio.domain.recipe import Recipe
from studio.domain.run import RunState
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder, Workspace, new_id
from studio.training.supervision.supervisor import Supervisor

FAKE_WORKER = "tests.training.fake_worker"
MODEL = "tiny-llama"


def supervisor(workspace: Workspace, **options: Any) -> Supervisor:
    """A supervisor of the small worker that looks often."""
    return Supervisor(workspace, **({"module": FAKE_WORKER, "interval": 0.05} | options))


def queue_run(workspace: Workspace, **plan: Any) -> RunFolder:
    """A run that waits; ``plan`` is what its small worker does."""
    write_atomic(workspace.model(MODEL) / "afina.json", "{}")
    folder = workspace.run(new_id("run"))
    write_atomic(folder.recipe, Recipe(model=MODEL).model_dump_json())
    write_atomic(folder.path / "steps.json", json.dumps(plan))
    enqueue(workspace, folder)
    return folder


def enqueue(workspace: Workspace, folder: RunFolder) -> None:
    """Puts the run in this folder at the end of the queue."""
    project_id = new_id("project")
    with workspace.database.session() as session:
        session.add(ProjectRow(id=project_id, name="Test", created_at=0, updated_at=0))
        session.flush()
        position = session.query(RunRow).count() + 1
        session.add(
            RunRow(
                id=folder.path.name, project_id=project_id, name="Test", created_at=0, state=RunState.QUEUED,
                position=position, model_id=MODEL, model_name="Tiny", train_examples=8, held_out_examples=2,
            )
        )  # fmt: skip


def state_of(workspace: Workspace, folder: RunFolder) -> RunState:
    """The state that the database notes."""
    with workspace.database.session() as session:
        row = session.get(RunRow, folder.path.name)
        assert row is not None
        return RunState(row.state)


def starts_of(folder: RunFolder) -> list[int]:
    """Process ids of the workers that were started, in order."""
    log = folder.path / "starts.log"
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Waits until ``condition`` holds; fails after ``seconds``, which is only for a test that would hang."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
