"""Lengths of a large version: counted by another process, told by letters until then, and no page reads every example."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.data.versions import rows
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.models.tokenizer import Tokenizer
from studio.services.container import Services
from studio.services.examples import split_store
from studio.services.runs import token_lengths
from studio.services.runs.examples import RunExamples
from studio.services.runs.token_lengths import RunLengths
from studio.settings import Settings
from tests.services.paper_model import PAPER, install_paper_model
from tests.training.runs import wait_for

ROWS = 60
WORDS = 12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def large(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The services of a machine for which a few dozen examples are many, with a model on paper."""
    monkeypatch.setattr(split_store, "DRAWN_AT_ONCE", ROWS // 2)
    monkeypatch.setattr(token_lengths, "DRAWN_AT_ONCE", ROWS // 2)
    install_paper_model(services.workspace)
    return services


def shop(services: Services, folder: Path, answers: int = ROWS) -> str:
    """A project of examples with so many different answers, whose words are long: letters tell too many tokens."""
    said = ["word" + "s" * 20] * WORDS
    lines = [f"Does item {n} fit {n * 7}?,Yes: {' '.join(said)} {n % answers}." for n in range(ROWS)]
    (folder / "faq.csv").write_text("\n".join(["question,answer", *lines]), encoding="utf-8")
    project = services.projects.create("Shop").id
    services.projects.update(project, model_id=PAPER)
    services.datasets.import_files(project, [folder / "faq.csv"])
    return project


def test_a_page_is_told_by_letters_until_another_process_has_counted(
    large: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, card = shop(large, tmp_path), large.models.get(PAPER)
    examples = RunExamples(large.workspace, large.datasets).of_project(project, Recipe(model=PAPER))
    monkeypatch.setattr(Tokenizer, "load", _never)
    lengths = RunLengths(large.workspace)
    rough = lengths.of(card, examples, estimate=True)
    assert lengths.is_counting(PAPER), "so that the page looks again"
    counted = lengths.of(card, examples)
    assert not lengths.is_counting(PAPER)
    assert lengths.of(card, examples, estimate=True) == counted
    assert counted.longest < rough.longest
    monkeypatch.undo()
    assert RunLengths(large.workspace).of(card, examples) == counted, "as it is counted here"


def test_the_offers_follow_the_count(large: Services, tmp_path: Path) -> None:
    project = shop(large, tmp_path)
    large.splits.view(project)
    large.runs.offers(project, PAPER)
    wait_for(lambda: not large.runs.estimates.is_measuring(PAPER))
    offered = {offer.recipe.max_length for offer in large.runs.offers(project, PAPER)}
    examples = RunExamples(large.workspace, large.datasets).of_project(project, Recipe(model=PAPER))
    assert offered == {large.runs.prepared(project, Recipe(model=PAPER))[1].max_length}
    assert len(examples.train) > ROWS // 2


@pytest.mark.parametrize(("answers", "unique"), [(ROWS, True), (ROWS // 2, False)])
def test_whether_answers_are_unique_is_kept_with_the_drawn_test(
    large: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int, unique: bool
) -> None:
    """Half of the answers are there twice; the sample that stands for a version before its draw may not show that."""
    project = shop(large, tmp_path, answers)
    examples = RunExamples(large.workspace, large.datasets).of_project(project, Recipe(model=PAPER))
    assert examples.has_unique_answers is unique
    monkeypatch.setattr(rows.Rows, "__iter__", _never)
    assert RunLengths(large.workspace).of(large.models.get(PAPER), examples).has_unique_answers is unique


def test_a_tokenizer_that_is_missing_is_told_and_asked_for_again(large: Services, tmp_path: Path) -> None:
    project, card = shop(large, tmp_path), large.models.get(PAPER)
    examples = RunExamples(large.workspace, large.datasets).of_project(project, Recipe(model=PAPER))
    lengths, tokenizer = RunLengths(large.workspace), large.workspace.model(PAPER) / "tokenizer.json"
    aside = tokenizer.rename(tokenizer.with_suffix(".aside"))
    with pytest.raises(AfinaError) as caught:
        lengths.of(card, examples)
    assert caught.value.code == "model.no_tokenizer"
    aside.rename(tokenizer)
    assert lengths.of(card, examples).longest > WORDS


def _never(*arguments: object) -> object:
    raise AssertionError("read in this process")
