"""The store of demo links: who may ask a tuned model, at which address."""

from __future__ import annotations

import secrets
import time
from typing import Final

from sqlalchemy import select, update

from studio.domain.project import Link
from studio.errors import AfinaError
from studio.storage.database import Database, LinkRow, RunRow

TOKEN_BYTES: Final = 18  # 144 bits: nobody finds a link by trying


class LinkStore:
    """Links in the database. A token is looked up as a primary key, never compared character by character.

    Args:
        database: of the workspace.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run_id: str, title: str, questions: tuple[str, ...], locale: str) -> Link:
        """Stores a new open link.

        Raises:
            AfinaError: ``general.not_found`` when there is no such run.
        """
        row = LinkRow(
            token=secrets.token_urlsafe(TOKEN_BYTES),
            run_id=run_id,
            title=title,
            questions=list(questions),
            locale=locale,
            created_at=time.time(),
            revoked_at=None,
            visits=0,
            answers=0,
        )
        with self._database.session() as session:
            if session.get(RunRow, run_id) is None:
                raise AfinaError("general.not_found", what=run_id[:80])
            session.add(row)
        return _link(row)

    def list(self, run_id: str | None) -> list[Link]:
        """The links of a run, or all of them; the newest first."""
        query = select(LinkRow).order_by(LinkRow.created_at.desc())
        if run_id is not None:
            query = query.where(LinkRow.run_id == run_id)
        with self._database.session() as session:
            return [_link(row) for row in session.scalars(query)]

    def get(self, token: str) -> Link:
        """The link of a token, open or not.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            row = session.get(LinkRow, token[:64])
            if row is None:
                raise AfinaError("general.not_found", what=token[:64])
            return _link(row)

    def set_revoked(self, token: str, revoked_at: float | None) -> Link:
        """Switches a link off (a time) or on again (None).

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            row = session.get(LinkRow, token[:64])
            if row is None:
                raise AfinaError("general.not_found", what=token[:64])
            row.revoked_at = revoked_at
            return _link(row)

    def count(self, token: str, *, visits: int = 0, answers: int = 0) -> None:
        """Adds to the counts of a link in one statement, so that two visitors at once both count."""
        change = (
            update(LinkRow)
            .where(LinkRow.token == token)
            .values(visits=LinkRow.visits + visits, answers=LinkRow.answers + answers)
        )
        with self._database.session() as session:
            session.execute(change)


def _link(row: LinkRow) -> Link:
    return Link(
        token=row.token,
        run_id=row.run_id,
        title=row.title,
        questions=tuple(row.questions),
        locale=row.locale,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        visits=row.visits,
        answers=row.answers,
    )
