"""The health of a dataset as one number, and what is most worth doing.

    score = max(0, 100 - sum of w · sqrt(a / n) over all findings)

where ``n`` is the number of examples, ``a`` how many of them a check found something in, and ``w`` the weight of the
check (:class:`studio.data.checks.check.Check`): the points lost when every example is affected. The root makes the first
few cases count, since a model learns a bad habit from few examples: 1 % of the examples costs a tenth of the weight. A
finding about the whole dataset (too few examples) costs its weight times the missing share. The three findings that cost
most are those most worth doing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from studio.data.checks.check import Dataset, Finding
from studio.data.checks.registry import CHECKS, get

TOP = 3


def cost(finding: Finding, examples: int) -> float:
    """The points that a finding takes from the score."""
    weight = get(finding.code).weight
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
    order = {check.code: place for place, check in enumerate(CHECKS)}
    costly = [finding for finding in findings if cost(finding, len(dataset)) > 0]
    return tuple(sorted(costly, key=lambda f: (-cost(f, len(dataset)), order[f.code]))[:TOP])
