"""Asking a run's model: before and after side by side, or several runs, in one batch.

For a screen: :meth:`ChatService.ask` puts one question to any :class:`Target` (a run's base, its tuned model, another
run's); each question stands alone unless ``earlier`` is given. :meth:`ChatService.is_chat_model` says whether the base of a
run was taught to chat; one that was not is asked with a plain "Question: … Answer:" in the language of the question, and
its answer is one line. :meth:`ChatService.stream` is the same for the two sides of one run, and
:meth:`ChatService.answer_all` for many questions.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack

from studio.chat.client import CANCELLED, ChatPool, Ticket, new_request_id, replies_of
from studio.chat.protocol import Ask, Generate, Reply, Warm
from studio.domain.conversation import Message, Role
from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.models.chat_template import is_chat_model
from studio.services.chat_targets import Target, ask_of, find_subject
from studio.storage.workspace import Workspace
from studio.trust.decision import Decision

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
        prompt_tokens: tokens that they were given, by side.
        seconds: from the question to now, as the worker measures it.
        decisions: who answers, of the sides for which that was decided (:mod:`studio.services.trusted_answers`).
        is_fitting: whether the question waits for the run's examples to be read for the first time.
    """

    texts: dict[str, str]
    done: bool = False
    cut: frozenset[str] = frozenset()
    dropped: bool = False
    problem: Problem | None = None
    notice: Problem | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    prompt_tokens: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    is_fitting: bool = False

    @property
    def stopped(self) -> bool:
        """Whether any answer was cut."""
        return bool(self.cut)


class AskOptions(TypedDict, total=False):
    """How a question is asked; what is left out is as in :class:`studio.chat.protocol.Generate`.

    Args:
        temperature: 0 always takes the likeliest word.
        top_p: keeps the likeliest words that together have this probability.
        stop: texts that end an answer; they are not part of it.
        client: who asks, so that everybody gets a turn.
        talk: a name by which :meth:`ChatService.stop` finds it.
    """

    temperature: float
    max_tokens: int
    seed: int
    top_p: float
    stop: tuple[str, ...]
    client: str
    talk: str


class ChatService:
    """Answers of the base and of the tuned model of a run, also while it is training (the best so far)."""

    def __init__(self, workspace: Workspace, pool: ChatPool) -> None:
        self._workspace, self._pool = workspace, pool
        self._lock = threading.Lock()
        self._open: dict[str, list[Ticket]] = {}

    def ask(
        self,
        targets: Sequence[Target],
        question: str,
        earlier: Mapping[str, Sequence[Message]] | None = None,
        **options: Unpack[AskOptions],
    ) -> Generator[ChatUpdate, None, None]:
        """Puts one question to several models at the first ``next``; those of one base answer in one batch.

        Args:
            targets: who is asked, one or more; runs of several bases too.
            earlier: the turns before it, by the key of the target; without, the question stands alone.

        Yields:
            The answers so far, by the key of the target. The last one has ``done``; a failure is its ``problem``, and
            nothing is raised later. Closing the iterator cancels.

        Raises:
            AfinaError: at once, for what can be known before asking: ``general.not_found``, ``chat.not_ready`` (no
                tuned model yet), ``chat.base_missing``, ``chat.empty``.
        """
        said = earlier or {}
        asks: dict[str, list[Ask]] = {}
        for target in targets:
            subject = find_subject(self._workspace, target.run_id, needs_tuned=target.is_tuned)
            turns = (*said.get(target.key, ()), Message(role=Role.USER, content=question))
            asks.setdefault(subject.model_id, []).append(ask_of(target.key, subject, turns, target.is_tuned))
        talk = options.pop("talk", "")
        requests = {
            model_id: Generate.model_validate({"id": new_request_id(), "asks": tuple(own), **options})
            for model_id, own in asks.items()
        }
        return self._updates(requests, [target.key for target in targets], talk)

    def is_chat_model(self, run_id: str) -> bool:
        """Whether the base of a run was taught to chat. Raises ``general.not_found``, ``chat.base_missing``."""
        return is_chat_model(self._workspace.model(find_subject(self._workspace, run_id, needs_tuned=False).model_id))

    def stream(
        self,
        run_id: str,
        turns: Mapping[str, Sequence[Message]] | Sequence[Message],
        sides: Sequence[str] = (BASE, TUNED),
        **options: Unpack[AskOptions],
    ) -> Generator[ChatUpdate, None, None]:
        """:meth:`ask` for the two sides of one run.

        Args:
            turns: the chat so far, ending with the question; by side where the sides have answered differently.
        """
        by_side = turns if isinstance(turns, Mapping) else dict.fromkeys(sides, turns)
        (question,) = {by_side[side][-1].content if by_side[side] else "" for side in sides}
        return self.ask(
            [Target(side, run_id, is_tuned=side == TUNED) for side in sides],
            question,
            {side: by_side[side][:-1] for side in sides},
            **options,
        )

    def stop(self, talk: str, drop: bool = False) -> bool:
        """Stops an answer from another thread; its iterator then ends with what there is.

        Args:
            talk: the name that :meth:`stream` was given.
            drop: tells whoever reads the answer that nothing of it is to be kept.

        Returns:
            Whether there was one to stop.
        """
        with self._lock:
            tickets = self._open.get(talk, [])
        for ticket in tickets:
            ticket.cancel(_DROPPED if drop else CANCELLED)
        return bool(tickets)

    def warm(self, run_id: str) -> None:
        """Gets the models of a run ready in the background; nothing happens when that is not possible."""
        try:
            subject = find_subject(self._workspace, run_id, needs_tuned=False)
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
            on_progress: called with the number of answers so far and of all questions.

        Raises:
            AfinaError: as :meth:`stream`, and for what happens while answering.
        """
        subject = find_subject(self._workspace, run_id, needs_tuned=not base)
        answers: list[str] = []
        size = max(1, min(batch_size, 8))
        for start in range(0, len(questions), size):
            asked = questions[start : start + size]
            turns = [(Message(role=Role.USER, content=question),) for question in asked]
            request = Generate(
                id=new_request_id(),
                client="batch",
                asks=tuple(ask_of(str(index), subject, turn, not base) for index, turn in enumerate(turns)),
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
        self, requests: Mapping[str, Generate], keys: Sequence[str], talk: str
    ) -> Generator[ChatUpdate, None, None]:
        texts = dict.fromkeys(keys, "")
        tokens: dict[str, int] = {}
        prompt_tokens: dict[str, int] = {}
        cut = set[str]()
        inbox: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        tickets: list[Ticket] = []
        open_ = set(keys)
        try:
            # Here, so that an iterator closed before its first value has asked for nothing.
            for model_id, request in requests.items():
                tickets.append(self._pool.submit(model_id, request, inbox))
            with self._lock:
                self._open[talk] = tickets
            for reply in replies_of(tickets):
                for side, piece in reply.texts.items():
                    texts[side] += piece
                tokens.update(reply.tokens)
                prompt_tokens.update(reply.prompt_tokens)
                cut.update(side for side, reason in reply.ended.items() if reason != "stop")
                open_ -= reply.ended.keys()
                yield ChatUpdate(
                    dict(texts),
                    done=not open_ or reply.problem is not None,
                    cut=frozenset(cut),
                    dropped=_DROPPED in reply.ended.values(),
                    problem=reply.problem,
                    notice=reply.notice,
                    tokens=dict(tokens),
                    prompt_tokens=dict(prompt_tokens),
                    seconds=reply.seconds,
                )
                if reply.problem is not None:
                    return
        except AfinaError as error:
            yield ChatUpdate(dict(texts), done=True, problem=Problem.of(error))
        finally:
            for ticket in tickets:
                ticket.cancel()
            with self._lock:
                if self._open.get(talk) is tickets:
                    del self._open[talk]


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
