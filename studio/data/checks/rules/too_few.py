"""Too few examples for the model to learn a way of answering from."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, Dataset, Finding
from studio.domain.problem import Severity

_CODE: Final = "too_few"
ENOUGH: Final = 20  # examples for a first good try; data.too_few_rows says the same


def _find(dataset: Dataset) -> Finding | None:
    learned = int((~dataset.facts.rows["held_out"]).sum())
    if learned >= ENOUGH:
        return None
    return Finding(_CODE, Severity.WARNING, (), (), {"n": learned, "enough": ENOUGH, "rows": ""})


CHECK: Final = Check(_CODE, Severity.WARNING, 30, _find)
