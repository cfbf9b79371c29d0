"""The same question with different answers: the model learns a mixture of them."""

from __future__ import annotations

from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding, same
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_CODE: Final = "contradictions"


def _find(dataset: Dataset) -> Finding | None:
    groups = [
        group
        for group in same(prompt or i for i, prompt in enumerate(dataset.prompts))
        if len({dataset.answer_groups[i] for i in group}) > 1
    ]
    members = [i for group in groups for i in group]
    return finding(dataset, _CODE, Severity.WARNING, members, groups, sets=len(groups))


def _fix(dataset: Dataset, found: Finding, choice: str) -> list[Conversation]:
    """Keeps one answer of each group.

    Args:
        dataset: the examples.
        found: the groups.
        choice: ``newest`` (the last in the order of the examples), ``longest``, or the ids to keep, apart by ``+``; of
            a group of which no id is named, everything stays.
    """
    named = set(choice.split("+"))
    gone: set[int] = set()
    for group in found.groups:
        if choice == "newest":
            kept = {group[-1]}
        elif choice == "longest":
            kept = {max(group, key=lambda i: len(dataset.conversations[i].answer))}
        else:
            kept = {i for i in group if dataset.conversations[i].id in named} or set(group)
        answers = {dataset.answer_groups[i] for i in kept}
        gone |= {i for i in group if dataset.answer_groups[i] not in answers}
    return [c for i, c in enumerate(dataset.conversations) if i not in gone]


CHECK: Final = Check(_CODE, Severity.WARNING, 35, _find, _fix, ("newest", "longest"))
