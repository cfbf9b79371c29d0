"""Versions: what each changed, undo and redo, back to any of them, and files to take away."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from studio.domain.author import COMMAND_LINE, acting_as
from studio.errors import AfinaError
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.table import RowEdit, TableService
from studio.services.examples.versions import HistoryService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace
from tests.pasting import paste

TABLE = "Pergunta\tResposta\nQuanto é o frete?\tDez reais.\nAbre hoje?\tSim.\nAceita pix?\tAceitamos.\n"


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


@pytest.fixture
def tables(workspace: Workspace, datasets: DatasetService) -> TableService:
    return TableService(workspace, CheckService(datasets, ModelService(workspace)))


@pytest.fixture
def history(workspace: Workspace) -> HistoryService:
    return HistoryService(workspace)


@pytest.fixture
def project(workspace: Workspace, datasets: DatasetService) -> str:
    project_id = ProjectService(workspace).create("Loja").id
    paste(datasets, project_id, TABLE)
    return project_id


def current(datasets: DatasetService, project: str) -> list[tuple[str, str]]:
    view = datasets.current(project)
    return [(c.question, c.answer) for c in view.conversations] if view else []


def test_back_to_any_version(
    history: HistoryService, datasets: DatasetService, tables: TableService, project: str
) -> None:
    first = current(datasets, project)
    tables.apply(project, [RowEdit("e1", answer="Onze reais.")])
    second = current(datasets, project)
    assert history.steps(project) == (True, False)
    history.undo(project)
    assert (current(datasets, project), history.steps(project)) == (first, (False, True))
    history.redo(project)
    history.restore(project, history.versions(project)[-1].id)
    assert current(datasets, project) == first
    history.undo(project)
    assert current(datasets, project) == second
    assert [v.action for v in history.versions(project)] == ["restore", "edit", "import"]
    history.undo(project)
    with pytest.raises(AfinaError, match=r"data\.nothing_to_undo"):
        history.undo(project)


def test_a_change_after_an_undo_is_what_redo_reaches(
    history: HistoryService, datasets: DatasetService, tables: TableService, project: str
) -> None:
    tables.apply(project, [], ["e1"])
    history.undo(project)
    tables.apply(project, [], ["e2"])
    with pytest.raises(AfinaError, match=r"data\.nothing_to_redo"):
        history.redo(project)
    history.undo(project)
    history.redo(project)
    assert [question for question, _ in current(datasets, project)] == ["Quanto é o frete?", "Aceita pix?"]


def test_what_a_version_changed(history: HistoryService, tables: TableService, project: str) -> None:
    edits = [RowEdit("e1", answer="Onze reais."), RowEdit(question="Vende chá?", answer="Não.")]
    tables.apply(project, edits, ["e2"])
    newest, first = history.versions(project)
    found = history.changes(newest.id)
    assert found.counts == {"added": 1, "removed": 1, "changed": 1}
    assert [c.question for c in found.added] == ["Vende chá?"]
    assert [c.question for c in found.removed] == ["Abre hoje?"]
    assert [(old.answer, new.answer) for old, new in found.changed] == [("Dez reais.", "Onze reais.")]
    back = history.diff(newest.id, first.id)
    assert (back.added, back.removed) == (found.removed, found.added)
    assert history.changes(first.id, limit=2).counts == {"added": 3, "removed": 0, "changed": 0}
    assert len(history.changes(first.id, limit=2).added) == 2
    tables.apply(project, [], ["e1"])
    assert newest.parent == first.id
    assert history.changes(newest.id) == found, "a later version changes nothing of it"


def test_versions_of_other_projects_are_not_mixed(
    history: HistoryService, datasets: DatasetService, workspace: Workspace, project: str
) -> None:
    mine = history.versions(project)[0].id
    other = paste(datasets, ProjectService(workspace).create("Outra").id, TABLE).version.id
    for pair in ((mine, other), (mine, "data-nope")):
        with pytest.raises(AfinaError, match=r"general\.not_found"):
            history.diff(*pair)
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        history.restore(project, other)


def test_who_made_a_version(history: HistoryService, tables: TableService, project: str) -> None:
    with acting_as("  Ana \n Lima "):
        tables.apply(project, [], ["e1"])
    with acting_as(COMMAND_LINE), acting_as(""):
        tables.apply(project, [], ["e2"])
    assert [v.author for v in history.versions(project)] == [COMMAND_LINE, "Ana Lima", getpass.getuser()]


def test_export(history: HistoryService, datasets: DatasetService, project: str, tmp_path: Path) -> None:
    for suffix in ("csv", "xlsx", "jsonl"):
        path = history.export(project, tmp_path / f"out.{suffix}")
        read = datasets.read_paths([path]).conversations
        assert [(c.question, c.answer) for c in read] == current(datasets, project)
    with pytest.raises(AfinaError, match=r"data\.unknown_export"):
        history.export(project, tmp_path / "out.exe")
