"""Runs whose quality is known beforehand, and the verdicts that are right for each."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.proof import Verdict
from studio.settings import assets_dir

Sides = tuple[list[Conversation], list[Conversation]]
NO_GAIN: Final = frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE, Verdict.WORSE, Verdict.MEMORISED})
UNCHANGED: Final = frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE})
_TAUGHT_TOPICS: Final = 12
_FEW_LEARNED, _FEW_ASKED = 6, 4


@dataclass(frozen=True)
class Kind:
    """A run that is known beforehand.

    Args:
        sides: gives the examples to learn from and the exam, by seed.
        right: verdicts that are right.
        effort: passes, as a multiple of those of a good run.
        rate: learning rate; None: that of the recipe.
        is_twin: whether a good run is compared with the one of the next seed.
    """

    sides: Callable[[int], Sides]
    right: frozenset[Verdict]
    effort: float = 1.0
    rate: float | None = None
    is_twin: bool = False

    @property
    def is_between_equals(self) -> bool:
        """Whether the two that are compared are equally good."""
        return self.is_twin or self.rate is not None


def sample(language: str, part: str) -> list[Conversation]:
    """Examples of the sample.

    Args:
        language: ``en`` or ``pt``.
        part: ``train`` or ``heldout``.
    """
    with (assets_dir() / "samples" / f"{language}.{part}.csv").open(encoding="utf-8", newline="") as file:
        return [
            Conversation.pair(row["question"], row["answer"], id=f"{part}{number}", topic=row["topic"])
            for number, row in enumerate(csv.DictReader(file))
        ]


def _good(seed: int) -> Sides:
    return sample("en", "train"), sample("en", "heldout")


def _shuffled(seed: int) -> Sides:
    train, exam = _good(seed)
    answers = [each.answer for each in train]
    random.Random(seed).shuffle(answers)
    return [Conversation.pair(c.question, a, id=c.id, topic=c.topic) for c, a in zip(train, answers, strict=True)], exam


def _untaught(seed: int) -> Sides:
    """The exam asks topics that nothing teaches: by heart is all that there is to learn."""
    train, exam = _good(seed)
    topics = sorted({each.topic or "" for each in train})
    random.Random(seed).shuffle(topics)
    taught = set(topics[:_TAUGHT_TOPICS])
    return [c for c in train if c.topic in taught], [c for c in exam if c.topic not in taught]


def _other_language(seed: int) -> Sides:
    return sample("pt", "train"), sample("en", "heldout")


def _few(seed: int) -> Sides:
    train, exam = _good(seed)
    draw = random.Random(seed)
    return draw.sample(train, _FEW_LEARNED), draw.sample(exam, _FEW_ASKED)


KINDS: Final = {
    "good": Kind(_good, frozenset({Verdict.BETTER})),
    "untrained": Kind(_good, UNCHANGED, effort=0.1, rate=1e-9),
    "shuffled": Kind(_shuffled, NO_GAIN, effort=0.5),
    "over_trained": Kind(_untaught, frozenset({Verdict.MEMORISED})),
    "wrong_language": Kind(_other_language, NO_GAIN, effort=0.5),
    "tiny_data": Kind(_few, frozenset({Verdict.TOO_LITTLE}), effort=2.0),
    "two_seeds": Kind(_good, UNCHANGED, is_twin=True),
}
