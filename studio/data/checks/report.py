"""Everything the checks say of a dataset, its health as one number, and what a fix would change.

    score = max(0, 100 - sum of w · sqrt(a / n) over all findings)

where ``n`` is the number of examples, ``a`` how many of them a check found something in, and ``w`` the weight of the
check (:class:`studio.data.checks.check.Check`): the points lost when every example is affected. The root makes the first
few cases count, since a model learns a bad habit from few examples: 1 % of the examples costs a tenth of the weight. A
finding about the whole dataset (too few examples) costs its weight times the missing share. The three findings that cost
most are those most worth doing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from studio.data.checks import registry
from studio.data.checks.check import Dataset, Finding
from studio.data.limits import CHECKED_AT_ONCE
from studio.domain.conversation import Conversation

_MOST_WORTH: Final = 3  # findings
_TRIED_PER_SHOWN: Final = 4  # of a large set, so many times as many as are shown: a fix may leave some as they are


def cost(finding: Finding, examples: int) -> float:
    """The points that a finding takes from the score."""
    weight = registry.get(finding.code).weight
    if not finding.count:
        return weight * (1 - float(finding.params["n"]) / float(finding.params["enough"]))
    return weight * math.sqrt(finding.count / max(1, examples))


def score(dataset: Dataset, findings: Sequence[Finding]) -> int:
    """The health score, 0 to 100; 0 without examples."""
    if not len(dataset):
        return 0
    return max(0, round(100 - sum(cost(finding, len(dataset)) for finding in findings)))


def most_worth(dataset: Dataset, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The three findings that cost most, the most expensive first."""
    order = {check.code: place for place, check in enumerate(registry.CHECKS)}
    costly = [finding for finding in findings if cost(finding, len(dataset)) > 0]
    return tuple(sorted(costly, key=lambda f: (-cost(f, len(dataset)), order[f.code]))[:_MOST_WORTH])


@dataclass(frozen=True)
class Report:
    """The health of a dataset."""

    score: int  # 0 to 100; see :func:`score`
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
