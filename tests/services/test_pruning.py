"""The disk of a project: told, and tidied up without taking anything that undo, redo or a run needs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.services.container import Services
from studio.services.examples.imports import ImportRequest
from studio.services.examples.pruning import KEPT_STEPS
from studio.services.examples.table import RowEdit
from studio.storage.database import RunRow
from studio.storage.files import used_bytes

EDITS = 30


def _file(path: Path, name: str) -> Path:
    path.mkdir(exist_ok=True)
    (path / name).write_text("Pergunta,Resposta\n" + "".join(f"Quanto {n}?,Custa {name} {n}\n" for n in range(9)))
    return path / name


@pytest.fixture
def project(services: Services, tmp_path: Path) -> str:
    """A first file, of which run-1 was made; a second one, edited often; a third that took its place, edited often."""
    project_id = services.projects.create("Loja").id
    first = services.datasets.import_files(project_id, [_file(tmp_path / "in", "first.csv")])
    _run(services, project_id, "run-1", first.version.id)
    for name in ("second.csv", "third.csv"):
        view = services.datasets.import_files(project_id, [_file(tmp_path / "in", name)])
        for n in range(EDITS):
            services.tables.apply(project_id, [RowEdit(view.conversations[0].id, answer=f"Muda {n}")])
            view = services.datasets.current(project_id)
            assert view is not None
    return project_id


def _run(services: Services, project_id: str, run_id: str, version_id: str) -> None:
    row = RunRow(
        id=run_id, project_id=project_id, dataset_id=version_id, name="Treino", created_at=0.0, state="finished",
        position=1.0, model_id="m", model_name="M", train_examples=1, held_out_examples=1,
    )  # fmt: skip
    with services.workspace.database.session() as session:
        session.add(row)


def _names(services: Services, project_id: str) -> set[str]:
    return {path.name.partition("-")[2] for path in (services.workspace.project(project_id) / "uploads").iterdir()}


def test_what_undo_redo_and_runs_need_stays(services: Services, project: str) -> None:
    folder = services.workspace.project(project)
    before = services.pruning.disk_use(project)
    total = used_bytes(folder)
    assert before.uploads + before.versions == total
    assert before.unused_uploads == ("second.csv",)
    assert services.pruning.prune(project) == before.freed > 0
    assert used_bytes(folder) == total - before.freed
    assert _names(services, project) == {"first.csv", "third.csv"}
    history = services.history.versions(project)
    assert {version.number for version in history} & set(before.old_versions) == set()
    assert history[-1].number == 1, "run-1 was made from it"
    assert services.datasets.load(history[-1].id)
    for _ in range(KEPT_STEPS):
        services.history.undo(project)
    with pytest.raises(AfinaError, match=r"data\.nothing_to_undo"):
        services.history.undo(project)
    oldest = services.datasets.current(project)
    assert oldest is not None
    with pytest.raises(AfinaError, match=r"data\.version_before_removed"):
        services.history.changes(oldest.version.id)
    assert services.pruning.disk_use(project).freed == 0, "all that redo reaches is needed"
    for _ in range(KEPT_STEPS):
        services.history.redo(project)
    assert (view := services.datasets.current(project)) is not None
    assert view.conversations[0].answer == f"Muda {EDITS - 1}"


def test_a_version_that_the_recipe_of_another_project_names_stays(services: Services, project: str) -> None:
    old = next(v for v in services.history.versions(project) if v.number == 5)
    other = services.projects.create("Outra").id
    _run(services, other, "run-2", "")
    services.workspace.run("run-2").path.mkdir(parents=True)
    recipe = Recipe(model="m", data=(f"dataset:{old.id}",))
    services.workspace.run("run-2").recipe.write_text(recipe.model_dump_json())
    assert 5 not in services.pruning.disk_use(project).old_versions
    services.pruning.prune(project)
    assert services.datasets.load(old.id)
    assert "second.csv" in _names(services, project), "it was read from that file"


def test_a_file_that_nothing_names_goes_once_it_cannot_be_on_its_way(services: Services, project: str) -> None:
    services.pruning.prune(project)
    left = services.workspace.project(project) / "uploads" / "0123-left.csv"
    left.write_text("x")
    assert services.pruning.disk_use(project).unused_uploads == ()
    os.utime(left, (time.time() - 90_000,) * 2)
    assert services.pruning.disk_use(project).unused_uploads == ("left.csv",)


def test_nothing_goes_while_files_are_read(services: Services, project: str, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    rest = "Enviamos pelo correio. " * 4
    large.write_text("Pergunta,Resposta\n" + "".join(f"Quanto {n}?,Custa {n}. {rest}\n" for n in range(30_000)))
    services.imports.start(project, ImportRequest(paths=(large,)))
    with pytest.raises(AfinaError, match=r"data\.being_read"):
        services.pruning.prune(project)
    services.imports.cancel(project)
