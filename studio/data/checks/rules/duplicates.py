"""Exact duplicates: the same question with the same answer, letter case and spaces aside."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, Dataset, Finding, finding, without
from studio.data.checks.facts import same
from studio.domain.problem import Severity

_CODE: Final = "duplicates"


def _find(dataset: Dataset) -> Finding | None:
    groups = same(dataset.facts.rows["exact"])
    copies = [i for group in groups for i in group[1:]]
    return finding(dataset, _CODE, Severity.WARNING, copies, groups, sets=len(groups))


CHECK: Final = Check(_CODE, Severity.WARNING, 25, _find, without)
