"""Demo links: made, listed, switched off and on again or deleted by the owner; opened by visitors."""

from __future__ import annotations

import builtins
import time
from collections.abc import Sequence
from typing import Final

from studio.domain.project import ChosenBy, Link, LinkDay
from studio.domain.proof import VoteTally
from studio.domain.vote import Choice
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES
from studio.sharing.link_passwords import digest
from studio.sharing.links import LinkStore
from studio.storage.database import RunRow
from studio.storage.kept_adapter import require_adapter
from studio.storage.trash import is_in_trash
from studio.storage.workspace import Workspace

MAX_TITLE: Final = 120
MAX_QUESTIONS: Final = 3
MAX_QUESTION: Final = 200
MIN_PASSWORD: Final = 4
MAX_PASSWORD: Final = 80
_DAY: Final = 86_400.0  # seconds
_MOST: Final = 100_000


class LinkService:
    """What the Share screen, the command line and the demo page do with links.

    Args:
        workspace: where the database and the runs are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = LinkStore(workspace.database)

    def create(
        self,
        run_id: str,
        title: str,
        questions: Sequence[str] = (),
        locale: str = "en",
        *,
        shows_before: bool = True,
        chosen_by: ChosenBy = ChosenBy.OWNER,
        days: int | None = None,
        per_hour: int | None = None,
        password: str = "",
        is_blind: bool = False,
        takes_suggestions: bool = False,
    ) -> Link:
        """Makes an open link with an unguessable address.

        Args:
            run_id: a run that has kept a tuned model.
            title: what visitors read first; at most 120 characters.
            questions: suggestions for visitors; blank ones are left out, three at most stay.
            locale: language of the page, one of ``LOCALES``.
            shows_before: whether visitors see the base model's answer, too.
            chosen_by: who chose the questions.
            days: after which it closes by itself; None for never.
            per_hour: questions that it answers in an hour, of all visitors together; None for as many as come.
            password: that visitors must know; empty lets everybody in.
            is_blind: whether visitors see both answers in random order and say which is better.
            takes_suggestions: whether visitors may suggest better answers.

        Raises:
            AfinaError: ``general.not_found``, ``link.not_ready``, ``run.damaged``, ``link.no_title``, ``link.long_title``,
                ``link.long_question``, ``link.many_questions``, ``link.bad_limit``, ``link.bad_password``.
        """
        title = " ".join(title.split())
        asked = tuple(text for text in (" ".join(question.split()) for question in questions) if text)
        if not title:
            raise AfinaError("link.no_title")
        if len(title) > MAX_TITLE:
            raise AfinaError("link.long_title", limit=MAX_TITLE)
        if len(asked) > MAX_QUESTIONS:
            raise AfinaError("link.many_questions", limit=MAX_QUESTIONS)
        for question in asked:
            if len(question) > MAX_QUESTION:
                raise AfinaError("link.long_question", limit=MAX_QUESTION, question=question[:40])
        if not all(number is None or 0 < number <= _MOST for number in (days, per_hour)):
            raise AfinaError("link.bad_limit")
        if locale not in LOCALES:
            raise AfinaError("general.not_found", what=locale[:20])
        self._require_ready(run_id)
        return self._store.add(
            run_id,
            title,
            asked,
            locale,
            shows_before=shows_before,
            chosen_by=chosen_by,
            expires_at=time.time() + days * _DAY if days else None,
            per_hour=per_hour,
            password_digest=_password_digest(password),
            is_blind=is_blind,
            takes_suggestions=takes_suggestions,
        )

    def list(self, run_id: str | None = None) -> list[Link]:
        """The links of a run, or all of them; the newest first."""
        return self._store.list(run_id)

    def revoke(self, token: str) -> Link:
        """Switches a link off at once; its counts stay.

        Raises:
            AfinaError: ``general.not_found``.
        """
        return self._store.change(token, revoked_at=time.time())

    def reopen(self, token: str) -> Link:
        """Switches a link on again, at the same address, and without an end.

        Raises:
            AfinaError: ``general.not_found``.
        """
        return self._store.change(token, revoked_at=None, expires_at=None)

    def delete(self, token: str) -> None:
        """Takes a link away for good, with its counts; its address is then one that never was.

        Raises:
            AfinaError: ``general.not_found``.
        """
        self._store.delete(token)

    def choose(
        self,
        token: str,
        *,
        shows_before: bool | None = None,
        is_blind: bool | None = None,
        takes_suggestions: bool | None = None,
    ) -> Link:
        """Changes what visitors see and may do; what is None stays as it is. Args as :meth:`create`.

        Raises:
            AfinaError: ``general.not_found``.
        """
        choices = {"shows_before": shows_before, "is_blind": is_blind, "takes_suggestions": takes_suggestions}
        return self._store.change(token, **{name: value for name, value in choices.items() if value is not None})

    def set_password(self, token: str, password: str) -> Link:
        """Asks visitors for a password from now on, those too who are in already; an empty one lets everybody in.

        Raises:
            AfinaError: ``general.not_found``, ``link.bad_password``.
        """
        return self._store.change(token, password_digest=_password_digest(password))

    def answer_with(self, token: str, run_id: str) -> Link:
        """Lets another run answer at the same address.

        Raises:
            AfinaError: as :meth:`create`; ``general.not_found`` too where it belongs to another project.
        """
        self._require_ready(run_id)
        with self._workspace.database.session() as session:
            old, new = (session.get(RunRow, one) for one in (self._store.get(token).run_id, run_id))
            if old is None or new is None or old.project_id != new.project_id:
                raise AfinaError("general.not_found", what=run_id[:80])
        return self._store.change(token, run_id=run_id)

    def suggest(self, token: str, questions: Sequence[str], chosen_by: ChosenBy) -> Link:
        """Replaces the suggested questions, three at most.

        Raises:
            AfinaError: ``general.not_found``.
        """
        return self._store.change(token, questions=list(questions)[:MAX_QUESTIONS], chosen_by=chosen_by.value)

    def open(self, token: str) -> Link:
        """The link a visitor came by.

        Raises:
            AfinaError: ``general.not_found``, or ``link.closed`` when it was switched off, its time is over, or its project
                was deleted.
        """
        link = self._store.get(token)
        if not link.is_open or is_in_trash(self._workspace.database, link.run_id):
            raise AfinaError("link.closed")
        return link

    def take_question(self, link: Link) -> None:
        """Counts a question of the link's hour.

        Raises:
            AfinaError: ``demo.hour_used_up`` with the minutes to wait as ``n``.
        """
        if link.per_hour is not None and (wait := self._store.take_question(link.token)):
            raise AfinaError("demo.hour_used_up", n=max(1, round(wait / 60)), limit=link.per_hour)

    def give_question_back(self, link: Link) -> None:
        """Takes a question of the link's hour back: it was refused for another reason."""
        if link.per_hour is not None:
            self._store.give_question_back(link.token)

    def count_visit(self, link: Link) -> None:
        """Counts somebody who opened the page."""
        self._store.count(link, visits=1)

    def count_answer(self, link: Link, *, handed_over: bool = False) -> None:
        """Counts a question that was answered, or handed over to a person."""
        self._store.count(link, answers=1, handed_over=int(handed_over))

    def count_vote(self, link: Link, choice: Choice) -> None:
        """Counts a blind vote of a visitor."""
        self._store.count(link, **{choice.value: 1})

    def count_suggestion(self, link: Link) -> None:
        """Counts a better answer that a visitor suggested."""
        self._store.count(link, suggestions=1)

    def days(self, token: str) -> builtins.list[LinkDay]:
        """What happened on a link, day by day, the oldest first; days without anything are left out."""
        return self._store.days(token)

    def votes(self, run_id: str) -> VoteTally:
        """What visitors of all links preferred while a run answered on them."""
        return self._store.votes(run_id)

    def _require_ready(self, run_id: str) -> None:
        folder = self._workspace.run(run_id)
        if not folder.path.is_dir() or is_in_trash(self._workspace.database, run_id):
            raise AfinaError("general.not_found", what=run_id[:80])
        require_adapter(folder, "link.not_ready")


def _password_digest(password: str) -> str | None:
    """The digest of a password without the spaces around it, which come from typing or pasting; None if empty."""
    word = password.strip()
    if word and not MIN_PASSWORD <= len(word) <= MAX_PASSWORD:
        raise AfinaError("link.bad_password", least=MIN_PASSWORD, most=MAX_PASSWORD)
    return digest(word) if word else None
