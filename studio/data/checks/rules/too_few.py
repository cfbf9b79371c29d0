"""Too few examples for the model to learn a way of answering from."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, Dataset, Matches
from studio.domain.problem import Severity

ENOUGH: Final = 20  # examples for a first good try; data.too_few_rows says the same


def _search(dataset: Dataset) -> Matches:
    learned = int((~dataset.facts.rows["held_out"]).sum())
    if learned >= ENOUGH:
        return Matches(())
    return Matches((), params={"n": learned, "enough": ENOUGH}, of_whole=True)


CHECK: Final = Check("too_few", Severity.WARNING, 30, search=_search)
