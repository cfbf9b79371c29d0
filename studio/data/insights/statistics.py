"""What the plots of the examples show: lengths, languages, topics, copies. Pure counting; nothing is drawn here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from studio.data.checks.check import Dataset
from studio.data.checks.language_detection import language

_BINS: Final = 24
_STEPS: Final = (1, 2, 5)
_LANGUAGE_SAMPLE: Final = 20_000


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
class Languages:
    """How many examples are in which language."""

    # by ISO 639-1 code, the most frequent first; an empty code counts those too short to say
    counts: tuple[tuple[str, int], ...]
    looked_at: int  # examples that were looked at: all, or an even sample of many
    examples: int  # in all


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
    found = sorted(dataset.tokens.lengths(dataset.conversations))
    limit = dataset.tokens.limit
    # One very long example must not squeeze all others into one bar: a little beyond the limit is the last.
    end = max(1, min(found[-1], round(1.2 * limit)))
    width = _round_width(end / _BINS)
    counts = Counter(min(length, end) // width for length in found)
    return Lengths(
        width=width,
        counts=tuple(counts[i] for i in range(max(counts) + 1)),
        limit=limit,
        over=sum(length > limit for length in found),
        median=found[len(found) // 2],
        longest=found[-1],
        examples=len(found),
    )


def languages(dataset: Dataset) -> Languages:
    """The language of each example: of its answer, of its question where the answer is too short to say."""
    stride = -(-len(dataset) // _LANGUAGE_SAMPLE) or 1
    known: dict[str, str] = {}

    def spoken(text: str) -> str:
        if text not in known:
            known[text] = language(text)
        return known[text]

    sample = dataset.conversations[::stride]
    counts = Counter(spoken(c.answer) or spoken(c.question) for c in sample)
    ordered = sorted(counts.items(), key=lambda item: (item[0] == "", -item[1], item[0]))
    return Languages(tuple(ordered), len(sample), len(dataset))


def topics(dataset: Dataset, held_out: Collection[str] = ()) -> Topics:
    """Topics by their column where most examples have one, by answers else."""
    conversations = dataset.conversations
    named = 2 * sum(bool(c.topic) for c in conversations) > len(conversations)
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, conversation in enumerate(conversations):
        key = conversation.topic if named else dataset.answers[i]
        if key:
            members[key].append(i)
    kept = set(held_out)
    found = []
    for name, positions in members.items():
        proof = {i for i in positions if conversations[i].held_out is True or conversations[i].id in kept}
        learned = {dataset.question_groups[i] for i in positions if i not in proof}
        first = conversations[positions[0]]
        label = name if named else first.question
        found.append(Topic(label, len(positions), len(learned), len(proof), first.id))
    return Topics(named, tuple(sorted(found, key=lambda topic: -topic.examples)))


def copies(dataset: Dataset) -> tuple[Copies, ...]:
    """Groups of two and more examples that ask nearly the same after the same history; the largest first."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for i, group in enumerate(dataset.question_groups):
        members[group].append(i)
    found = []
    for positions in members.values():
        if len(positions) > 1:
            chosen = [dataset.conversations[i] for i in positions]
            answers = len({dataset.answer_groups[i] for i in positions})
            found.append(Copies(chosen[0].question, tuple(c.id for c in chosen), answers))
    return tuple(sorted(found, key=lambda group: -len(group.ids)))


def main_language(found: Languages) -> str:
    """The language of most examples; empty where none can be told."""
    return next((code for code, _ in found.counts if code), "")


def _round_width(width: float) -> int:
    """A round width of at least ``width``: 1, 2, 5, 10, 20, 50 …"""
    scale = 1
    while True:
        for step in _STEPS:
            if step * scale >= width:
                return step * scale
        scale *= 10


def spread(items: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the items, evenly over all of them, in their order."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]
