"""Runs whose quality is known beforehand, and the verdicts that are right for each."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from studio.data.splitting.practice import recall_questions
from studio.domain.conversation import Conversation
from studio.domain.proof import Verdict
from studio.settings import assets_dir

Sides = tuple[list[Conversation], list[Conversation]]
NO_GAIN: Final = frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE, Verdict.WORSE, Verdict.MEMORISED})
UNCHANGED: Final = frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE})
_TAUGHT_TOPICS: Final = 12
_ANSWERS: Final = 24  # of the sample
_FEW_LEARNED, _FEW_ASKED = 6, 4


@dataclass(frozen=True)
class Kind:
    """A run that is known beforehand.

    Args:
        sides: gives the examples to learn from and the exam, by seed and whether the model is the small one.
        right: verdicts that are right.
        effort: passes, as a multiple of those of a good run.
        rate: learning rate; None: that of the recipe.
        is_twin: whether a good run is compared with the one of the next seed.
    """

    sides: Callable[[int, bool], Sides]
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


def _good(seed: int, is_small: bool) -> Sides:
    """The sample. A small model that knew no word before it was tuned is good when it knows its lesson in other words."""
    train = sample("en", "train")
    if not is_small:
        return train, sample("en", "heldout")
    asked = [*recall_questions(train, seed, _ANSWERS), *recall_questions(train, seed + 1, _ANSWERS)]
    return train, list({each.question: each for each in asked}.values())


def _shuffled(seed: int, is_small: bool) -> Sides:
    train, exam = _good(seed, is_small)
    answers = [each.answer for each in train]
    random.Random(seed).shuffle(answers)
    return [Conversation.pair(c.question, a, id=c.id, topic=c.topic) for c, a in zip(train, answers, strict=True)], exam


def _untaught(seed: int, is_small: bool) -> Sides:
    """The exam asks topics that nothing teaches: by heart is all that there is to learn."""
    train, exam = sample("en", "train"), sample("en", "heldout")
    topics = sorted({each.topic or "" for each in train})
    random.Random(seed).shuffle(topics)
    taught = set(topics[:_TAUGHT_TOPICS])
    return [c for c in train if c.topic in taught], [c for c in exam if c.topic not in taught]


def _other_language(seed: int, is_small: bool) -> Sides:
    return sample("pt", "train"), sample("en", "heldout")


def _few(seed: int, is_small: bool) -> Sides:
    train, exam = _good(seed, is_small)
    draw = random.Random(seed)
    return draw.sample(train, _FEW_LEARNED), draw.sample(exam, _FEW_ASKED)


KINDS: Final = {
    "good": Kind(_good, frozenset({Verdict.BETTER})),
    "untrained": Kind(_good, UNCHANGED, effort=0.1, rate=1e-9),
    "shuffled": Kind(_shuffled, NO_GAIN, effort=0.5),
    "over_trained": Kind(_untaught, frozenset({Verdict.MEMORISED}), effort=2.0),
    "wrong_language": Kind(_other_language, NO_GAIN, effort=0.5),
    "tiny_data": Kind(_few, frozenset({Verdict.TOO_LITTLE}), effort=2.0),
    "two_seeds": Kind(_good, UNCHANGED, is_twin=True),
}
