"""Asking a run's model: before and after side by side, in one batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from studio.chat.client import CANCELLED, ChatPool, Ticket, new_request_id
from studio.chat.protocol import Ask, Generate, Reply, Warm
from studio.domain.conversation import Message, Role
from studio.domain.model import BaseModelCard
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.storage.kept_adapter import kept_adapter
from studio.storage.workspace import RunFolder, Workspace
from studio.training.outcome import note_damaged_adapter

BASE: Final = "base"
TUNED: Final = "tuned"
_DROPPED: Final = "dropped"


@dataclass(frozen=True)
class ChatUpdate:
    """The answers so far.

    Args:
        texts: the whole text so far, by side.
        done: whether nothing follows.
        cut: sides whose answer was cut: at its longest, as it went round in circles, or by :meth:`ChatService.stop`.
        dropped: whether the person who stopped it wants nothing of it kept.
        problem: why there is no answer, or none any more; ``done`` is then set.
        notice: worth telling; the answer goes on.
        tokens: tokens of the answers that are over, by side.
        seconds: from the question to now, as the worker measures it.
    """

    texts: dict[str, str]
    done: bool = False
    cut: frozenset[str] = frozenset()
    dropped: bool = False
    problem: Problem | None = None
    notice: Problem | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def stopped(self) -> bool:
        """Whether any answer was cut."""
        return bool(self.cut)


@dataclass(frozen=True)
class _Subject:
    """A run as far as answering needs it."""

    model_id: str
    system_prompt: str | None
    tuned: str | None  # folder of the kept adapter or weights


class ChatService:
    """Answers of the base and of the tuned model of a run, also while it is training (the best so far).

    Args:
        workspace: where runs and models live.
        pool: the workers; closed with this service.
    """

    def __init__(self, workspace: Workspace, pool: ChatPool) -> None:
        self._workspace, self._pool = workspace, pool
        self._lock = threading.Lock()
        self._open: dict[str, Ticket] = {}

    def stream(
        self,
        run_id: str,
        turns: Mapping[str, Sequence[Message]] | Sequence[Message],
        sides: Sequence[str] = (BASE, TUNED),
        temperature: float = 0.0,
        max_tokens: int = 256,
        seed: int = 0,
        client: str = "owner",
        talk: str = "",
    ) -> Generator[ChatUpdate, None, None]:
        """Asks, at the first ``next``; both sides answer in one batch. Closing the iterator cancels.

        Args:
            run_id: the run.
            turns: the chat so far, ending with the question; by side where the sides have answered differently.
            sides: any of ``base`` and ``tuned``.
            temperature: 0 always takes the likeliest word.
            max_tokens: longest answer.
            seed: the same seed gives the same answer.
            client: who asks, so that everybody gets a turn.
            talk: a name by which :meth:`stop` finds it.

        Yields:
            The answers so far. The last one has ``done``; a failure is its ``problem``, and nothing is raised later.

        Raises:
            AfinaError: at once, for what can be known before asking: ``general.not_found``, ``chat.not_ready`` (no
                tuned model yet), ``chat.base_missing``, ``chat.empty``.
        """
        subject = self._subject(run_id, needs_tuned=TUNED in sides)
        by_side = turns if isinstance(turns, Mapping) else dict.fromkeys(sides, turns)
        request = Generate(
            id=new_request_id(),
            client=client,
            asks=tuple(_ask(side, subject, by_side[side], side == TUNED) for side in sides),
            temperature=temperature,
            seed=seed,
            max_tokens=max_tokens,
        )
        return self._updates(lambda: self._pool.submit(subject.model_id, request), sides, talk)

    def stop(self, talk: str, drop: bool = False) -> bool:
        """Stops an answer from another thread; its iterator then ends with what there is.

        Args:
            talk: the name that :meth:`stream` was given.
            drop: tells whoever reads the answer that nothing of it is to be kept.

        Returns:
            Whether there was one to stop.
        """
        with self._lock:
            ticket = self._open.get(talk)
        if ticket is not None:
            ticket.cancel(_DROPPED if drop else CANCELLED)
        return ticket is not None

    def warm(self, run_id: str) -> None:
        """Gets the models of a run ready in the background; nothing happens when that is not possible."""
        try:
            subject = self._subject(run_id, needs_tuned=False)
            self._pool.submit(subject.model_id, Warm(id=new_request_id(), tuned=subject.tuned))
        except AfinaError:
            return

    def answer_all(
        self,
        run_id: str,
        questions: Sequence[str],
        base: bool = False,
        batch_size: int = 8,
        on_progress: Callable[[int, int], None] | None = None,
        max_tokens: int = 256,
    ) -> list[str]:
        """Answers questions in batches, each by itself, always taking the likeliest word.

        Args:
            run_id: the run.
            questions: the questions.
            base: ask the base model instead of the tuned one.
            batch_size: questions that are answered at the same time; eight at most.
            on_progress: called with the number of answers so far and of all questions.
            max_tokens: longest answer.

        Raises:
            AfinaError: as :meth:`stream`, and for what happens while answering.
        """
        subject = self._subject(run_id, needs_tuned=not base)
        answers: list[str] = []
        size = max(1, min(batch_size, 8))
        for start in range(0, len(questions), size):
            asked = questions[start : start + size]
            turns = [(Message(role=Role.USER, content=question),) for question in asked]
            request = Generate(
                id=new_request_id(),
                client="batch",
                asks=tuple(_ask(str(index), subject, turn, not base) for index, turn in enumerate(turns)),
                stream=False,
                max_tokens=max_tokens,
            )
            answers += _collect(self._pool.submit(subject.model_id, request), len(asked))
            if on_progress is not None:
                on_progress(len(answers), len(questions))
        return answers

    def close(self) -> None:
        """Ends the workers."""
        self._pool.close()

    def _updates(
        self, submit: Callable[[], Ticket], sides: Sequence[str], talk: str
    ) -> Generator[ChatUpdate, None, None]:
        texts = dict.fromkeys(sides, "")
        tokens: dict[str, int] = {}
        cut = set[str]()
        try:
            ticket = submit()  # here, so that an iterator closed before its first value has asked for nothing
        except AfinaError as error:
            yield ChatUpdate(texts, done=True, problem=Problem.of(error))
            return
        with self._lock:
            self._open[talk] = ticket
        try:
            for reply in ticket.replies():
                for side, piece in reply.texts.items():
                    texts[side] += piece
                tokens.update(reply.tokens)
                cut.update(side for side, reason in reply.ended.items() if reason != "stop")
                yield ChatUpdate(
                    dict(texts),
                    done=reply.done,
                    cut=frozenset(cut),
                    dropped=_DROPPED in reply.ended.values(),
                    problem=reply.problem,
                    notice=reply.notice,
                    tokens=dict(tokens),
                    seconds=reply.seconds,
                )
        finally:
            ticket.cancel()
            with self._lock:
                if self._open.get(talk) is ticket:
                    del self._open[talk]

    def _subject(self, run_id: str, needs_tuned: bool) -> _Subject:
        folder = self._workspace.run(run_id)
        try:
            recipe = Recipe.model_validate_json(folder.recipe.read_bytes())
            card = BaseModelCard.model_validate_json(folder.model.read_bytes())
        except FileNotFoundError as error:
            raise AfinaError("general.not_found", what=run_id) from error
        if not (self._workspace.model(card.id) / "afina.json").is_file():
            raise AfinaError("chat.base_missing", name=card.name)
        tuned = _kept(folder)
        if needs_tuned and tuned is None:
            raise AfinaError("chat.not_ready")
        return _Subject(card.id, recipe.system_prompt, str(tuned) if tuned is not None else None)


def _kept(folder: RunFolder) -> Path | None:
    """The folder of the adapter that the run kept, or keeps so far; None before there is one."""
    kept = kept_adapter(folder) or kept_adapter(folder)  # a run in progress may replace its best while we look
    if kept is None:
        return None
    if folder.result.exists():
        note_damaged_adapter(folder, kept)
    return kept.folder


def _ask(key: str, subject: _Subject, turns: Sequence[Message], tuned: bool) -> Ask:
    if not turns or not turns[-1].content.strip():
        raise AfinaError("chat.empty")
    said = list(turns)
    if subject.system_prompt and said[0].role is not Role.SYSTEM:
        said.insert(0, Message(role=Role.SYSTEM, content=subject.system_prompt))
    return Ask(id=key, turns=tuple(said), tuned=subject.tuned if tuned else None)


def _collect(ticket: Ticket, count: int) -> list[str]:
    texts: dict[str, str] = {}
    try:
        for reply in ticket.replies():
            _raise(reply)
            texts.update(reply.texts)
    finally:
        ticket.cancel()
    return [texts.get(str(index), "").strip() for index in range(count)]


def _raise(reply: Reply) -> None:
    if reply.problem is not None:
        raise AfinaError(reply.problem.code, **reply.problem.params)
