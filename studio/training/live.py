"""The fixed questions that are answered while a run goes on, in a small share of its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.event import Answers, LiveAnswer
from studio.storage.turns import Turns
from studio.training.batches import Encoder
from studio.training.engine import Engine

SHARE: Final = 0.1  # of the training time
_LONGEST: Final = 96  # tokens
_MARGIN: Final = 8


class LiveAnswers:
    """Asks them when there is time for it.

    The base model's answers and the last ones are always given: they are what is compared. In between a round is given
    only if it and the last one together stay within the share, by what the longest round so far has taken.

    Args:
        asked: conversations whose last answers are expected; none is fine.
        engine: answers.
        encoder: makes tokens of the questions.
        turns: lets whoever answers in the chat go first.
        clock: seconds.
    """

    def __init__(
        self,
        asked: Sequence[Conversation],
        engine: Engine,
        encoder: Encoder,
        turns: Turns,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._asked = asked
        self._engine = engine
        self._turns = turns
        self._clock = clock
        self._encoder = encoder
        self._round = 0.0  # seconds of the longest round
        self._prompts = [encoder.prompt(conversation) for conversation in asked]
        wanted = (len(encoder.tokenizer.encode(conversation.answer)) for conversation in asked)
        self._limit = min(_LONGEST, max(wanted, default=0) + _MARGIN)

    def is_affordable(self, spent: float, training: float) -> bool:
        """Whether a round now, and the last one, stay within the share.

        Args:
            spent: seconds on answers so far.
            training: seconds of training so far.
        """
        return spent + 2 * self._round <= SHARE * training

    def give(self, step: int, *, tuned: bool = True) -> Answers | None:
        """Answers all questions; None when there are none.

        Args:
            step: that the model has taken.
            tuned: False for the base model.
        """
        if not self._asked:
            return None
        self._turns.wait()
        began = self._clock()
        stop = self._encoder.tokenizer.stop_ids
        answers = self._engine.generate(self._prompts, stop, self._limit, tuned=tuned)
        seconds = self._clock() - began
        self._round = max(self._round, seconds)
        decode = self._encoder.tokenizer.decode
        items = tuple(
            LiveAnswer(question=c.question, expected=c.answer, answer=decode(ids).strip())
            for c, ids in zip(self._asked, answers, strict=True)
        )
        return Answers(time=time.time(), step=step, items=items, seconds=seconds)
