"""Check-ups in the background: asked for again until they are there."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from studio.data.checks.report import Report
from studio.data.limits import CHECKED_AT_ONCE
from studio.data.versions.rows import Rows
from studio.errors import AfinaError
from studio.services.examples.background_checks import Checkup, CheckupService
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace
from tests.pasting import paste

TABLE = "Pergunta\tResposta\nQuanto é o frete?\tDez reais.\nAbre hoje?\tn/a\n"


class Slow(CheckService):
    """The real checks, which begin when they are let."""

    def __init__(self, datasets: DatasetService, models: ModelService) -> None:
        super().__init__(datasets, models)
        self.go = threading.Event()

    def report(self, project_id: str, stop: threading.Event | None = None) -> Report:
        assert self.go.wait(30)
        return super().report(project_id, stop)


def finished(checkups: CheckupService, project: str) -> Report | None:
    for _ in range(2400):
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
    paste(datasets, project, TABLE)
    assert checkups.look(project).is_running
    assert checkups.look(project).examples == 2
    checks.go.set()
    report = finished(checkups, project)
    assert report is not None
    assert "empty_answers" in {finding.code for finding in report.findings}
    paste(datasets, project, TABLE.replace("n/a", "Sim."))
    again = finished(checkups, project)
    assert again is not None
    assert "empty_answers" not in {finding.code for finding in again.findings}


def test_what_goes_wrong_is_said(workspace: Workspace) -> None:
    datasets, models = DatasetService(workspace), ModelService(workspace)
    project = ProjectService(workspace).create("Loja").id
    view = paste(datasets, project, TABLE)
    (workspace.project(project) / "datasets" / f"{view.version.id}.jsonl").write_text("{", encoding="utf-8")
    checkups = CheckupService(datasets, CheckService(datasets, models))
    assert finished(checkups, project) is None
    problem = checkups.look(project).problem
    assert problem is not None
    assert problem.code == "data.version_damaged"


@pytest.fixture
def large(workspace: Workspace, tmp_path: Path) -> tuple[CheckupService, DatasetService, str]:
    """A project with a set that is checked by processes of its own, and not yet checked."""
    datasets = DatasetService(workspace)
    project = ProjectService(workspace).create("Loja").id
    rows = (
        f"Onde está o pedido número {n}?;{'n/a' if n % 50 == 0 else f'O pedido {n} sai hoje.'}"
        for n in range(CHECKED_AT_ONCE + 1)
    )
    (tmp_path / "many.csv").write_text("Pergunta;Resposta\n" + "\n".join(rows), encoding="utf-8")
    datasets.import_files(project, [tmp_path / "many.csv"])
    return CheckupService(datasets, CheckService(datasets, ModelService(workspace))), datasets, project


def ended(checkups: CheckupService, project: str) -> Checkup:
    """Looks until nothing goes on."""
    for _ in range(600):
        found = checkups.look(project)
        if not found.is_running:
            return found
        time.sleep(0.1)
    raise AssertionError("it never ended")


def test_a_check_up_of_a_large_set_can_be_stopped(large: tuple[CheckupService, DatasetService, str]) -> None:
    checkups, datasets, project = large
    assert checkups.look(project).is_running
    checkups.stop(project)
    stopped = ended(checkups, project)
    assert stopped.stopped
    assert stopped.report is None
    assert checkups.look(project).stopped  # it does not begin again on its own
    checkups.again(project)
    report = ended(checkups, project).report
    assert report is not None
    assert "empty_answers" in {finding.code for finding in report.findings}
    examples = CheckService(datasets, ModelService(datasets.workspace)).dataset(project).conversations
    assert isinstance(examples, Rows), "the web process reads them from disk"

    before = datasets.version(project)
    checkups.fix(project, ["empty_answers"])
    assert checkups.look(project).fixes
    checkups.stop(project)
    assert ended(checkups, project).report == report
    assert datasets.version(project) == before
