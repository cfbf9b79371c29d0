"""Imports: small ones at once, large ones aside; watched, stopped, and checked with the same result."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.report import Report
from studio.domain.dataset import Mapping
from studio.processes.job_registry import Job, JobState
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.imports import ImportRequest, ImportService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace
from tests.child_processes import is_over
from tests.pasting import paste
from tests.training.runs import wait_for

_STUDIO = """
import sys, time
from pathlib import Path
from studio.services.examples.datasets import DatasetService
from studio.services.examples.imports import ImportRequest, ImportService
from studio.settings import Settings
from studio.storage.workspace import Workspace

imports = ImportService(DatasetService(Workspace.open(Settings(home=Path(sys.argv[1])))))
imports.start(sys.argv[2], ImportRequest(hub=None, paths=(Path(sys.argv[3]),)))
while (pid := imports.progress(sys.argv[2]).child_pid) is None:
    time.sleep(0.01)
print(pid, flush=True)
time.sleep(600)
"""
ROWS = 22_000  # beyond 20,000, examples stay on disk


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


@pytest.fixture
def project(workspace: Workspace) -> str:
    return ProjectService(workspace).create("Loja").id


def ended(imports: ImportService, project: str) -> Job:
    """The progress once the import is over; it never goes back meanwhile."""
    done = 0.0
    while True:
        progress = imports.progress(project)
        assert progress is not None
        assert progress.fraction >= done
        done = progress.fraction
        if not progress.is_active:
            return progress
        time.sleep(0.05)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("Pergunta", "Resposta"))
        for n in range(ROWS):
            letters = "".join(chr(97 + (n * k) % 26) for k in (1, 3, 5, 7, 11, 17))
            mail = f" Meu e-mail é {letters}{n}@uol.com.br." if n % 50 == 0 else ""
            answer = (
                "."
                if n % 70 == 0
                else f"Sobre {letters}: o prazo do pedido é de {n} dias. " + "Enviamos pelo correio. " * 10
            )
            out.writerow((f"Qual é o prazo de entrega de {letters} número {n % 21_000}?{mail}", answer))
    return path


def test_a_small_import_is_finished(datasets: DatasetService, project: str, tmp_path: Path) -> None:
    imports = ImportService(datasets)
    assert imports.progress(project) is None
    imports.start(project, ImportRequest(text="Pergunta;Resposta\nPix?;Sim.\nBoleto?;Não."))
    progress = ended(imports, project)
    assert (progress.state, progress.fraction) == (JobState.DONE, 1.0)
    view = datasets.current(project)
    assert view is not None
    assert [c.question for c in view.conversations] == ["Pix?", "Boleto?"]
    imports.start(project, ImportRequest(text="Pergunta;Resposta\nFrete?;Grátis.\nTroca?;Sim.", append=True))
    assert ended(imports, project).state is JobState.DONE
    view = datasets.current(project)
    assert view is not None
    assert view.version.examples == 4
    imports.forget(project)
    assert imports.progress(project) is None


def test_the_same_files_are_read_with_other_columns(datasets: DatasetService, project: str) -> None:
    imports = ImportService(datasets)
    imports.start(project, ImportRequest(text="Pergunta;Resposta\nPix?;Sim.\nBoleto?;Não."))
    ended(imports, project)
    swapped = Mapping(question=("Resposta",), answer=("Pergunta",))
    imports.start(project, ImportRequest(mapping=swapped, again=True))
    ended(imports, project)
    view = datasets.current(project)
    assert view is not None
    assert [(c.question, c.answer) for c in view.conversations] == [("Sim.", "Pix?"), ("Não.", "Boleto?")]
    imports.start(project, ImportRequest(mapping=Mapping(question=("Lugar",), answer=("Pergunta",)), again=True))
    progress = ended(imports, project)
    assert progress.problem is not None
    assert progress.problem.code == "data.column_missing"


@pytest.mark.slow
def test_a_large_set_is_read_with_other_columns_aside(datasets: DatasetService, project: str, log: Path) -> None:
    imports = ImportService(datasets)
    imports.start(project, ImportRequest(paths=(log,)))
    assert ended(imports, project).state is JobState.DONE
    swapped = Mapping(question=("Resposta",), answer=("Pergunta",))
    imports.start(project, ImportRequest(mapping=swapped, again=True))
    started = imports.progress(project)
    assert started is not None
    assert started.is_active, "the page is not kept waiting"
    assert ended(imports, project).state is JobState.DONE
    view = datasets.current(project)
    assert view is not None
    assert (view.version.number, view.mapping.question) == (2, ("Resposta",))


def test_what_goes_wrong_is_told_and_changes_nothing(datasets: DatasetService, project: str, tmp_path: Path) -> None:
    imports = ImportService(datasets)
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    imports.start(project, ImportRequest(paths=(path,)))
    progress = ended(imports, project)
    assert progress.state is JobState.FAILED
    assert progress.problem is not None
    assert progress.problem.code == "data.not_readable.image"
    assert datasets.current(project) is None


@pytest.mark.slow
def test_a_large_import_is_checked_aside_with_the_same_result(
    workspace: Workspace, datasets: DatasetService, project: str, log: Path
) -> None:
    imports = ImportService(datasets)
    service = CheckService(datasets, ModelService(workspace))
    imports.start(project, ImportRequest(paths=(log,)))
    assert ended(imports, project).state is JobState.DONE
    view = datasets.current(project)
    assert view is not None
    assert (view.version.examples, len(view.conversations)) == (ROWS, 1_000)
    report = service.known(project)
    assert report is not None, "the import has left its report"
    here = Report.of(ScannedDataset.of(datasets.load(view.version.id)))
    assert [(f.code, f.count, f.params) for f in report.findings] == [
        (f.code, f.count, f.params) for f in here.findings
    ]
    assert (report.score, report.top3) == (here.score, here.top3)
    assert [(c.after is None) for c in service.preview(project, "empty_answers")] == [True] * 5
    masked = service.preview(project, "emails", 2)[1].after
    assert masked is not None
    assert "[EMAIL_2]" in masked.question
    fixed = service.fix(project, ["emails", "empty_answers"])
    assert fixed.version.examples == ROWS - (ROWS + 69) // 70
    left = service.known(project)
    assert left is not None
    assert not {"emails", "empty_answers"} & {f.code for f in left.findings}


@pytest.mark.slow
def test_a_stop_leaves_everything_as_it_was(
    workspace: Workspace, datasets: DatasetService, project: str, log: Path
) -> None:
    imports = ImportService(datasets)
    imports.start(project, ImportRequest(text="Pergunta;Resposta\nPix?;Sim.\nBoleto?;Não."))
    imports.start(project, ImportRequest(paths=(log,)))
    imports.cancel(project)
    assert ended(imports, project).state is JobState.CANCELLED
    view = datasets.current(project)
    assert view is not None
    assert (view.version.number, view.version.examples) == (1, 2)
    imports.close()


def test_an_import_that_the_end_of_the_studio_cut_off_is_told_once(
    workspace: Workspace, datasets: DatasetService, project: str, log: Path
) -> None:
    paste(datasets, project, "Pergunta;Resposta\nPix?;Sim.\nBoleto?;Não.")
    before = datasets.version(project)
    command = [sys.executable, "-c", _STUDIO, str(workspace.home), project, str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as studio:
        assert studio.stdout is not None
        child = int(studio.stdout.readline())
        studio.kill()
    imports = ImportService(datasets)
    job = imports.progress(project)
    assert job is not None
    assert job.state is JobState.INTERRUPTED
    wait_for(lambda: is_over(child))
    assert datasets.version(project) == before
    imports.forget(project)
    assert ImportService(datasets).progress(project) is None
