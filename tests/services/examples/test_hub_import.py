"""A dataset of the hub through the background import: its process must reach the network, as a training must not."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from studio.data.importing.hub_datasets import HubDataset
from studio.processes.job_registry import JobState
from studio.services.examples.datasets import DatasetService
from studio.services.examples.imports import ImportRequest, ImportService
from studio.services.projects import ProjectService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.hub_server import running_hub


@pytest.mark.model
def test_a_dataset_of_the_hub_is_imported_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"question": f"Is number {n} open?", "answer": f"Yes, number {n} is."} for n in range(9)]
    with running_hub() as hub:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        hub.datasets["acme/faq"] = {"train.jsonl": "\n".join(map(json.dumps, rows)).encode()}
        workspace = Workspace.open(Settings(home=tmp_path / "home", hf_endpoint=hub.address))
        datasets = DatasetService(workspace)
        project = ProjectService(workspace).create("Loja").id
        imports = ImportService(datasets)
        imports.start(project, ImportRequest(hub=HubDataset("acme/faq", rows=5)))
        while (progress := imports.progress(project)) is not None and progress.is_active:
            threading.Event().wait(0.1)
    assert progress is not None
    assert (progress.state, progress.problem) == (JobState.DONE, None)
    view = datasets.current(project)
    assert view is not None
    assert view.version.examples == 5
    workspace.database.close()
