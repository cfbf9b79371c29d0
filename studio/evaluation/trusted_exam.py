"""The exam as customers get it: known answers, answers of the tuned model, and questions handed to a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.domain.conversation import Role
from studio.domain.proof import TrustedCounts
from studio.evaluation.exam_plan import Item
from studio.evaluation.given_answers import GivenAnswers
from studio.evaluation.scoring import Scorer
from studio.storage.compute_lock import ComputeLock
from studio.storage.workspace import RunFolder
from studio.trust.decision import AnswerKind, Decision
from studio.trust.jobs import trust_job
from studio.trust.worker import fitted_selector


def count_trusted(
    run: RunFolder, models: Path, home: Path, items: Sequence[Item], given: GivenAnswers, scorer: Scorer
) -> tuple[TrustedCounts, ...]:
    """Counts of right, wrong and handed-over questions for each position of "How careful?", the most careful first.

    Args:
        run: folder of the run; its selector is fitted where that was not done yet.
        models: where encoders are installed.
        home: folder of the workspace.
        items: questions of the exam that both models have answered.
        given: what they said.
        scorer: says which answers are right.
    """
    job = trust_job(run, models, home)
    with ComputeLock(home).answering():
        selector, vectors = fitted_selector(job)
        read = [(texts, vectors(texts)) for texts in map(_texts, items)]
    counts = []
    for level in selector.curve.levels:
        found = {"known": 0, "right": 0, "wrong": 0, "handed_over": 0}
        for item, (texts, own) in zip(items, read, strict=True):
            if len(texts) == 1:
                decision = selector.decide(texts, own, level.careful)[0]
            else:
                said = [each.content for each in item.messages if each.role is Role.ASSISTANT]
                decision = selector.decide_in_context((texts[0], texts[1]), own, level.careful, said)
            found[_outcome(item, decision, given, scorer)] += 1
            found["known"] += decision.kind is AnswerKind.KNOWN
        counts.append(TrustedCounts(careful=level.careful, **found))
    return tuple(counts)


def _texts(item: Item) -> tuple[str, ...]:
    """The question alone, or joined with the one before it if there is one."""
    asked = [each.content for each in item.messages if each.role is Role.USER]
    return (item.question,) if len(asked) < 2 else (item.question, f"{asked[-2]}\n{item.question}")


def _outcome(item: Item, decision: Decision, given: GivenAnswers, scorer: Scorer) -> str:
    if decision.kind is AnswerKind.HANDED_OVER:
        return "handed_over"
    said = decision.answer if decision.kind is AnswerKind.KNOWN else given.after[item.key].text
    assert item.conversation is not None
    return "right" if scorer.score(said, item.conversation.answer, item.question).is_right else "wrong"
