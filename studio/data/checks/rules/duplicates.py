"""Exact duplicates: the same question with the same answer, letter case and spaces aside."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, Dataset, Matches, without
from studio.data.checks.facts import equal_groups
from studio.domain.problem import Severity


def _search(dataset: Dataset) -> Matches:
    groups = equal_groups(dataset.facts.rows["exact"])
    copies = [i for group in groups for i in group[1:]]
    return Matches(copies, groups, params={"sets": len(groups)})


CHECK: Final = Check("duplicates", Severity.WARNING, 25, search=_search, fix=without)
