"""Suggested questions: those that a real, tuned tiny model answers as its examples do."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from studio.chat.client import ChatPool
from studio.domain.conversation import Conversation
from studio.domain.project import ChosenBy, Link
from studio.services.chats import ChatService
from studio.services.links import LinkService
from studio.services.suggestions import SuggestionService
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace
from tests.sharing.conftest import make_run, tiny_workspace

__all__ = ["tiny_workspace"]  # a fixture
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]
QUESTIONS = [f"Pergunta número {number}?" for number in range(5)]
PATIENCE = 120  # seconds; a limit on waiting


@pytest.fixture
def chats(tiny_workspace: Workspace) -> Iterator[ChatService]:
    made = ChatService(tiny_workspace, ChatPool(tiny_workspace))
    yield made
    made.close()


def write_examples(workspace: Workspace, answers: dict[str, str]) -> None:
    lines = [Conversation.pair(question, answer).model_dump_json() for question, answer in answers.items()]
    write_atomic(workspace.run("run-1").held_out, "\n".join(lines))


def chosen(workspace: Workspace, chats: ChatService) -> Link:
    """A link whose questions were chosen by their place first, once the model was asked."""
    links = LinkService(workspace)
    service = SuggestionService(workspace, chats, links)
    link = links.create("run-1", "Demo", service.held_out("run-1", 3), chosen_by=ChosenBy.PLACE)
    service.choose(link)
    end = time.monotonic() + PATIENCE
    while service.is_choosing(link.token):
        assert time.monotonic() < end
        time.sleep(0.05)
    return links.open(link.token)


def test_those_that_are_answered_right_are_suggested(tiny_workspace: Workspace, chats: ChatService) -> None:
    make_run(tiny_workspace)
    said = dict(zip(QUESTIONS, chats.answer_all("run-1", QUESTIONS, max_tokens=160), strict=True))
    right = [question for question in QUESTIONS[3:] if said[question]]
    assert right, "the tiny model answers something"
    write_examples(tiny_workspace, {q: said[q] if q in right else f"Never said {q}" for q in QUESTIONS})
    link = chosen(tiny_workspace, chats)
    assert link.chosen_by is ChosenBy.ANSWER
    assert set(link.questions) <= set(right)
    assert link.questions


def test_where_nothing_is_right_the_plain_choice_stays_and_claims_nothing(
    tiny_workspace: Workspace, chats: ChatService
) -> None:
    make_run(tiny_workspace)
    write_examples(tiny_workspace, {question: f"Never said {question}" for question in QUESTIONS})
    link = chosen(tiny_workspace, chats)
    assert link.chosen_by is ChosenBy.PLACE
    assert link.questions == tuple(QUESTIONS[index] for index in (0, 1, 3))


def test_what_cannot_be_asked_leaves_the_link_as_it_is(tiny_workspace: Workspace, chats: ChatService) -> None:
    make_run(tiny_workspace)
    write_examples(tiny_workspace, {QUESTIONS[0]: "Sim."})
    tiny_workspace.run("run-1").model.unlink()
    assert chosen(tiny_workspace, chats).questions == (QUESTIONS[0],)
