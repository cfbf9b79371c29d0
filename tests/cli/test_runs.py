"""The queue from the command line, on a workspace whose runs wait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.cli.program import run
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.training.runs import queue_run


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three runs that wait, in the workspace that the commands open."""
    monkeypatch.setenv("AFINA_HOME", str(tmp_path / "home"))
    workspace = Workspace.open(Settings(home=tmp_path / "home"))
    ids = [queue_run(workspace).path.name for _ in range(3)]
    workspace.database.close()
    return ids


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The document that a command prints with ``--json``."""
    assert run(["runs", *arguments, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_runs_are_moved_paused_and_cancelled(waiting: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = waiting
    assert said(capsys, "move", third, "--before", first)["queue_position"] == 1
    assert said(capsys, "pause", first)["state"] == "paused"
    assert said(capsys, "cancel", third)["state"] == "cancelled"
    states = {view["run"]: (view["state"], view["queue_position"]) for view in said(capsys)["runs"]}
    assert states == {first: ("paused", None), second: ("queued", 1), third: ("cancelled", None)}


def test_a_run_that_does_not_wait_cannot_be_moved(waiting: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "cancel", waiting[0], "--lang", "pt"]) == 0
    assert "Cancelado" in capsys.readouterr().err
    assert run(["runs", "move", waiting[0], "--lang", "pt"]) == 1
    assert "não está mais na fila" in capsys.readouterr().err
