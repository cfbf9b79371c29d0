"""What was asked on the Compare step: kept with its project, and what a model is reminded of."""

from __future__ import annotations

from studio.services.conversations import MOST, Answer, ConversationService, Turn, earlier_messages
from studio.storage.workspace import Workspace


def turn(question: str, *, follows: bool = False, **answers: str) -> Turn:
    said = tuple(Answer(key=key, text=text) for key, text in answers.items())
    return Turn(question=question, answers=said, follows=follows)


def test_it_is_found_again_after_a_restart_and_ends_where_a_person_says_so(workspace: Workspace) -> None:
    service = ConversationService(workspace)
    for number in range(MOST + 2):
        service.add("project-1", turn(f"q{number}", base="b"))
    reopened = Workspace.open(workspace.settings)
    kept = ConversationService(reopened).read("project-1")
    reopened.database.close()
    assert [kept[0].question, kept[-1].question, len(kept)] == ["q2", f"q{MOST + 1}", MOST]
    assert service.read("project-2") == ()
    service.clear("project-1")
    assert service.read("project-1") == ()


def test_a_damaged_file_is_a_new_conversation(workspace: Workspace) -> None:
    path = workspace.project("project-1") / "comparison.json"
    path.parent.mkdir(parents=True)
    path.write_text("[{", encoding="utf-8")
    service = ConversationService(workspace)
    assert service.read("project-1") == ()
    service.add("project-1", turn("q", base="b"))
    assert len(service.read("project-1")) == 1


def test_a_model_is_reminded_of_its_own_answers_back_to_where_the_conversation_began() -> None:
    turns = (
        turn("alone", base="b0", tuned="t0"),
        turn("one", base="b1", tuned="t1"),
        turn("two", follows=True, base="b2", tuned="t2"),
    )
    assert [m.content for m in earlier_messages(turns, "base")] == ["one", "b1", "two", "b2"]
    assert [m.content for m in earlier_messages(turns, "tuned")] == ["one", "t1", "two", "t2"]
    assert earlier_messages(turns, "run-that-was-not-asked") == []
    assert earlier_messages((), "base") == []
