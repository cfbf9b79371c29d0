"""Demo links: made, listed, switched off and on again or deleted by the owner; opened by visitors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from studio.domain.project import ChosenBy, Link
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES
from studio.sharing.links import LinkStore
from studio.storage.kept_adapter import require_adapter
from studio.storage.trash import is_in_trash
from studio.storage.workspace import Workspace

MAX_TITLE: Final = 120
MAX_QUESTIONS: Final = 3
MAX_QUESTION: Final = 200
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

        Raises:
            AfinaError: ``general.not_found``, ``link.not_ready``, ``run.damaged``, ``link.no_title``, ``link.long_title``,
                ``link.long_question``, ``link.many_questions``, ``link.bad_limit``.
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
        folder = self._workspace.run(run_id)
        if not folder.path.is_dir() or is_in_trash(self._workspace.database, run_id):
            raise AfinaError("general.not_found", what=run_id[:80])
        require_adapter(folder, "link.not_ready")
        return self._store.add(
            run_id,
            title,
            asked,
            locale,
            shows_before=shows_before,
            chosen_by=chosen_by,
            expires_at=time.time() + days * _DAY if days else None,
            per_hour=per_hour,
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

    def show_before(self, token: str, shows_before: bool) -> Link:
        """Whether visitors see the base model's answer beside the tuned one.

        Raises:
            AfinaError: ``general.not_found``.
        """
        return self._store.change(token, shows_before=shows_before)

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

    def count_visit(self, token: str) -> None:
        """Counts somebody who opened the page."""
        self._store.count(token, visits=1)

    def count_answer(self, token: str) -> None:
        """Counts a question that was answered."""
        self._store.count(token, answers=1)
