"""The test of a large version is drawn by a process of its own; no page waits for it or holds the examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.data.splitting.split import plan
from studio.data.versions.editing import HeldOut, RowEdit
from studio.data.versions.versions import Versions
from studio.domain.recipe import Recipe
from studio.services.container import Services
from studio.services.examples import split_store
from studio.services.runs.examples import RunExamples
from studio.services.runs.folders import lines
from studio.settings import Settings
from tests.services.paper_model import PAPER, install_paper_model

ROWS = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def project(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(split_store, "DRAWN_AT_ONCE", ROWS - 1)
    install_paper_model(services.workspace)
    project = services.projects.create("Shop").id
    services.projects.update(project, model_id=PAPER)
    path = tmp_path / "faq.csv"
    path.write_text("\n".join(["question,answer", *(f"Does {n} fit {n * 7}?,Yes it does: {n}." for n in range(ROWS))]))
    services.datasets.import_files(project, [path])
    return project


def test_a_page_never_waits_and_a_run_learns_from_what_is_shown(
    services: Services, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = services.datasets.version(project)
    assert version is not None
    expected = plan(services.datasets.load(version.id), services.datasets.split_choice(version.id).seed)
    with monkeypatch.context() as patched:
        patched.setattr(Versions, "load", _never)
        assert services.splits.counts(project) is None
        assert len(services.runs.offers(project, PAPER)) == 3
        examples = RunExamples(services.workspace, services.datasets).of_project(project, Recipe(model=PAPER))
        shown = services.splits.view(project)
    assert [c.id for c in examples.held_out] == [c.id for c in shown.held_out] == [c.id for c in expected.held_out]
    assert list(examples.train) == list(expected.train)
    assert services.splits.counts(project) == (len(expected.held_out), expected.kind)
    assert b"".join(lines(examples.train)).count(b"\n") == len(expected.train)


def test_a_rewording_is_asked_with_the_answer_as_it_was_edited(services: Services, project: str) -> None:
    services.splits.accept(project, services.splits.offer(project)[:2])
    reworded = services.splits.view(project).held_out[0]
    services.tables.apply(project, [RowEdit(reworded.reworded_from or "", answer="Edited since.")])
    version = services.datasets.version(project)
    assert version is not None
    asked = services.datasets.parts(version.id).held_out
    assert [c.answer for c in asked if c.id == reworded.id] == ["Edited since."]
    assert [c.answer for c in services.splits.view(project).held_out if c.id == reworded.id] == ["Edited since."]


def test_a_row_put_aside_by_hand_is_the_test_at_once(services: Services, project: str) -> None:
    services.tables.apply(project, [RowEdit("e5", held_out=HeldOut.TEST)])
    shown = services.splits.view(project)
    assert [c.id for c in shown.held_out] == ["e5"]
    assert shown.by_hand


def _never(*_: object) -> tuple[()]:
    raise AssertionError("a version was read whole in the web process")
