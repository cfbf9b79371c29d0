"""A batch divided among threads, so that all are done at about the same time; and among portions of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from studio.models.tokenizer import EncodedExample

_TOKENS: Final = 2048  # at once; more does not make a product faster, only the memory larger
_FEWEST_TOKENS: Final = 96  # of a thread's share; fewer are not worth reading the weights for


def shares(examples: Sequence[EncodedExample], most: int) -> list[list[EncodedExample]]:
    """Divides examples into at most ``most`` shares of about as many tokens, those of like length together.

    Args:
        examples: at least one.
    """
    tokens = sum(len(example.input_ids) for example in examples)
    count = max(1, min(most, len(examples), tokens // _FEWEST_TOKENS))
    parts: list[list[EncodedExample]] = [[] for _ in range(count)]
    done = 0
    for example in sorted(examples, key=lambda example: len(example.input_ids)):
        length = len(example.input_ids)
        parts[min(count - 1, (2 * done + length) * count // (2 * tokens))].append(example)
        done += length
    return [share for share in parts if share]


def portions(examples: Sequence[EncodedExample]) -> Iterator[list[EncodedExample]]:
    """The examples in portions of bounded size; the order does not matter for a sum."""
    portion: list[EncodedExample] = []
    tokens = 0
    for example in sorted(examples, key=lambda e: len(e.input_ids)):
        if portion and tokens + len(example.input_ids) > _TOKENS:
            yield portion
            portion, tokens = [], 0
        portion.append(example)
        tokens += len(example.input_ids)
    if portion:
        yield portion
