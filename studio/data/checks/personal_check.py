"""The check that goes with a kind of personal data."""

from __future__ import annotations

from studio.data.checks.base import Check, Dataset, Finding, finding
from studio.data.checks.personal import Kind
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity


def check_of(kind: Kind, weight: float, severity: Severity = Severity.WARNING) -> Check:
    """A check that finds the values of ``kind`` that are not the company's own, and masks them.

    Args:
        kind: what to look for.
        weight: points of the health score; see :class:`Check`.
        severity: how much it matters.
    """

    def find(dataset: Dataset) -> Finding | None:
        places = dataset.personal.private.get(kind.code, [])
        values = len({place.span.value for place in places})
        return finding(
            dataset, kind.code, severity, (p.example for p in places), values=values, mask=f"[{kind.mask}_1]"
        )

    def fix(dataset: Dataset, found: Finding, _choice: str) -> list[Conversation]:
        chosen = set(found.positions)
        places = ((kind.code, p) for p in dataset.personal.private.get(kind.code, []) if p.example in chosen)
        return dataset.personal.masked(dataset.conversations, places)

    return Check(kind.code, severity, weight, find, fix)
