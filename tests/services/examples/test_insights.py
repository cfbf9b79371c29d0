"""The plots of a project: counted in the background, the map by a child process, with the helper and without it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.data.checks.check import Dataset
from studio.data.checks.dataset import ScannedDataset
from studio.domain.conversation import Conversation
from studio.encoders.catalog import MINILM
from studio.errors import AfinaError, Stopped
from studio.services.encoders import EncoderInstall, EncoderService
from studio.services.examples import question_map
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.insights import InsightService
from studio.services.examples.question_map import MapBy, make_map
from studio.services.examples.splits import SplitService
from studio.services.examples.table import RowEdit, TableService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.conftest import MODELS


def service_of(workspace: Workspace) -> InsightService:
    datasets, models = DatasetService(workspace), ModelService(workspace)
    return InsightService(datasets, models, CheckService(datasets, models), EncoderService(workspace))


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace without any model."""
    opened = Workspace.open(Settings(home=tmp_path / "home"))
    yield opened
    opened.database.close()


def sample(workspace: Workspace, locale: str) -> str:
    project_id = ProjectService(workspace).create("Loja").id
    DatasetService(workspace).use_sample(project_id, locale)
    return project_id


def dataset_of(*questions: str) -> Dataset:
    return ScannedDataset.of(Conversation.pair(question, "An answer.") for question in questions)


def test_everything_works_without_the_helper(bare: Workspace) -> None:
    project_id = sample(bare, "pt")
    service = service_of(bare)
    view = service.wait(project_id)
    assert view.problem is None
    assert not view.is_running
    assert view.insights is not None
    assert view.insights.lengths is None, "no model is chosen"
    assert view.language == "pt"
    assert len(view.insights.topics.topics) == 24
    assert all(topic.held_out for topic in view.insights.topics.topics)
    assert len(view.held_out) == 48
    assert view.map is not None
    assert view.map.by is MapBy.LETTERS
    assert len(view.map.ids) == len(view.map.places.x) == 240
    assert not view.map.is_sample
    (example,) = service.examples(project_id, view.map.ids[:1])
    assert example.question
    service.close()


def test_an_edit_is_counted_anew_and_the_first_look_never_waits(bare: Workspace) -> None:
    project_id = sample(bare, "en")
    service = service_of(bare)
    first = service.look(project_id)
    assert first.is_running
    before = service.wait(project_id)
    TableService(bare, CheckService(DatasetService(bare), ModelService(bare))).apply(
        project_id, [RowEdit("e1", "How many days until it arrives here?", "Four.", None)]
    )
    after = service.wait(project_id)
    assert before.version_id != after.version_id
    (found,) = service.examples(project_id, ["e1"])
    assert found.answer == "Four."
    service.close()


def test_the_proof_is_the_one_that_a_training_would_draw(bare: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    rows = [f"What is the price of {thing} number {n}?,It is {n} euros." for n in range(20) for thing in ("cup", "mug")]
    path.write_text("question,answer\n" + "\n".join(rows))
    project_id = ProjectService(bare).create("Shop").id
    DatasetService(bare).import_files(project_id, [path])
    splits, service = SplitService(bare), service_of(bare)
    first = service.wait(project_id).held_out
    assert first == {c.id for c in splits.view(project_id).held_out}
    splits.draw(project_id, seed=7, share=0.3)
    second = service.wait(project_id).held_out
    assert second == {c.id for c in splits.view(project_id).held_out} != first
    service.close()


def test_too_few_questions_have_no_map_and_say_so(bare: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("question,answer\n" + "".join(f"Question {n}?,Answer {n}.\n" for n in range(4)))
    project_id = ProjectService(bare).create("Few").id
    DatasetService(bare).import_files(project_id, [path])
    service = service_of(bare)
    view = service.wait(project_id)
    assert view.map is None
    assert view.problem is None
    assert view.insights is not None
    service.close()


def test_no_examples_no_plots(bare: Workspace) -> None:
    service = service_of(bare)
    with pytest.raises(AfinaError, match=r"data\.no_dataset"):
        service.look(ProjectService(bare).create("Empty").id)
    service.close()


def test_a_helper_that_is_damaged_is_said_and_tried_again(bare: Workspace) -> None:
    folder = bare.model(MINILM.id)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"broken")
    project_id = sample(bare, "en")
    service = service_of(bare)
    view = service.wait(project_id)
    assert view.problem is not None
    assert view.problem.code == "model.weights_damaged"
    assert view.insights is not None, "what does not need it is there"
    (folder / "model.safetensors").unlink()
    service.again(project_id)
    assert service.wait(project_id).problem is None
    service.close()


def test_a_map_is_made_once_for_the_same_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dataset_of(
        *(f"Question about {word}?" for word in ["cats", "dogs", "birds", "fish", "cows", "pigs", "hens", "bees"])
    )
    arguments = (tmp_path, None, "fp32", lambda done, total: None, lambda: False)
    first = make_map(dataset, *arguments)
    assert first is not None
    monkeypatch.setattr(sys, "executable", "/nowhere")  # a second child would fail
    assert make_map(dataset, *arguments) == first
    next(tmp_path.glob("map-*.json")).write_text("{damaged")
    with pytest.raises(OSError, match="nowhere"):
        make_map(dataset, *arguments)


def test_a_map_that_is_not_wanted_any_more_is_stopped(tmp_path: Path) -> None:
    wanted = threading.Event()
    wanted.set()
    with pytest.raises(Stopped):
        make_map(dataset_of(*map(str, range(50))), tmp_path, None, "fp32", lambda done, total: None, wanted.is_set)
    assert list(tmp_path.glob("map-*")) == []


def test_many_questions_are_sampled_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_map, "MOST_POINTS", 20)
    found = make_map(
        dataset_of(*(f"Question {n}?" for n in range(100))),
        tmp_path,
        None,
        "fp32",
        lambda done, total: None,
        lambda: False,
    )
    assert found is not None
    assert found.is_sample
    assert found.examples == 100
    assert found.ids == tuple(f"e{n}" for n in range(1, 100, 5))


def test_the_helper_is_offered_once(bare: Workspace) -> None:
    helper = EncoderInstall(bare, MINILM)
    assert not helper.is_declined
    assert helper.folder is None
    assert helper.progress is None
    helper.decline()
    assert EncoderInstall(bare, MINILM).is_declined
    helper.close()


@pytest.mark.model
def test_after_an_edit_only_what_is_new_is_read(tmp_path: Path) -> None:
    workspace = Workspace.open(Settings(home=tmp_path / "home", models_dir=MODELS))
    helper = EncoderInstall(workspace, MINILM)
    helper.install()
    helper.wait()
    assert helper.folder is not None
    questions = [
        f"How much is {word}?"
        for word in ["shipping", "coffee", "tea", "a", "cup", "a", "class", "a", "refund", "a", "box", "a", "bag"]
    ]
    read: list[tuple[int, int]] = []

    def make(*asked: str) -> None:
        read.clear()
        found = make_map(
            dataset_of(*asked), tmp_path / "maps", helper.folder, "fp32", lambda *p: read.append(p), lambda: False
        )
        assert found is not None
        assert found.by is MapBy.MEANING

    make(*questions)
    assert read[-1] == (9, 9)
    make(*questions[1:], "What do you charge for delivery?")
    assert read == [(1, 1)]
    workspace.database.close()
