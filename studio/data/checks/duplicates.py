"""Exact duplicates: the same question with the same answer, letter case and spaces aside."""

from __future__ import annotations

from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding, same, without
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_CODE: Final = "duplicates"


def _key(conversation: Conversation) -> tuple[object, ...]:
    turns = tuple((m.role, " ".join(m.content.casefold().split())) for m in conversation.messages)
    return conversation.held_out is True, turns


def _find(dataset: Dataset) -> Finding | None:
    groups = same(map(_key, dataset.conversations))
    copies = [i for group in groups for i in group[1:]]
    return finding(dataset, _CODE, Severity.WARNING, copies, groups, sets=len(groups))


CHECK: Final = Check(_CODE, Severity.WARNING, 25, _find, without)
