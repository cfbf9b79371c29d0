"""What the plots of the examples show: lengths, languages, topics, copies. Pure counting; nothing is drawn here."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from studio.data.checks.check import Dataset
from studio.data.checks.facts import equal_groups
from studio.data.checks.language_detection import NAMES

_BINS: Final = 24
_STEPS: Final = (1, 2, 5, 10)
# How many examples are in which language, by ISO 639-1 code, the most frequent first; an empty code counts those too
# short to say.
Languages = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Lengths:
    """Lengths of examples in tokens of the chosen model."""

    width: int  # of a bar, in tokens
    counts: tuple[int, ...]  # examples in each bar; the first begins at 0, the last has all that are longer too
    limit: int  # longest example that a training takes whole
    over: int  # examples that are longer than that
    median: int  # length of the example in the middle
    longest: int  # length of the longest
    examples: int  # in all

    def bars(self) -> list[tuple[int, int, int]]:
        """The shortest and the longest length that each bar counts, and how many examples it has."""
        last = len(self.counts) - 1
        return [
            (i * self.width, max(self.longest, i * self.width) if i == last else (i + 1) * self.width - 1, count)
            for i, count in enumerate(self.counts)
        ]


@dataclass(frozen=True)
class Topic:
    """One topic, or one answer where nobody named topics."""

    name: str  # of the topic; else the first question that has this answer
    examples: int  # how many there are, to learn from and for the proof
    phrasings: int  # how many of those to learn from differ by more than a few letters
    held_out: int  # how many of the examples are for the proof
    first: str  # id of the first example


@dataclass(frozen=True)
class Topics:
    """All topics, the one with the most examples first."""

    named: bool  # whether the data names its topics; else each answer counts as one
    topics: tuple[Topic, ...]  # see :class:`Topic`

    @property
    def single(self) -> tuple[Topic, ...]:
        """Topics that are asked in one wording only."""
        return tuple(topic for topic in self.topics if topic.phrasings == 1)


@dataclass(frozen=True)
class Copies:
    """A group of examples that ask nearly the same, by their letters."""

    question: str  # of the first
    ids: tuple[str, ...]  # of the examples, in their order
    answers: int  # how many answers, beyond a few letters, they have


@dataclass(frozen=True)
class Insights:
    """Everything the plots show but the map."""

    lengths: Lengths | None  # None while no model is chosen and installed
    languages: Languages  # of questions and answers
    topics: Topics  # named or found
    copies: tuple[Copies, ...]  # groups of near-identical questions, the largest first

    @classmethod
    def of(cls, dataset: Dataset, held_out: Collection[str] = ()) -> Insights:
        """Counts everything."""
        return cls(lengths(dataset), languages(dataset), topics(dataset, held_out), copies(dataset))


def lengths(dataset: Dataset) -> Lengths | None:
    """Lengths in tokens; None without a model or examples."""
    if dataset.tokens is None or not len(dataset):
        return None
    found = np.sort(np.asarray(dataset.tokens.lengths(dataset.conversations), np.int64))
    limit, longest = dataset.tokens.limit, int(found[-1])
    # One very long example must not squeeze all others into one bar: a little beyond the limit is the last.
    end = max(1, min(longest, round(1.2 * limit)))
    width = _round_width(end / _BINS)
    return Lengths(
        width=width,
        counts=tuple(np.bincount(np.minimum(found, end) // width).tolist()),
        limit=limit,
        over=int((found > limit).sum()),
        median=int(found[len(found) // 2]),
        longest=longest,
        examples=len(found),
    )


def languages(dataset: Dataset) -> Languages:
    """The language of each example: of its answer, of its question where the answer is too short to say."""
    asked, answered = dataset.facts.rows["asked_in"], dataset.facts.rows["answered_in"]
    counts = np.bincount(np.where(answered > 0, answered, asked), minlength=len(NAMES) + 1).tolist()
    found = [(code, count) for code, count in zip(("", *NAMES), counts, strict=True) if count]
    return tuple(sorted(found, key=lambda item: (item[0] == "", -item[1], item[0])))


def topics(dataset: Dataset, held_out: Collection[str] = ()) -> Topics:
    """Topics by their column where most examples have one, by answers else."""
    rows = dataset.facts.rows
    named = 2 * int(np.count_nonzero(rows["topic"])) > len(rows)
    aside = rows["held_out"].copy()
    if held_out:
        aside |= np.isin(dataset.ids(range(len(rows))), list(held_out))
    table = pd.DataFrame(
        {"key": rows["topic" if named else "answer"], "wording": dataset.question_groups, "aside": aside}
    )
    table = table[table.key > 0]
    by_topic = table.groupby("key", sort=False)
    counts = by_topic.agg(examples=("aside", "size"), aside=("aside", "sum"))
    counts["phrasings"] = table[~table.aside].groupby("key").wording.nunique()
    counts = counts.fillna(0).astype(int)
    firsts = dataset.at(table.index[~table.key.duplicated()])
    found = [
        Topic((first.topic or "") if named else first.question, examples, phrasings, kept_aside, first.id)
        for first, (examples, kept_aside, phrasings) in zip(firsts, counts.to_numpy().tolist(), strict=True)
    ]
    return Topics(named, tuple(sorted(found, key=lambda topic: -topic.examples)))


def copies(dataset: Dataset) -> tuple[Copies, ...]:
    """Groups of two and more examples that ask nearly the same after the same history; the largest first."""
    groups = sorted(equal_groups(dataset.question_groups.astype(np.uint64)), key=lambda group: -len(group))
    return tuple(
        Copies(dataset.conversations[group[0]].question, dataset.ids(group), len(set(dataset.answer_groups[group])))
        for group in groups
    )


def main_language(found: Languages) -> str:
    """The language of most examples; empty where none can be told."""
    return next((code for code, _ in found if code), "")


def _round_width(width: float) -> int:
    """A round width of at least ``width``: 1, 2, 5, 10, 20, 50 …"""
    scale = int(10 ** max(0, math.ceil(math.log10(width)) - 1))
    return next(step * scale for step in _STEPS if step * scale >= width)


def spread(items: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the items, evenly over all of them, in their order."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]
