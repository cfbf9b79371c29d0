"""Answers that many questions share are mostly read up to the words that decide."""

from __future__ import annotations

import random

from studio.models.tokenizer import EncodedExample
from studio.training.loop.answer_truncation import deciding_tokens, shortened


def _example(question: list[int], answer: list[int]) -> EncodedExample:
    return EncodedExample(question + answer, [False] * len(question) + [True] * len(answer), truncated=False)


def test_an_answer_is_told_by_the_first_word_that_no_other_has() -> None:
    card = [_example([q, 9], [1, 2, 3, 4, 5, 6, 7, 8]) for q in range(4)]
    cash = [_example([q, 9], [1, 2, 30, 4, 5, 6, 7, 8]) for q in range(4)]
    rare = [_example([5, 9], [1, 2, 30, 40, 5, 6, 7, 8])]
    # 1 2 3 | two more; 30 is shared with the rare answer, so that 4 decides; the rare one is read whole
    assert deciding_tokens(card + cash + rare) == [5] * 4 + [6] * 4 + [None]


def test_what_was_cut_off_or_is_short_is_read_whole() -> None:
    short = [_example([q], [1, 2, 3]) for q in range(4)]
    cut = [EncodedExample([q, 4, 5, 6, 7, 8], [False] + [True] * 5, truncated=True) for q in range(4)]
    assert deciding_tokens(short + cut) == [None] * 8


def test_only_the_last_answer_of_a_talk_is_shortened() -> None:
    talk = EncodedExample([1, 2, 3, 4, 5, 6, 7, 8], [False, True, True, False, True, True, True, False], False)
    seen = {len(shortened(talk, 1, random.Random(seed)).input_ids) for seed in range(40)}
    assert seen == {5, 8}
    assert shortened(talk, None, random.Random(0)) is talk
