"""Held-out questions that training has too, in the same or nearly the same words: the test would be too easy."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_CODE: Final = "leakage"


def _find(dataset: Dataset) -> Finding | None:
    if not any(c.held_out for c in dataset.conversations):
        return None  # the studio's own split keeps them apart
    sides: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for i, (group, conversation) in enumerate(zip(dataset.question_groups, dataset.conversations, strict=True)):
        sides[group][conversation.held_out is True].append(i)
    both = [(learned, asked) for learned, asked in sides.values() if learned and asked]
    leaking = [i for _, asked in both for i in asked]
    return finding(dataset, _CODE, Severity.WARNING, leaking, ((*learned, *asked) for learned, asked in both))


def _fix(dataset: Dataset, found: Finding, choice: str) -> list[Conversation]:
    """``test`` takes them out of the test (a copy of a training example goes away, another wording is learned from);
    ``training`` takes their twins out of training. Where no test would be left, the studio draws a new one.
    """
    leaking = set(found.positions)
    if choice == "training":
        twins = {i for group in found.groups for i in group} - leaking
        return [c for i, c in enumerate(dataset.conversations) if i not in twins]
    learned = {(dataset.prompts[i], dataset.answers[i]) for group in found.groups for i in group if i not in leaking}
    kept = []
    for i, conversation in enumerate(dataset.conversations):
        if i not in leaking:
            kept.append(conversation)
        elif (dataset.prompts[i], dataset.answers[i]) not in learned:
            kept.append(conversation.model_copy(update={"held_out": False}))
    if not any(c.held_out for c in kept):
        return [c.model_copy(update={"held_out": None}) for c in kept]
    return kept


CHECK: Final = Check(_CODE, Severity.WARNING, 30, _find, _fix, ("test", "training"))
