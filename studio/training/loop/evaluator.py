"""Measures a model in the course of its training: the loss on held-out examples, and recall where that decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.models.tokenizer import EncodedExample
from studio.storage.compute_lock import ComputeLock
from studio.training.engines.base import Engine, learned_tokens
from studio.training.loop.evaluation import RECALL_LENGTH, EvalResult

if TYPE_CHECKING:
    from studio.training.loop.dataloader import Encoder

_AT_ONCE: Final = 16
_LONGEST: Final = 160  # tokens of an answer that are compared with the expected one


class Evaluator:
    """Asks the same each time. What is asked is made when it is first needed.

    Args:
        held_out: examples that are never learned; may be empty.
        recall: gives examples of training asked in other words; where there are any, they decide.
    """

    def __init__(
        self,
        engine: Engine,
        encoder: Encoder,
        held_out: Sequence[Conversation],
        recall: Callable[[], Sequence[Conversation]],
        compute_lock: ComputeLock,
    ) -> None:
        self._engine = engine
        self._encoder = encoder
        self._held_out = held_out
        self._make_recall = recall
        self._compute_lock = compute_lock

    @cached_property
    def recall(self) -> Sequence[Conversation]:
        """Conversations of training in other words; none where the loss decides."""
        return self._make_recall()

    def evaluate(self) -> EvalResult | None:
        """How the model does now; None where there is nothing to ask."""
        if not self._examples and not self.recall:
            return None
        loss = self.held_out_loss()
        if not self.recall:
            return EvalResult(loss)
        recalled = right_answers(self._engine, self._encoder, self.recall, self._compute_lock, RECALL_LENGTH)
        return EvalResult(loss, recalled, len(self.recall), self._loss_of(self._recall_examples))

    def held_out_loss(self) -> float | None:
        """Mean cross-entropy of the held-out examples, in nats a learned token; None without any."""
        return self._loss_of(self._examples) if self._examples else None

    @cached_property
    def _examples(self) -> list[EncodedExample]:
        return self._encoded(self._held_out)

    @cached_property
    def _recall_examples(self) -> list[EncodedExample]:
        return self._encoded(self.recall)

    def _encoded(self, conversations: Sequence[Conversation]) -> list[EncodedExample]:
        return [example for example in map(self._encoder.example, conversations) if learned_tokens([example])]

    def _loss_of(self, examples: Sequence[EncodedExample]) -> float:
        total = 0.0
        for first in range(0, len(examples), _AT_ONCE):
            self._compute_lock.wait()
            total += self._engine.loss(examples[first : first + _AT_ONCE])
        return total / max(1, learned_tokens(examples))


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
