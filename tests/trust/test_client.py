"""The decision client beside a worker that dies."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.settings import Settings
from studio.storage.workspace import Workspace
from studio.trust.client import DecisionClient
from studio.trust.protocol import DecisionRequest


@pytest.mark.parametrize("script", ["read line; printf '{\"decision\": nu'", "read line", None])
def test_a_worker_that_dies_while_it_answers_is_told_as_such(tmp_path: Path, script: str | None) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        python.chmod(stat.S_IRWXU)
    workspace = Workspace.open(Settings(home=tmp_path / "home"))
    client = DecisionClient(workspace, str(python))
    try:
        with pytest.raises(AfinaError, match=r"trust\.failed"):
            client.ask(DecisionRequest(folder=tmp_path, question="q"))
    finally:
        client.close()
        workspace.database.close()
