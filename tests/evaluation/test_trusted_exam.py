"""The exam as customers get it: what is known is the owner's, what is handed over is nobody's mistake."""

from __future__ import annotations

import csv
from pathlib import Path

from studio.domain.conversation import Conversation, Message, Role
from studio.domain.proof_progress import ProofPhase
from studio.evaluation.answering import Answer
from studio.evaluation.exam_plan import Item
from studio.evaluation.given_answers import GivenAnswers
from studio.evaluation.scoring import Scorer
from studio.evaluation.trusted_exam import count_trusted
from studio.settings import assets_dir
from studio.storage.workspace import RunFolder
from studio.trust.jobs import selector_folder
from studio.trust.summary import SelectorSummary


def sample(part: str) -> list[Conversation]:
    with (assets_dir() / "samples" / f"pt.{part}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Conversation.pair(row["question"], row["answer"], id=f"{part}{n}") for n, row in enumerate(rows)]


def item(number: int, one: Conversation, *before: str) -> Item:
    """A question of the exam, after the turns of ``before``."""
    roles = (Role.USER, Role.ASSISTANT)
    turns = [Message(role=roles[place % 2], content=text) for place, text in enumerate([*before, one.question])]
    return Item(ProofPhase.EXAM, f"exam/{number}", tuple(turns), conversation=one)


def test_right_wrong_and_handed_over_at_each_position(tmp_path: Path) -> None:
    run, taught = RunFolder(tmp_path / "run-1"), sample("train")
    run.path.mkdir()
    run.train.write_text("".join(f"{one.model_dump_json()}\n" for one in taught), encoding="utf-8")
    outside = Conversation.pair("quem ganhou o jogo de futebol de ontem?", "O time da casa, por 2 a 1.")
    items = [item(n, one) for n, one in enumerate([*taught[:4], outside])]
    items.append(item(5, taught[0].with_question("e pra mim?"), taught[0].question, "Olá!"))
    items.append(item(6, Conversation.pair("bom dia", "Bom dia! 3 cafés por R$ 9?")))
    given = GivenAnswers(after={one.key: Answer("Custa R$ 1.", False, 4) for one in items})
    scorer = Scorer([one.answer for one in taught], [one.conversation.answer for one in items if one.conversation])
    counts = count_trusted(run, tmp_path / "models", tmp_path, items, given, scorer)
    summary = SelectorSummary.read(selector_folder(run))
    assert summary is not None
    assert [one.careful for one in counts] == [level.careful for level in summary.curve.levels]
    assert all(one.right + one.wrong + one.handed_over == len(items) for one in counts)
    last = counts[-1]
    assert last.known >= 4, "what was taught, to the letter"
    assert last.right >= 4
    assert last.wrong >= 1, "small talk is the model's, and it said nonsense"
    assert last.handed_over >= 1, "football"
