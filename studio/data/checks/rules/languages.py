"""Several languages in one dataset."""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.check import Check, Dataset, Matches, without
from studio.data.checks.language_detection import NAMES
from studio.domain.problem import Severity

_RARE: Final = 0.1  # share of the examples: a language above it is there on purpose


def _search(dataset: Dataset) -> Matches:
    """Finds answers in another language than their question, and languages of a few examples only."""
    asked, answered = dataset.facts.rows["asked_in"], dataset.facts.rows["answered_in"]
    spoken = np.where(answered > 0, answered, asked)
    counts = np.bincount(spoken, minlength=len(NAMES) + 1)
    counts[0] = 0
    rare = counts < _RARE * counts.sum()
    rare[0] = False
    wrong = np.flatnonzero(((asked > 0) & (answered > 0) & (asked != answered)) | rare[spoken])
    order = np.argsort(-counts, kind="stable")[:4]
    names = ", ".join(NAMES[place - 1] for place in order.tolist() if counts[place])
    return Matches(wrong, params={"languages": names})


CHECK: Final = Check("languages", Severity.WARNING, 20, search=_search, fix=without, by_default=False)
