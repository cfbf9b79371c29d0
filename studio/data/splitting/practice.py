"""The practice part (validation set): what a run asks itself to choose its checkpoint, its end and its settings.

The final exam (test set) is drawn first, by :mod:`studio.data.splitting.split`, and is not looked at here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from studio.data.splitting.paraphrase import held_out_examples, how_many, rewordings
from studio.data.splitting.split import DEFAULT_FRACTION, SplitKind, held_out_places
from studio.data.text import plain
from studio.domain.conversation import Conversation

FEWEST_TO_PART: Final = 400  # examples to learn from; with fewer, each question asked is missed where it is learned
PRACTICE_SHARE: Final = 0.1
MAX_PRACTICE: Final = 200
_MAX_REWORDED: Final = 64
_SALT: Final = 104_729  # other draws than those of the exam, which takes the plain seed
_RECALL_SALT: Final = 7_919  # and other words
_UNIQUE: Final = 0.9  # share of different answers from which on held-out answers cannot be known
_MIN_EXAMPLES: Final = 4


class PracticeKind(StrEnum):
    """What the practice questions are; the sentence is ``examples.split.practice.<value>``."""

    REAL = "real"  # examples of the data, which are not learned from
    REWORDED = "reworded"  # questions of training in other words: nothing is taken from it
    NONE = "none"


@dataclass(frozen=True)
class Practice:
    """Which of the examples to learn from are asked instead."""

    kind: PracticeKind  # what they are
    places: tuple[int, ...] = ()  # of the real ones, among the examples to learn from; they are then not learned


def draw_practice(train: Sequence[Conversation], seed: int) -> Practice:
    """Decides what is practised with.

    Whole clusters of near-identical questions are taken, new wordings of answers that are learned where there are
    any, as in the draw of the exam. Where the examples are few, questions in other words leave all of them to learn from.
    """
    if len(train) < FEWEST_TO_PART:
        return Practice(PracticeKind.REWORDED if len(train) > 1 else PracticeKind.NONE)
    free = [conversation.model_copy(update={"held_out": None}) for conversation in train]
    places, kind = held_out_places(free, seed + _SALT, min(PRACTICE_SHARE, MAX_PRACTICE / len(free)))
    if kind is SplitKind.NONE:
        return Practice(PracticeKind.REWORDED)
    return Practice(PracticeKind.REAL, tuple(sorted(places)))


def reworded_practice(train: Sequence[Conversation], seed: int) -> list[Conversation]:
    """The questions of a practice of :attr:`PracticeKind.REWORDED`; none where no question can be put otherwise."""
    return recall_questions(train, seed + _SALT, reworded_count(len(train)))


def reworded_count(examples: int) -> int:
    """Questions in other words that a practice has at most."""
    return min(_MAX_REWORDED, how_many(examples, DEFAULT_FRACTION))


def lesson_questions(
    train: Sequence[Conversation], seed: int, count: int
) -> tuple[list[Conversation], list[Conversation]]:
    """Questions of training as they are, one an answer where that is enough, and questions of training in other words."""
    order = random.Random(seed + _SALT).sample(range(len(train)), len(train))
    by_answer: dict[str, int] = {}
    for place in order:
        by_answer.setdefault(train[place].answer, place)
    first = list(by_answer.values())
    taken = set(first)
    chosen = sorted([*first, *(place for place in order if place not in taken)][:count])
    return [train[place] for place in chosen], recall_questions(train, seed + 2 * _SALT, count)


def has_unique_answers(train: Sequence[Conversation], held_out: Sequence[Conversation] = ()) -> bool:
    """Whether (nearly) every answer is there once, so that the answer to a question held out cannot be learned.

    Held-out examples that ask one of ``train`` in other words do not count.
    """
    conversations = [*train, *(conversation for conversation in held_out if not conversation.reworded_from)]
    answers = {plain(conversation.answer) for conversation in conversations}
    return len(conversations) >= _MIN_EXAMPLES and len(answers) >= _UNIQUE * len(conversations)


def recall_questions(conversations: Sequence[Conversation], seed: int, count: int) -> list[Conversation]:
    """Questions of the examples in other words, spread over them, with the answers that they teach."""
    numbered = [
        conversation.model_copy(update={"id": f"r{number}", "held_out": None})
        for number, conversation in enumerate(conversations)
    ]
    return held_out_examples(rewordings(numbered, seed + _RECALL_SALT, count), numbered, 1)
