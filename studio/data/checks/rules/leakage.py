"""Held-out questions that training has too, in the same or nearly the same words: the test would be too easy."""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.check import Changes, Check, Dataset, Finding, Matches
from studio.data.checks.facts import equal_groups
from studio.domain.problem import Severity


def _search(dataset: Dataset) -> Matches:
    rows = dataset.facts.rows
    held_out = rows["held_out"] & ~rows["reworded"]  # a rewording is meant to be near the question that it rewords
    if not held_out.any():
        return Matches(())  # the studio's own split keeps them apart
    groups = dataset.question_groups
    both = np.isin(groups, groups[held_out]) & np.isin(groups, groups[~rows["held_out"]])
    both &= ~rows["reworded"]
    places = np.flatnonzero(both)
    members = [places[group] for group in equal_groups(groups[places].astype(np.uint64))]
    sides = [(*group[~held_out[group]].tolist(), *group[held_out[group]].tolist()) for group in members]
    return Matches(np.flatnonzero(both & held_out), sides)


def _fix(dataset: Dataset, found: Finding, choice: str) -> Changes:
    """``test`` takes them out of the test (a copy of a training example goes away, another wording is learned from);
    ``training`` takes their twins out of training. Where no test would be left, the studio draws a new one.
    """
    leaking = set(found.rows.tolist())
    twins = [i for group in found.groups for i in group if i not in leaking]
    if choice == "training":
        return dict.fromkeys(twins)
    rows = dataset.facts.rows
    learned = set(rows[["prompt", "answer"]][twins].tolist())
    changes: Changes = {}
    for i in sorted(leaking):
        copied = rows[["prompt", "answer"]][i].item() in learned
        changes[i] = None if copied else dataset.conversations[i].model_copy(update={"held_out": False})
    if int(rows["held_out"].sum()) > len(leaking):
        return changes
    for i, conversation in enumerate(dataset.conversations):
        if changes.get(i, conversation) is not None:
            changes[i] = conversation.model_copy(update={"held_out": None})
    return changes


CHECK: Final = Check(
    "leakage", Severity.WARNING, 30, search=_search, fix=_fix, choices=("test", "training"), by_default=False
)
