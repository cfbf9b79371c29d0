"""Answers of models to many questions, batched and greedy, in the turns that trainings and chats leave."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Message
from studio.errors import from_exception
from studio.storage.compute_lock import ComputeLock

if TYPE_CHECKING:
    from studio.chat.batch_decoder import BatchDecoder, Row
    from studio.chat.engine import Engine

_AT_ONCE: Final = 32  # rows of a batch: up to here a row's bf16 products do not depend on the others, so the exam hears what the chat says
_MEMORY_SHARE: Final = 0.15  # of the free memory, for keys and values
_TURN_SECONDS: Final = 3.0  # for which the cores are kept from a training, which then has them as long
_LONGEST_CONTEXT: Final = 2048
_ORDINARY_LENGTH: Final = 512  # tokens of a prompt and its answer


@dataclass(frozen=True)
class Question:
    """What is asked of a model.

    Args:
        key: by which the answer is found again.
        messages: the turns before the answer.
        tuned: folder of the adapter or of the tuned weights; None: the base model.
        limit: most tokens of the answer.
    """

    key: str
    messages: tuple[Message, ...]
    tuned: Path | None
    limit: int


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Args:
        text: without the signs that end it.
        is_cut: whether it ended at its longest, or was going round in circles.
    """

    text: str
    is_cut: bool
    tokens: int


class ComputeTurns:
    """Holds the cores for a while, then leaves them to a training that is under way.

    Args:
        lock: the agreement of the workspace.
        is_training: whether a run is under way; asked every few seconds.
    """

    def __init__(self, lock: ComputeLock, is_training: Callable[[], bool]) -> None:
        self._lock, self._is_training = lock, is_training
        self._since = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds them as long as :meth:`rest` is called now and then."""
        self._take()
        try:
            yield
        finally:
            self._lock.release()

    def rest(self) -> None:
        """Called between two steps: gives a training its turn when the own one is over."""
        if time.monotonic() - self._since < _TURN_SECONDS:
            return
        if self._is_training():
            self._lock.release()
            time.sleep(_TURN_SECONDS)
            self._take()
        self._since = time.monotonic()

    def _take(self) -> None:
        while not self._lock.hold():
            time.sleep(0.05)  # somebody is being answered in the chat
        self._since = time.monotonic()


class Answerer:
    """Asks a base model, and what was tuned from it, many questions at once.

    Args:
        engine: of the base model.
    """

    def __init__(self, engine: Engine, model_dir: Path, turns: ComputeTurns) -> None:
        from studio.chat.engine import START_OF_TURN
        from studio.models.chat_template import END_OF_TURN, ChatTemplate, is_chat_model

        self._engine, self._turns = engine, turns
        self._template = ChatTemplate.load(model_dir)
        self._is_chat_model = is_chat_model(model_dir)
        self._at_once = max(1, min(_AT_ONCE, _affordable_rows(engine)))
        self._signs = sorted(
            sign
            for sign in {*END_OF_TURN, *START_OF_TURN}
            if sign in self._template.source or sign == self._template.eos
        )

    def answer(
        self,
        questions: Iterable[Question],
        on_answer: Callable[[Question, Answer], None],
        is_enough: Callable[[], bool],
    ) -> None:
        """Answers questions in their order, many at a time.

        Args:
            questions: what is asked.
            on_answer: takes each answer as it comes.
            is_enough: asked all the time; True ends it with what there is.

        Raises:
            AfinaError: what goes wrong in a model, ``train.out_of_memory`` where even one row at a time is too much.
        """
        waiting = deque(questions)
        asked: dict[Row, Question] = {}
        with self._turns.held():
            try:
                while (waiting or asked) and not is_enough():
                    self._join(waiting, asked)
                    for row, ending in self._engine.step():
                        if ending == "error":
                            self._retry(row, waiting, asked)
                            break
                        if ending is not None:
                            question = asked.pop(row)
                            on_answer(question, self._answer(question, row, ending))
                    self._engine.sweep()
                    self._turns.rest()
            finally:
                self._engine.drop_all()

    def loss(self, questions: Sequence[tuple[Question, str]]) -> list[tuple[float, int]]:
        """Cross-entropy of expected answers, in nats, and their tokens; one pair a question."""
        found = []
        with self._turns.held():
            for question, expected in questions:
                decoder, row = self._row(question)
                ids = self._engine.tokenizer.encode(expected)[: question.limit] or [0]
                found.append((decoder.loss(row, ids), len(ids)))
                self._turns.rest()
        return found

    def tokens(self, text: str) -> int:
        """How many tokens a text has."""
        return len(self._engine.tokenizer.encode(text))

    def _join(self, waiting: deque[Question], asked: dict[Row, Question]) -> None:
        free = self._at_once - len(asked)
        joining: dict[BatchDecoder, list[Row]] = {}
        for _ in range(min(free, len(waiting))):
            question = waiting.popleft()
            decoder, row = self._row(question)
            asked[row] = question
            joining.setdefault(decoder, []).append(row)
        for decoder, rows in joining.items():
            decoder.join(rows)

    def _retry(self, failed: Row, waiting: deque[Question], asked: dict[Row, Question]) -> None:
        """Asks those under way again, fewer at a time, where memory was short; else gives up."""
        assert failed.error is not None
        error = from_exception(failed.error)
        if error.code != "train.out_of_memory" or self._at_once == 1:
            raise error from failed.error
        waiting.extendleft(reversed(asked.values()))
        asked.clear()
        self._engine.drop_all()
        self._at_once = max(1, self._at_once // 4)

    def _row(self, question: Question) -> tuple[BatchDecoder, Row]:
        from studio.chat.prompts import fit_prompt
        from studio.chat.sampling import Sampling
        from studio.data.checks.language_detection import language

        template = self._template
        if self._is_plain(question):
            template = template.as_plain_text(language(" ".join(turn.content for turn in question.messages)))
        context = min(self._engine.context, _LONGEST_CONTEXT)
        limit = max(1, min(question.limit, context // 2))
        prompt = fit_prompt(template, self._engine.tokenizer, question.messages, context - limit)
        return self._engine.row(prompt.ids, limit, question.tuned, Sampling())

    def _is_plain(self, question: Question) -> bool:
        return question.tuned is None and not self._is_chat_model

    def _answer(self, question: Question, row: Row, ending: str) -> Answer:
        text = self._engine.tokenizer.decode(row.ids)
        for sign in self._signs:
            text = text.partition(sign)[0]
        if self._is_plain(question):
            text = text.lstrip().partition("\n")[0]
        return Answer(text.strip(), ending in ("length", "loop"), len(row.ids))


def _affordable_rows(engine: Engine) -> int:
    """Rows whose keys and values fit into a share of the memory that is free, each of ordinary length."""
    from studio.models.hardware import machine

    return int(_MEMORY_SHARE * machine().memory_free / engine.bytes_a_row(_ORDINARY_LENGTH))
