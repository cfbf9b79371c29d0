"""A batch divided among threads, so that all are done at about the same time; and among portions of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from studio.models.tokenizer import EncodedExample
from studio.training.engines.fused.model_config import ModelConfig

_TOKENS: Final = 2048  # at once; more does not make a product faster, only the memory larger
_FEWEST_TOKENS: Final = 96  # of a thread's share; fewer are not worth reading the weights for
_SCORES: Final = 6.0  # how much longer a number of the attention takes than one of the large products, as measured


@dataclass(frozen=True)
class Work:
    """How long an example takes, in units of one weight times one token.

    Args:
        token: weights of all layers.
        square: of each pair of places.
    """

    token: float
    learned: float
    square: float

    @classmethod
    def of(cls, config: ModelConfig) -> Work:
        """For a model of this shape."""
        heads = config.heads * config.head_dim
        into = config.hidden * (2 * heads + 2 * config.kv_heads * config.head_dim)
        layer = into + 3 * config.hidden * config.intermediate
        return cls(config.layers * layer, config.hidden * config.vocabulary, _SCORES * config.layers * heads)

    def of_example(self, example: EncodedExample) -> float:
        """Of one example; its attention as if it were the longest of its share."""
        length = len(example.input_ids)
        return self.token * length + self.learned * sum(example.learned) + self.square * length**2


def shares(examples: Sequence[EncodedExample], most: int, work: Work) -> list[list[EncodedExample]]:
    """Divides examples into at most ``most`` shares of like work, those of like length together where that is possible.

    Args:
        examples: at least one.
    """
    tokens = sum(len(example.input_ids) for example in examples)
    count = max(1, min(most, len(examples), tokens // _FEWEST_TOKENS))
    parts: list[list[EncodedExample]] = [[] for _ in range(count)]
    done, total = 0.0, sum(map(work.of_example, examples))
    for example in sorted(examples, key=lambda example: len(example.input_ids)):
        one = work.of_example(example)
        parts[min(count - 1, int((done + one / 2) * count / total))].append(example)
        done += one
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
