"""The check that goes with a kind of personal data."""

from __future__ import annotations

import numpy as np

from studio.data.checks.check import Changes, Check, Dataset, Finding, Matches
from studio.data.checks.personal import Kind


def check_of(kind: Kind) -> Check:
    """A check that finds the values of ``kind`` that are not the company's own, and masks them."""

    def search(dataset: Dataset) -> Matches:
        places = dataset.personal.private(kind.code)
        values = len(np.unique(places["value"]))
        return Matches(places["row"], params={"values": values, "mask": dataset.personal.mask(kind)})

    def fix(dataset: Dataset, found: Finding, _choice: str) -> Changes:
        places = dataset.personal.private(kind.code)
        return dataset.personal.masked(dataset.conversations, places[np.isin(places["row"], found.rows)])

    return Check(kind.code, kind.severity, kind.weight, search, fix)
