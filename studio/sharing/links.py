"""The store of demo links: who may ask a tuned model, at which address."""

from __future__ import annotations

import builtins
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from studio.domain.project import ChosenBy, Link, LinkDay
from studio.domain.proof import VoteTally
from studio.domain.vote import Choice
from studio.errors import AfinaError
from studio.storage.database import Database, LinkDayRow, LinkRow, RunRow
from studio.storage.trash import not_in_trash

TOKEN_BYTES: Final = 18  # 144 bits: nobody finds a link by trying
_HOUR: Final = 3600.0
_COUNTED: Final = ("visits", "answers", "handed_over", *(choice.value for choice in Choice), "suggestions")


class LinkStore:
    """Links in the database. A token is looked up as a primary key, never compared character by character.

    Args:
        database: of the workspace.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def add(
        self,
        run_id: str,
        title: str,
        questions: tuple[str, ...],
        locale: str,
        *,
        chosen_by: ChosenBy = ChosenBy.OWNER,
        **choices: Any,
    ) -> Link:
        """Stores a new open link.

        Args:
            choices: ``shows_before``, ``expires_at``, ``per_hour``, ``password_digest``, ``is_blind``,
                ``takes_suggestions``.

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
            chosen_by=chosen_by.value,
            **choices,
        )
        with self._database.session() as session:
            if session.get(RunRow, run_id) is None:
                raise AfinaError("general.not_found", what=run_id[:80])
            session.add(row)
            session.flush()
            return _link(row)

    def list(self, run_id: str | None) -> list[Link]:
        """The links of a run, or all of them; the newest first."""
        query = select(LinkRow).join(RunRow).where(not_in_trash()).order_by(LinkRow.created_at.desc())
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
            return _link(_row(session, token))

    def change(self, token: str, **values: Any) -> Link:
        """Changes fields of a link: ``revoked_at``, ``shows_before``, ``questions``, ``chosen_by``.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            row = _row(session, token)
            for name, value in values.items():
                setattr(row, name, value)
            return _link(row)

    def delete(self, token: str) -> None:
        """Takes a link and its counts away.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            session.delete(_row(session, token))

    def count(self, link: Link, **counts: int) -> None:
        """Adds to the counts of a link and of its day in one statement each, so that two visitors at once both count.

        Args:
            link: the link.
            counts: columns of :class:`LinkDayRow`.
        """
        row = {"token": link.token, "run_id": link.run_id, "day": date.fromtimestamp(self._clock()).toordinal()}
        new = dict.fromkeys(_COUNTED, 0) | counts
        with self._database.session() as session:
            if session.get(LinkRow, link.token) is None:
                return  # deleted meanwhile
            whole = {name: getattr(LinkRow, name) + counts[name] for name in ("visits", "answers") if name in counts}
            if whole:
                session.execute(update(LinkRow).where(LinkRow.token == link.token).values(whole))
            insert = sqlite.insert if self._database.engine.dialect.name == "sqlite" else postgresql.insert
            added = {name: getattr(LinkDayRow, name) + count for name, count in counts.items()}
            keys = [LinkDayRow.token, LinkDayRow.run_id, LinkDayRow.day]
            change = insert(LinkDayRow).values(**row, **new).on_conflict_do_update(index_elements=keys, set_=added)
            session.execute(change)

    def days(self, token: str) -> builtins.list[LinkDay]:
        """What happened on a link, day by day, the oldest first; days without anything are left out."""
        return self._days(LinkDayRow.token == token)

    def votes(self, run_id: str) -> VoteTally:
        """What visitors of all links preferred while a run answered on them."""
        return sum_votes(self._days(LinkDayRow.run_id == run_id))

    def _days(self, chosen: ColumnElement[bool]) -> builtins.list[LinkDay]:
        sums = [func.sum(getattr(LinkDayRow, name)).label(name) for name in _COUNTED]
        query = select(LinkDayRow.day, *sums).where(chosen).group_by(LinkDayRow.day).order_by(LinkDayRow.day)
        with self._database.session() as session:
            return [_link_day(dict(row)) for row in session.execute(query).mappings()]

    def take_question(self, token: str) -> float:
        """Counts a question of the hour, which begins with its first one; in one statement, so that no two take the last.

        The count is in the database, so that a restart gives nothing back and all doors of a workspace count together.

        Returns:
            Seconds until the next hour where this one's questions are used up, and it was not counted; else 0.
        """
        now = self._clock()
        # Later than now by far: the clock was set back. By an instant: another question looked at the clock just after.
        is_new_hour = or_(LinkRow.hour_started_at <= now - _HOUR, LinkRow.hour_started_at > now + _HOUR)
        has_more = or_(LinkRow.per_hour.is_(None), is_new_hour, LinkRow.asked_this_hour < LinkRow.per_hour)
        counted = {
            "hour_started_at": case((is_new_hour, now), else_=LinkRow.hour_started_at),
            "asked_this_hour": case((is_new_hour, 1), else_=LinkRow.asked_this_hour + 1),
        }
        change = update(LinkRow).where(LinkRow.token == token, has_more).values(counted)
        with self._database.session() as session:
            if cast("CursorResult[Any]", session.execute(change)).rowcount == 1:
                return 0.0
            return _row(session, token).hour_started_at + _HOUR - now

    def give_question_back(self, token: str) -> None:
        """Takes a question of the hour back: it was refused for another reason."""
        change = update(LinkRow).where(LinkRow.token == token, LinkRow.asked_this_hour > 0)
        with self._database.session() as session:
            session.execute(change.values(asked_this_hour=LinkRow.asked_this_hour - 1))


def _row(session: Session, token: str) -> LinkRow:
    row = session.get(LinkRow, token[:64])
    if row is None:
        raise AfinaError("general.not_found", what=token[:64])
    return row


def sum_votes(days: Iterable[LinkDay]) -> VoteTally:
    """All votes of some days."""
    tallies = [day.votes for day in days]
    return VoteTally(**{choice.value: sum(getattr(tally, choice.value) for tally in tallies) for choice in Choice})


def _link_day(row: dict[str, int]) -> LinkDay:
    votes = VoteTally(**{choice.value: row[choice.value] for choice in Choice})
    return LinkDay(
        votes=votes, **{name: row[name] for name in ("day", "visits", "answers", "handed_over", "suggestions")}
    )


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
        shows_before=row.shows_before,
        chosen_by=ChosenBy(row.chosen_by),
        expires_at=row.expires_at,
        per_hour=row.per_hour,
        password_digest=row.password_digest,
        is_blind=row.is_blind,
        takes_suggestions=row.takes_suggestions,
    )
