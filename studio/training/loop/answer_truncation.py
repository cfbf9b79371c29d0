"""Answers that many questions share: once their first words are right, the rest follows from having been read before.

A support desk has few answers and many questions. What such data teaches is which answer a question wants, and that is
decided by the words in which the answers differ; the rest of an answer is known by heart after a few readings. So most
readings of an answer stop soon after the word that tells it from all others: the same lesson in about half the tokens.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from studio.models.tokenizer import EncodedExample

_FEWEST_QUESTIONS: Final = 4  # questions an answer must have; a rarer one is always read to its end
_MARGIN: Final = 2  # tokens read on after the one that decides
_WHOLE: Final = 0.25  # share of the readings after the first pass that go to the end


def deciding_tokens(examples: Sequence[EncodedExample]) -> list[int | None]:
    """How many tokens of each answer are enough to tell it from all others; None where it is to be read whole.

    Args:
        examples: of the training data; the last learned part of each is its answer.
    """
    answers = [tuple(example.input_ids[_start(example) :]) for example in examples]
    counts = Counter(answers)
    ordered = sorted(counts)
    needed: dict[tuple[int, ...], int] = dict.fromkeys(ordered, 0)
    for former, latter in pairwise(ordered):  # those most alike are neighbours
        alike = [a == b for a, b in zip(former, latter, strict=False)]
        shared = alike.index(False) if False in alike else len(alike)
        needed[former] = max(needed[former], shared + 1)
        needed[latter] = max(needed[latter], shared + 1)
    return [
        needed[answer] + _MARGIN
        if counts[answer] >= _FEWEST_QUESTIONS and not example.truncated and needed[answer] + _MARGIN < len(answer)
        else None
        for example, answer in zip(examples, answers, strict=True)
    ]


def shortened(example: EncodedExample, enough: int | None, rng: random.Random) -> EncodedExample:
    """The example up to ``enough`` tokens of its answer; at times, and where ``enough`` is None, the whole of it."""
    if enough is None or rng.random() < _WHOLE:
        return example
    end = _start(example) + enough
    return replace(example, input_ids=example.input_ids[:end], learned=example.learned[:end])


def _start(example: EncodedExample) -> int:
    """Place of the first token of the last learned part."""
    place = len(example.learned)
    while place and not example.learned[place - 1]:
        place -= 1
    while place and example.learned[place - 1]:
        place -= 1
    return place
