"""The same question with different answers: the model learns a mixture of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.check import Changes, Check, Dataset, Finding, Matches
from studio.data.checks.facts import equal_groups, first_places
from studio.data.similarity.clusters import combined_hashes
from studio.domain.problem import Severity


def _search(dataset: Dataset) -> Matches:
    prompts = dataset.facts.rows["prompt"]
    asked = np.flatnonzero(prompts)  # where nothing is asked, nothing is answered differently
    different, _ = first_places(combined_hashes(prompts[asked], dataset.answer_groups[asked].astype(np.uint64)))
    _, place = first_places(prompts[asked])
    answers = np.bincount(place[different], minlength=len(asked))
    several = asked[answers[place] > 1]
    groups = equal_groups(prompts[several], several)
    return Matches(several, groups, params={"sets": len(groups)})


def _fix(dataset: Dataset, found: Finding, choice: str) -> Changes:
    """Keeps one answer of each group.

    Args:
        dataset: the examples.
        found: the groups.
        choice: ``newest`` (the last in the order of the examples), ``longest``, or the ids to keep, apart by ``+``; of
            a group of which no id is named, everything stays.
    """
    named = set(choice.split("+"))
    lengths = dataset.facts.rows["length"]
    gone: list[int] = []
    for group in found.groups:
        if choice == "newest":
            kept = {group[-1]}
        elif choice == "longest":
            kept = {max(group, key=lengths.__getitem__)}
        else:
            kept = {i for i in group if dataset.conversations[i].id in named} or set(group)
        answers = {int(dataset.answer_groups[i]) for i in kept}
        gone += [i for i in group if int(dataset.answer_groups[i]) not in answers]
    return dict.fromkeys(gone)


CHECK: Final = Check(
    "contradictions", Severity.WARNING, 35, search=_search, fix=_fix, choices=("newest", "longest"), by_default=False
)
