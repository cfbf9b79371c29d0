"""How many questions a model answers to the letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.models.tokenizer import EncodedExample
from studio.storage.compute_lock import ComputeLock

if TYPE_CHECKING:
    from studio.training.engines.base import Engine
    from studio.training.loop.dataloader import Encoder

_AT_ONCE: Final = 16
_LONGEST: Final = 160


def right_answers(
    engine: Engine, encoder: Encoder, asked: Sequence[Conversation], compute_lock: ComputeLock, longest: int = _LONGEST
) -> int:
    """How many of the questions would be answered to the letter, taking the likeliest token each time.

    Args:
        longest: tokens of an answer that are compared; what follows is not asked for.
    """
    right = 0
    for first in range(0, len(asked), _AT_ONCE):
        compute_lock.wait()
        examples = [last_answer(encoder.example(each), longest) for each in asked[first : first + _AT_ONCE]]
        right += engine.matches([example for example in examples if any(example.learned)])
    return right


def each_right(
    engine: Engine, encoder: Encoder, asked: Sequence[Conversation], compute_lock: ComputeLock
) -> tuple[bool, ...]:
    """Which of the questions would be answered to the letter, for a comparison question by question.

    Args: as for :func:`right_answers`.
    """
    return tuple(right_answers(engine, encoder, (each,), compute_lock) == 1 for each in asked)


def last_answer(example: EncodedExample, longest: int) -> EncodedExample:
    """The example up to the end of its last answer, of which ``longest`` tokens at most are learned, and nothing else."""
    end = max((place + 1 for place, learned in enumerate(example.learned) if learned), default=0)
    begin = max((place + 1 for place, learned in enumerate(example.learned[:end]) if not learned), default=0)
    end = min(end, begin + longest)
    return EncodedExample(example.input_ids[:end], [False] * begin + [True] * (end - begin), example.truncated)
