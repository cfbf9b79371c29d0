"""Answers in three ways: the owner's own answer, verbatim; written by the tuned model; or handed over to a person.

For a conversation: :meth:`TrustedAnswerService.ask` and :meth:`TrustedAnswerService.stream` are those of
:class:`studio.services.chats.ChatService`, as careful as the run's project is; each update says in ``decisions`` how the
answer came about. For a file of questions: :meth:`TrustedAnswerService.answer_all`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Unpack

from studio.domain.conversation import Message, Role
from studio.domain.problem import Problem
from studio.errors import AfinaError, Stopped, from_exception
from studio.services.answer_policies import AnswerPolicy, AnswerPolicyService
from studio.services.chat_targets import Target, find_subject
from studio.services.chats import TUNED, AskOptions, ChatUpdate
from studio.services.selectors import decision_problem
from studio.storage.workspace import Workspace
from studio.trust.client import DecisionClient
from studio.trust.decision import AnswerKind, Decision, RiskCurve
from studio.trust.jobs import language_of, selector_folder
from studio.trust.protocol import DecisionRequest

if TYPE_CHECKING:
    from studio.services.chats import ChatService
    from studio.services.selectors import SelectorService

_PATIENCE: Final = 30.0  # seconds that a question waits for a run to be fitted, the first time
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrustedAnswer:
    """An answer and how it came about.

    Args:
        text: what is said; for a question that is handed over, the sentence that says so.
        how: :class:`AnswerKind`; empty where there was no question.
        confidence: of the two likeliest known answers, the share of the first, 0 to 1; None where it was not asked for.
        source: id of the example that a known answer is from.
    """

    text: str = ""
    how: str = ""
    confidence: float | None = None
    source: str = ""

    @property
    def shown_confidence(self) -> str:
        """Two digits after the point."""
        return "" if self.confidence is None else f"{self.confidence:.2f}"


@dataclass(frozen=True)
class TrustedAnswers:
    """The answers to a list of questions.

    Args:
        answers: one a question.
        curve: what each carefulness means; None where nobody could decide.
        problem: why nobody could, and all of them were handed over.
    """

    answers: list[TrustedAnswer]
    curve: RiskCurve | None = None
    problem: Problem | None = None


class TrustedAnswerService:
    """Decides how each question is answered, with a worker, and returns the answers. Thread-safe.

    Args:
        workspace: where runs live.
        chats: lets models write.
        selectors: what decides, by run.
        policies: how careful, and what is said when a question is handed over.
    """

    def __init__(
        self, workspace: Workspace, chats: ChatService, selectors: SelectorService, policies: AnswerPolicyService
    ) -> None:
        self._workspace, self._chats = workspace, chats
        self._selectors, self._policies = selectors, policies
        self._client = DecisionClient(workspace)
        self._lock = threading.Lock()
        self._warming: set[str] = set()

    def ask(
        self,
        targets: Sequence[Target],
        question: str,
        earlier: Mapping[str, Sequence[Message]] | None = None,
        careful: float | None = None,
        **options: Unpack[AskOptions],
    ) -> Generator[ChatUpdate, None, None]:
        """As :meth:`ChatService.ask`; for each tuned model it is decided first who answers.

        Args:
            targets: who is asked.
            question: what is asked.
            earlier: the turns before it, by the key of the target.
            careful: share of all questions that may get a wrong known answer; None as the owner chose;
                :data:`studio.services.answer_policies.ALONE` has the models write every answer.
            options: see :class:`AskOptions`.

        Yields:
            The answers so far. ``decisions`` of an update says how those came about that were decided about: known and
            handed over are whole in the first update; a target that is not in it was answered by its model alone, as the
            owner chose. Where nobody can decide, a person is asked, and ``notice`` of the last update says why. An update
            with ``is_fitting`` comes first where the question waits for a run to be fitted.

        Raises:
            AfinaError: as :meth:`ChatService.ask`, at once.
        """
        if not question.strip():
            raise AfinaError("chat.empty")
        for target in targets:
            find_subject(self._workspace, target.run_id, needs_tuned=target.is_tuned)
        return self._updates(targets, question, earlier, careful, options)

    def stream(
        self,
        run_id: str,
        turns: Mapping[str, Sequence[Message]] | Sequence[Message],
        sides: Sequence[str] = (TUNED,),
        careful: float | None = None,
        **options: Unpack[AskOptions],
    ) -> Generator[ChatUpdate, None, None]:
        """:meth:`ask` for the sides of one run.

        Args:
            run_id: the run.
            turns: the chat so far, ending with the question; by side where the sides have answered differently.
            sides: any of ``base`` and ``tuned``.
            careful: see :meth:`ask`.
            options: see :class:`AskOptions`.
        """
        by_side = turns if isinstance(turns, Mapping) else dict.fromkeys(sides, turns)
        (question,) = {by_side[side][-1].content if by_side[side] else "" for side in sides}
        targets = [Target(side, run_id, is_tuned=side == TUNED) for side in sides]
        return self.ask(targets, question, {side: by_side[side][:-1] for side in sides}, careful, **options)

    def warm(self, run_id: str) -> None:
        """Gets a run ready in the background, fitting it where that was not done yet; nothing where it cannot be."""
        with self._lock:
            if run_id in self._warming:
                return
            self._warming.add(run_id)
        threading.Thread(target=self._warm, args=(run_id,), name="warm", daemon=True).start()

    def answer_all(
        self,
        run_id: str,
        questions: Sequence[str],
        careful: float | None = None,
        batch_size: int = 8,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> TrustedAnswers:
        """Answers questions, each by itself.

        Args:
            run_id: the run; what it learned from is where the known answers are from.
            questions: the questions.
            careful: share of all questions that may get a wrong known answer, at most; None as the owner chose.
            batch_size: questions that the model answers at the same time.
            on_progress: called with the number of answers so far and of all questions.

        Returns:
            One answer a question, and what each carefulness means. Where nobody can decide, all are handed over.

        Raises:
            AfinaError: ``general.not_found``, ``chat.not_ready``; those of answering.
        """
        find_subject(self._workspace, run_id, needs_tuned=True)
        policy = self._policies.of_run(run_id)
        try:
            result = self._selectors.decide(run_id, questions, policy.careful if careful is None else careful)
        except Stopped:
            raise
        except Exception as error:
            undecided = _undecided(error)
            over = TrustedAnswer(self._settled(run_id, policy, undecided) or "", undecided.kind.value)
            return TrustedAnswers([over] * len(questions), problem=undecided.problem)
        written = [place for place, one in enumerate(result.decisions) if one.kind is AnswerKind.WRITTEN]
        settled = len(questions) - len(written)
        on_progress(settled, len(questions))
        texts = self._chats.answer_all(
            run_id,
            [questions[place] for place in written],
            batch_size=batch_size,
            on_progress=lambda done, _: on_progress(settled + done, len(questions)),
        )
        said = dict(zip(written, texts, strict=True))
        answers = []
        for place, one in enumerate(result.decisions):
            text = said.get(place) or self._settled(run_id, policy, one) or ""
            answers.append(TrustedAnswer(text, one.kind.value, one.confidence, one.source))
        return TrustedAnswers(answers, result.curve)

    def close(self) -> None:
        """Ends the worker, and what is being fitted."""
        self._selectors.close()
        self._client.close()

    def _updates(
        self,
        targets: Sequence[Target],
        question: str,
        earlier: Mapping[str, Sequence[Message]] | None,
        careful: float | None,
        options: AskOptions,
    ) -> Generator[ChatUpdate, None, None]:
        began, keys = time.monotonic(), [target.key for target in targets]
        decisions: dict[str, Decision] = {}
        texts: dict[str, str] = {}
        for target in targets:
            policy = self._policies.of_run(target.run_id)
            level = policy.careful if careful is None else careful
            if not target.is_tuned or replace(policy, careful=level).is_alone:
                continue
            if self._selectors.curve(target.run_id) is None and self._selectors.problem(target.run_id) is None:
                yield ChatUpdate(dict.fromkeys(keys, ""), is_fitting=True)
            decision = self._decide(target.run_id, question, (earlier or {}).get(target.key, ()), level)
            decisions[target.key] = decision
            settled = self._settled(target.run_id, policy, decision)
            texts |= {target.key: settled} if settled is not None else {}
        rest = [target for target in targets if target.key not in texts]
        notice = next((one.problem for one in decisions.values() if one.problem is not None), None)
        if texts:
            seconds, shown = time.monotonic() - began, dict.fromkeys(keys, "") | texts
            done = not rest
            yield ChatUpdate(shown, done, decisions=decisions, seconds=seconds, notice=notice if done else None)
        if not rest:
            return
        with closing(self._chats.ask(rest, question, earlier, **options)) as updates:
            for update in updates:
                told = update.notice or (notice if update.done else None)
                yield replace(update, texts=texts | update.texts, decisions=decisions, notice=told)

    def _decide(self, run_id: str, question: str, earlier: Sequence[Message], careful: float) -> Decision:
        """The decision for a question: where none can be made, a person is asked, never the model alone."""
        try:
            if not self._selectors.require(run_id, _PATIENCE):
                problem = self._selectors.problem(run_id) or Problem(code="trust.fitting")
                raise AfinaError(problem.code, **problem.params)
            asked = [message.content for message in earlier if message.role is Role.USER]
            request = DecisionRequest(
                folder=selector_folder(self._workspace.run(run_id)).resolve(),
                question=question,
                before=asked[-1] if asked else "",
                given=tuple(message.content for message in earlier if message.role is Role.ASSISTANT),
                careful=careful,
            )
            reply = self._client.ask(request)
            if not reply.is_fitted and reply.problem is None:  # damaged, or its encoder was removed
                self._selectors.repair(run_id, _PATIENCE)
                reply = self._client.ask(request)
            if reply.decision is None:
                raise AfinaError("trust.failed", detail=reply.problem.code if reply.problem else "not fitted")
            return reply.decision
        except Exception as error:  # whatever it is, somebody waits for an answer
            _LOG.exception("Nobody could decide who answers; a person is asked")
            return _undecided(error)

    def _settled(self, run_id: str, policy: AnswerPolicy, decision: Decision) -> str | None:
        """The answer that is certain without the model."""
        if decision.kind is AnswerKind.KNOWN:
            return decision.answer
        if decision.kind is AnswerKind.HANDED_OVER:
            return policy.handed_over(language_of(self._workspace.run(run_id)))
        return None

    def _warm(self, run_id: str) -> None:
        try:
            self._selectors.fit(run_id)
            if self._selectors.require(run_id, _PATIENCE):
                self._client.ask(DecisionRequest(folder=selector_folder(self._workspace.run(run_id)).resolve()))
        except AfinaError:
            _LOG.exception("A run could not be made ready to be decided about")
        finally:
            with self._lock:
                self._warming.discard(run_id)


def _undecided(error: Exception) -> Decision:
    """What is decided where nothing can be."""
    return Decision(kind=AnswerKind.HANDED_OVER, problem=decision_problem(Problem.of(from_exception(error))))
