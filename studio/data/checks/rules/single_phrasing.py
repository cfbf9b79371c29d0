"""Answers that are asked for in one wording only: the model may not know them again in a customer's words."""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.check import Check, Dataset, Matches
from studio.data.checks.facts import first_places
from studio.data.similarity.clusters import combined_hashes
from studio.domain.problem import Severity


def _search(dataset: Dataset) -> Matches:
    """Looks at topics where the data names them, at answers where it does not."""
    rows = dataset.facts.rows
    learned = np.flatnonzero(~rows["held_out"])
    if len(learned) < 2:
        return Matches(())
    topics = rows["topic"][learned]
    members = np.where(topics > 0, topics, rows["answer"][learned])
    first, rank = first_places(combined_hashes(members, (topics > 0).astype(np.uint64)))
    different, _ = first_places(
        combined_hashes(rank.astype(np.uint64), dataset.question_groups[learned].astype(np.uint64))
    )
    wordings = np.bincount(rank[different], minlength=len(first))
    return Matches(learned[first[wordings == 1]], params={"topics": len(first)})


CHECK: Final = Check("single_phrasing", Severity.NOTE, 15, search=_search)
