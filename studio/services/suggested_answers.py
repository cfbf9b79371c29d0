"""Better answers suggested by visitors; each waits until the owner accepts, changes or drops it."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from studio.data.opinions import LONGEST_LINE, Opinion
from studio.data.text import clean, plain
from studio.domain.project import SuggestedAnswer
from studio.errors import AfinaError
from studio.services.examples.table import Query, RowEdit, TableService
from studio.storage.database import ProjectRow, RunRow, SuggestedAnswerRow
from studio.storage.workspace import Workspace

MAX_ANSWER: Final = 2000  # characters of a better answer
_WAITING: Final = 500  # suggestions of a project: strangers do not fill the disk
_REFUSALS: Final = ("demo.suggestion_empty", "demo.suggestion_long", "demo.suggestions_full")
_SAME: Final = 20  # examples that contain the question and are looked at


class OpinionCounts(NamedTuple):
    """Counts of what a file of opinions contained.

    Args:
        refused: too long, no other than the answer itself, or too many.
    """

    suggested: int
    known: int
    refused: int
    good: int
    bad: int


class SuggestedAnswerService:
    """Safe to use from many threads and processes."""

    def __init__(self, workspace: Workspace, tables: TableService) -> None:
        self._database, self._tables = workspace.database, tables

    def suggest(self, run_id: str, source: str, question: str, answer: str, better: str) -> None:
        """Keeps a suggestion for the owner of a run.

        Args:
            source: where it comes from, such as the title of a link.

        Raises:
            AfinaError: ``demo.suggestion_empty`` also where it says what was answered anyway; ``demo.suggestion_long``,
                ``demo.suggestions_full``, ``general.not_found``.
        """
        with self._database.session() as session:
            run = session.get(RunRow, run_id)
            if run is None:
                raise AfinaError("general.not_found", what=run_id[:80])
            _add(session, run.project_id, source, question, answer, better)

    def read_opinions(self, project_id: str, path: Path) -> OpinionCounts:
        """Imports the suggestions in a file that visitors of an exported page saved.

        Raises:
            AfinaError: ``general.not_found``; ``data.opinions_damaged`` where a line is none, and nothing is then read.
        """
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
        if any(len(line) > LONGEST_LINE for line in lines):  # no page saves one; it would be more than a screen shows
            raise AfinaError("data.opinions_damaged", file=path.name[:80])
        try:
            opinions = [Opinion.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise AfinaError("data.opinions_damaged", file=path.name[:80]) from error
        suggested = known = refused = 0
        for one in opinions:
            if not one.suggestion.strip():
                continue
            try:
                with self._database.session() as session:
                    if session.get(ProjectRow, project_id) is None:
                        raise AfinaError("general.not_found", what=project_id[:80])
                    if _waits(session, project_id, one):
                        known += 1
                    else:
                        _add(session, project_id, path.stem, one.question, one.answer, one.suggestion)
                        suggested += 1
            except AfinaError as error:
                if error.code not in _REFUSALS:
                    raise
                refused += 1
        votes = Counter(one.vote for one in opinions)
        return OpinionCounts(suggested, known, refused, votes["good"], votes["bad"])

    def count(self, project_id: str) -> int:
        """The number of waiting suggestions."""
        query = select(func.count()).where(SuggestedAnswerRow.project_id == project_id)
        with self._database.session() as session:
            return session.scalar(query) or 0

    def list(self, project_id: str) -> list[SuggestedAnswer]:
        """The waiting suggestions, the oldest first."""
        query = select(SuggestedAnswerRow).where(SuggestedAnswerRow.project_id == project_id)
        with self._database.session() as session:
            rows = session.scalars(query.order_by(SuggestedAnswerRow.created_at, SuggestedAnswerRow.id)).all()
        return [_suggested(row) for row in rows]

    def accept(self, suggestion_id: str, question: str, answer: str) -> bool:
        """Adds a question and its answer, as edited by the owner, to the examples, in a new version.

        Returns:
            Whether an example of the same question got the answer; else it is a new example.

        Raises:
            AfinaError: ``general.not_found`` where it was accepted or dropped meanwhile; ``data.edit_incomplete`` and
                others of :meth:`TableService.apply`; it then still waits.
        """
        with self._database.session() as session:
            row = session.get(SuggestedAnswerRow, suggestion_id)
            if row is None:
                raise AfinaError("general.not_found", what=suggestion_id[:40])
            project_id = row.project_id
        same = self._same_question(project_id, question)
        self._tables.apply(project_id, [RowEdit(id=same, question=question, answer=answer)])
        self.drop(suggestion_id)
        return bool(same)

    def drop(self, suggestion_id: str) -> None:
        """Deletes a suggestion; does nothing if it is gone."""
        with self._database.session() as session:
            session.execute(delete(SuggestedAnswerRow).where(SuggestedAnswerRow.id == suggestion_id))

    def drop_all(self, project_id: str) -> None:
        """Deletes all suggestions of a project."""
        with self._database.session() as session:
            session.execute(delete(SuggestedAnswerRow).where(SuggestedAnswerRow.project_id == project_id))

    def _same_question(self, project_id: str, question: str) -> str:
        """Id of the example with the same question; a second one with another answer would contradict it."""
        with self._database.session() as session:
            project = session.get(ProjectRow, project_id)
            if project is None or project.dataset_id is None:
                return ""
        page = self._tables.page(project_id, Query(search=question.strip()), size=_SAME)
        alone = (row.conversation for row in page.rows if len(row.conversation.messages) <= 3)
        return next((one.id for one in alone if plain(one.question) == plain(question)), "")


def _add(session: Session, project_id: str, source: str, question: str, answer: str, better: str) -> None:
    better = clean(better)[0]
    if not better or better == answer.strip():
        raise AfinaError("demo.suggestion_empty")
    if len(better) > MAX_ANSWER:
        raise AfinaError("demo.suggestion_long", limit=MAX_ANSWER)
    waiting = select(func.count()).where(SuggestedAnswerRow.project_id == project_id)
    if (session.scalar(waiting) or 0) >= _WAITING:
        raise AfinaError("demo.suggestions_full")
    row = SuggestedAnswerRow(
        id=secrets.token_hex(8),
        project_id=project_id,
        source=source[:200],
        question=clean(question)[0],
        answer=clean(answer)[0],
        better=better,
        created_at=time.time(),
    )
    session.add(row)


def _waits(session: Session, project_id: str, suggestion: Opinion) -> bool:
    query = select(SuggestedAnswerRow.id).where(
        SuggestedAnswerRow.project_id == project_id,
        SuggestedAnswerRow.question == clean(suggestion.question)[0],
        SuggestedAnswerRow.better == clean(suggestion.suggestion)[0],
    )
    return session.scalar(query) is not None


def _suggested(row: SuggestedAnswerRow) -> SuggestedAnswer:
    return SuggestedAnswer(
        id=row.id,
        project_id=row.project_id,
        source=row.source,
        question=row.question,
        answer=row.answer,
        better=row.better,
        created_at=row.created_at,
    )
