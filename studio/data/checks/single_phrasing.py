"""Answers that are asked for in one wording only: the model may not know them again in a customer's words."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding
from studio.domain.problem import Severity

_CODE: Final = "single_phrasing"


def _find(dataset: Dataset) -> Finding | None:
    """Looks at topics where the data names them, at answers where it does not."""
    learned = [i for i, c in enumerate(dataset.conversations) if c.held_out is not True]
    if len(learned) < 2:
        return None
    members: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for i in learned:
        topic = dataset.conversations[i].topic
        members[topic is not None, topic or dataset.answers[i]].append(i)
    groups = dataset.question_groups
    single = [found[0] for found in members.values() if len({groups[i] for i in found}) == 1]
    return finding(dataset, _CODE, Severity.NOTE, single, topics=len(members))


CHECK: Final = Check(_CODE, Severity.NOTE, 15, _find)
