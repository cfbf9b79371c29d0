"""Everything the checks say of a dataset, and what a fix would change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from studio.data.checks import registry
from studio.data.checks.check import Dataset, Finding
from studio.data.checks.score import most_worth, score
from studio.data.limits import CHECKED_AT_ONCE
from studio.domain.conversation import Conversation

_TRIED_PER_SHOWN: Final = 4  # of a large set, so many times as many as are shown: a fix may leave some as they are


@dataclass(frozen=True)
class Report:
    """The health of a dataset."""

    score: int  # 0 to 100; see :mod:`studio.data.checks.score`
    examples: int  # how many were checked
    findings: tuple[Finding, ...]  # what was found, in the order in which fixes are applied
    top3: tuple[Finding, ...]  # the findings most worth doing something about

    @classmethod
    def of(cls, dataset: Dataset) -> Report:
        """Runs every check."""
        findings = registry.find_all(dataset)
        return cls(score(dataset, findings), len(dataset), findings, most_worth(dataset, findings))


@dataclass(frozen=True)
class Change:
    """An example before and after a fix; ``after`` is None for one that goes away."""

    before: Conversation
    after: Conversation | None


def changes(before: Iterable[Conversation], after: Iterable[Conversation]) -> list[Change]:
    """What differs between two lists of examples, by their ids, in the order of ``before``."""
    kept = {conversation.id: conversation for conversation in after}
    pairs = (Change(conversation, kept.get(conversation.id)) for conversation in before)
    return [pair for pair in pairs if pair.before != pair.after]


def preview(dataset: Dataset, wanted: str, limit: int = 5) -> list[Change]:
    """The first examples that a fix would change. Raises as :func:`studio.data.checks.registry.parse`."""
    check, choice = registry.parse(wanted)
    found = check.find(dataset)
    if found is None or check.fix is None:
        return []
    if len(dataset) > CHECKED_AT_ONCE:  # a fix of the first examples shows what a fix of all would do to them
        found = replace(
            found, rows=found.rows[: limit * _TRIED_PER_SHOWN], groups=found.groups[: limit * _TRIED_PER_SHOWN]
        )
    made = check.changes(dataset, found, choice)
    pairs = (Change(dataset.conversations[place], made[place]) for place in sorted(made))
    return list(islice((pair for pair in pairs if pair.before != pair.after), limit))


@dataclass(frozen=True)
class Removal:
    """An example that a fix leaves out, and the code of the check that asked for it."""

    code: str
    conversation: Conversation


def removals(dataset: Dataset, wanted: list[str]) -> tuple[Dataset, list[Removal]]:
    """The dataset after some fixes, and every example that they leave out, in the order in which they go.

    Raises as :func:`studio.data.checks.registry.parse`.
    """
    gone: list[Removal] = []
    for code, fixed in registry.fix_steps(dataset, wanted):
        if len(fixed) < len(dataset):
            kept = {conversation.id for conversation in fixed.conversations}
            gone += [Removal(code, c) for c in dataset.conversations if c.id not in kept]
        dataset = fixed
    return dataset, gone
