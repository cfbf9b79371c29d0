"""The fixed questions that are answered while a run goes on, in a small share of its time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.event import Answers, SampleAnswer
from studio.storage.compute_lock import ComputeLock
from studio.training.engines.base import Engine
from studio.training.engines.prompt_lookup import PromptLookup
from studio.training.loop.dataloader import Encoder

SHARE: Final = 0.1  # of the training time
_LONGEST: Final = 96  # tokens
_LONGEST_BEFORE: Final = 32  # of the base model, whose answers nobody can foretell: two lines on the screen
_MARGIN: Final = 8
_FORETOLD: Final = 0.25  # of the base's time, that the first tuned answers may take: most of their words are proposed
_ENDS: Final = (".", "!", "?")  # of an answer that was done before others were cut off
_TAUGHT: Final = 200  # answers that are proposed


class SampleAnswers:
    """Asks them when there is time for it.

    The base model's answers and the last ones are always given: they are what is compared. In between a round is given
    only if it and the last one together stay within the share, by what the longest round so far has taken; one that
    takes longer is cut off.

    Args:
        taught: conversations whose answers the model learns, and is likely to say.
        clock: seconds.
    """

    def __init__(
        self,
        questions: Sequence[Conversation],
        taught: Sequence[Conversation],
        engine: Engine,
        encoder: Encoder,
        compute_lock: ComputeLock,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._questions = questions
        self._taught = taught
        self._drafts: PromptLookup | None = None
        self._engine = engine
        self._compute_lock = compute_lock
        self._clock = clock
        self._encoder = encoder
        self._before = 0.0  # seconds of the base's answers
        self._round = 0.0  # and of the longest round of tuned ones
        self._prompts = [encoder.prompt(conversation) for conversation in questions]
        wanted = (len(encoder.tokenizer.encode(conversation.answer)) for conversation in questions)
        self._limit = min(_LONGEST, max(wanted, default=0) + _MARGIN)

    def budget(self, spent: float, training: float) -> float:
        """Seconds that a round may take now, if the last one takes as long; 0 where that is too little for one.

        A run that goes on does not know what a round takes: its first one is given whole, as soon as there is room at all.

        Args:
            spent: seconds on answers so far.
            training: seconds of training so far.
        """
        budget, known = (SHARE * training - spent) / 2, self._round or _FORETOLD * self._before
        if budget <= 0 or budget < known:
            return 0.0
        return budget if known else math.inf

    def answer(self, step: int, *, tuned: bool = True, budget: float = math.inf) -> Answers | None:
        """Answers all questions; None when there are none.

        Args:
            tuned: False for the base model.
            budget: seconds after which answers are cut off.
        """
        if not self._questions:
            return None
        self._compute_lock.wait()
        began = self._clock()

        def enough() -> bool:
            return self._clock() - began >= budget

        tokenizer, limit = self._encoder.tokenizer, self._limit if tuned else min(self._limit, _LONGEST_BEFORE)
        drafts = self._proposed() if tuned else PromptLookup()
        answers = self._engine.generate(
            self._prompts, tokenizer.stop_ids, limit, tuned=tuned, drafts=drafts, enough=enough
        )
        for ids in answers:
            drafts.add(ids)
        seconds = self._clock() - began
        if tuned:
            self._round = max(self._round, seconds)
        else:
            self._before = seconds
        was_cut = enough()
        items = tuple(
            self._item(conversation, ids, is_cut=was_cut or len(ids) == limit)
            for conversation, ids in zip(self._questions, answers, strict=True)
        )
        return Answers(time=time.time(), step=step, items=items, seconds=seconds)

    def _item(self, conversation: Conversation, ids: Sequence[int], *, is_cut: bool) -> SampleAnswer:
        answer = self._encoder.tokenizer.decode(ids).strip()
        if is_cut and answer != conversation.answer and not answer.endswith(_ENDS):
            answer += " …"
        return SampleAnswer(question=conversation.question, expected=conversation.answer, answer=answer)

    def _proposed(self) -> PromptLookup:
        """What the model is likely to say: answers that it learns, those that are expected, and what it said last."""
        if self._drafts is None:
            self._drafts = PromptLookup()
            taught = list(dict.fromkeys(conversation.answer for conversation in self._taught))[:_TAUGHT]
            for answer in [*taught, *(conversation.answer for conversation in self._questions)]:
                self._drafts.add(self._encoder.tokenizer.encode(answer))
        return self._drafts
