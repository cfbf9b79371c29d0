"""Suggested answers: they wait, are accepted into the examples or dropped, and nothing enters unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.data.importing.pipeline import read_files
from studio.data.opinions import is_opinion_file
from studio.errors import AfinaError
from studio.services.examples.table import RowEdit
from studio.services.suggested_answers import SuggestedAnswerService
from studio.storage.workspace import Workspace
from tests.services.test_links import add_run
from tests.web.demo_server import suggested_answers


@pytest.fixture
def suggested(workspace: Workspace) -> SuggestedAnswerService:
    add_run(workspace)
    return suggested_answers(workspace)


def pairs(suggested: SuggestedAnswerService) -> list[tuple[str, str]]:
    rows = suggested._tables.page("project-1").rows
    return [(row.conversation.question, row.conversation.answer) for row in rows]


def test_what_is_accepted_becomes_an_example_as_the_owner_left_it(suggested: SuggestedAnswerService) -> None:
    suggested.suggest("run-1", "Loja", "Abre domingo?", "Não.", "Sim, das 7 às 12.")
    suggested.suggest("run-1", "Loja", "Tem pão?", "Não sei.", "Tem, quentinho.")
    first, second = suggested.list("project-1")
    assert suggested.accept(first.id, first.question, "Sim, das 7h às 12h.") is False
    assert pairs(suggested) == [("Abre domingo?", "Sim, das 7h às 12h.")]
    suggested.drop(second.id)
    assert suggested.count("project-1") == 0
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        suggested.accept(second.id, "a", "b")  # it was dropped in another tab
    assert len(pairs(suggested)) == 1


def test_an_example_that_asks_the_same_gets_the_answer_and_is_not_contradicted(
    suggested: SuggestedAnswerService,
) -> None:
    suggested._tables.apply("project-1", [RowEdit(question="Abre domingo?", answer="Não."), RowEdit("", "Oi", "Olá")])
    suggested.suggest("run-1", "Loja", "abre domingo", "Não.", "Sim.")
    (waiting,) = suggested.list("project-1")
    assert suggested.accept(waiting.id, waiting.question, waiting.better) is True
    assert sorted(pairs(suggested)) == [("Oi", "Olá"), ("abre domingo", "Sim.")]


def test_an_incomplete_one_still_waits(suggested: SuggestedAnswerService) -> None:
    suggested.suggest("run-1", "Loja", "Abre domingo?", "Não.", "Sim.")
    (waiting,) = suggested.list("project-1")
    with pytest.raises(AfinaError, match=r"data\.edit_incomplete"):
        suggested.accept(waiting.id, "Abre domingo?", "  ")
    assert suggested.list("project-1") == [waiting]


def test_a_file_of_opinions_becomes_suggestions_and_none_twice(
    suggested: SuggestedAnswerService, tmp_path: Path
) -> None:
    path = tmp_path / "padaria-opinioes.jsonl"
    opinions = [
        {"question": "Abre domingo?", "answer": "Não.", "suggestion": "Sim.", "vote": "bad"},
        {"question": "Tem pão?", "answer": "Tem.", "suggestion": "", "vote": "good"},
        {"question": "Tem bolo?", "answer": "Tem.", "suggestion": "Tem.", "vote": ""},
    ]
    lines = [json.dumps(one | {"at": "2026-11-26T17:00:00.000Z"}, ensure_ascii=False) for one in opinions]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert is_opinion_file(path)
    read = read_files([path])
    assert not read.conversations, "what the chatbot said is no example"
    assert [one.code for one in read.problems] == ["data.opinions"]
    assert suggested.read_opinions("project-1", path) == (1, 0, 1, 1, 1)
    assert suggested.read_opinions("project-1", path) == (0, 1, 1, 1, 1)
    (waiting,) = suggested.list("project-1")
    assert (waiting.source, waiting.answer, waiting.better) == ("padaria-opinioes", "Não.", "Sim.")
    assert suggested.count("project-1") == 1
    path.write_text(lines[0] + '\n{"question": 1}\n', encoding="utf-8")
    with pytest.raises(AfinaError, match=r"data\.opinions_damaged"):
        suggested.read_opinions("project-1", path)
    huge = {"question": "q" * 1_000_000, "answer": "a", "suggestion": "b", "vote": "", "at": ""}
    path.write_text(lines[0] + "\n" + json.dumps(huge) + "\n", encoding="utf-8")
    with pytest.raises(AfinaError, match=r"data\.opinions_damaged"):
        suggested.read_opinions("project-1", path)
    assert suggested.count("project-1") == 1


@pytest.mark.parametrize("line", ['{"question": "a", "answer": "b"}', "question,answer", "", "[1]"])
def test_examples_are_no_opinions(tmp_path: Path, line: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    assert not is_opinion_file(path)
