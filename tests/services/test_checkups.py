"""Check-ups in the background: asked for again until they are there."""

from __future__ import annotations

import threading
import time

import pytest

from studio.data.checks.report import Report
from studio.errors import AfinaError
from studio.services.checks import CheckService
from studio.services.checkups import CheckupService
from studio.services.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace

TABLE = "Pergunta\tResposta\nQuanto é o frete?\tDez reais.\nAbre hoje?\tn/a\n"


class Slow(CheckService):
    """The real checks, which begin when they are let."""

    def __init__(self, datasets: DatasetService, models: ModelService) -> None:
        super().__init__(datasets, models)
        self.go = threading.Event()

    def report(self, project_id: str) -> Report:
        assert self.go.wait(30)
        return super().report(project_id)


def finished(checkups: CheckupService, project: str) -> Report | None:
    for _ in range(200):
        found = checkups.look(project)
        if not found.is_running:
            return found.report
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_a_page_does_not_wait(workspace: Workspace) -> None:
    datasets, models = DatasetService(workspace), ModelService(workspace)
    project = ProjectService(workspace).create("Loja").id
    checks = Slow(datasets, models)
    checkups = CheckupService(datasets, checks)
    with pytest.raises(AfinaError, match=r"data\.no_dataset"):
        checkups.look(project)
    datasets.paste(project, TABLE)
    assert checkups.look(project).is_running
    assert checkups.look(project).examples == 2
    checks.go.set()
    report = finished(checkups, project)
    assert report is not None
    assert "empty_answers" in {finding.code for finding in report.findings}
    datasets.paste(project, TABLE.replace("n/a", "Sim."))
    again = finished(checkups, project)
    assert again is not None
    assert "empty_answers" not in {finding.code for finding in again.findings}


def test_what_goes_wrong_is_said(workspace: Workspace) -> None:
    datasets, models = DatasetService(workspace), ModelService(workspace)
    project = ProjectService(workspace).create("Loja").id
    view = datasets.paste(project, TABLE)
    (workspace.project(project) / "datasets" / f"{view.version.id}.jsonl").write_text("{", encoding="utf-8")
    checkups = CheckupService(datasets, CheckService(datasets, models))
    assert finished(checkups, project) is None
    problem = checkups.look(project).problem
    assert problem is not None
    assert problem.code == "data.version_damaged"
