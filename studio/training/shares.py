"""A batch divided among lanes, so that all are done at about the same time; and among portions of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from studio.models.tokenizer import EncodedExample
from studio.training.fused_shape import Shape

_TOKENS: Final = 2048  # at once; more does not make a product faster, only the memory larger
_FEWEST_TOKENS: Final = 96  # of a lane's share; fewer are not worth reading the weights for
_SCORES: Final = 6.0  # how much longer a number of the attention takes than one of the large products, as measured
_EXCHANGES: Final = 3  # more gain next to nothing
_FEW: Final = 32  # examples; of more, one does not count for much, and all pairs of them are many


@dataclass(frozen=True)
class Work:
    """How long an example takes, in units of one weight times one token.

    Args:
        token: weights of all layers.
        learned: weights of the output embeddings.
        square: of each pair of places.
    """

    token: float
    learned: float
    square: float

    @classmethod
    def of(cls, shape: Shape) -> Work:
        """For a model of this shape."""
        heads = shape.heads * shape.head_dim
        into = shape.hidden * (2 * heads + 2 * shape.kv_heads * shape.head_dim)
        layer = into + 3 * shape.hidden * shape.intermediate
        return cls(shape.layers * layer, shape.hidden * shape.vocabulary, _SCORES * shape.layers * heads)

    def alone(self, example: EncodedExample) -> float:
        """Of one example, without its attention."""
        return self.token * len(example.input_ids) + self.learned * sum(example.learned)


@dataclass
class _Share:
    """Examples of one lane, the work of each without its attention, and their lengths."""

    examples: list[EncodedExample] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def add(self, example: EncodedExample, work: float) -> None:
        self.examples.append(example)
        self.works.append(work)
        self.lengths.append(len(example.input_ids))

    def whole(self, square: float, leaving: int | None = None, coming: tuple[float, int] | None = None) -> float:
        """The work of the share when one example has left and one of this work and length has come.

        Attention fills all examples up to the longest one.
        """
        lengths = [length for place, length in enumerate(self.lengths) if place != leaving]
        works = sum(self.works) - (0.0 if leaving is None else self.works[leaving])
        if coming is not None:
            works += coming[0]
            lengths.append(coming[1])
        return works + square * len(lengths) * max(lengths, default=0) ** 2

    def give(self, place: int, other: _Share) -> None:
        other.add(self.examples.pop(place), self.works.pop(place))
        del self.lengths[place]


def shares(examples: Sequence[EncodedExample], most: int, work: Work) -> list[list[EncodedExample]]:
    """Divides examples into at most ``most`` shares of like work, those of like length together where that is possible.

    Args:
        examples: at least one.
        most: lanes that there are.
        work: what an example takes.
    """
    tokens = sum(len(example.input_ids) for example in examples)
    count = max(1, min(most, len(examples), tokens // _FEWEST_TOKENS))
    found = [_Share() for _ in range(count)]
    works = [work.alone(example) for example in examples]
    done, total = 0.0, sum(works)
    for example, one in sorted(zip(examples, works, strict=True), key=lambda pair: len(pair[0].input_ids)):
        found[min(count - 1, int((done + one / 2) * count / total))].add(example, one)
        done += one
    for left, right in pairwise(found if len(examples) <= _FEW else ()):
        _even(left, right, work.square)
    return [share.examples for share in found if share.examples]


def _even(left: _Share, right: _Share, square: float) -> None:
    """Moves one example, or exchanges two, as long as that makes the longer one of two shares shorter."""
    for _ in range(_EXCHANGES):
        best, chosen = max(left.whole(square), right.whole(square)), None
        for i in (None, *range(len(left.examples))):
            for j in (None, *range(len(right.examples))):
                to_right = None if i is None else (left.works[i], left.lengths[i])
                to_left = None if j is None else (right.works[j], right.lengths[j])
                longer = max(left.whole(square, i, to_left), right.whole(square, j, to_right))
                if longer < best:
                    best, chosen = longer, (i, j)
        if chosen is None:
            return
        i, j = chosen
        if i is not None:
            left.give(i, right)
        if j is not None:
            right.give(j, left)


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
