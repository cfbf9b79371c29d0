"""The store of API keys: who may ask, how often, and when a key was last used."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, cast

from sqlalchemy import CursorResult, case, or_, select, update
from sqlalchemy.orm import Session

from studio.domain.api_key import ApiKey
from studio.errors import AfinaError
from studio.storage.database import ApiKeyRow, Database
from studio.storage.workspace import new_id

PREFIX: Final = "afina-"
_KEY_BYTES: Final = 32
_DAY: Final = 86_400
_MINUTE: Final = 60.0


class ApiKeyStore:
    """Keys in the database. A key is random and long, so a plain digest of it is as safe as a slow one.

    Args:
        database: of the workspace.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def add(self, name: str, per_minute: int, per_day: int) -> tuple[ApiKey, str]:
        """Makes a key.

        Returns:
            What is kept of it, and the key, which nobody can read again.
        """
        key = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        row = ApiKeyRow(
            digest=digest(key),
            id=new_id("key"),
            name=name,
            hint=key[-4:],
            created_at=self._clock(),
            per_minute=per_minute,
            per_day=per_day,
            day=self._today,
            used_today=0,
        )
        with self._database.session() as session:
            session.add(row)
        return self._key(row), key

    def list(self) -> list[ApiKey]:
        """All keys, revoked ones too; the newest first."""
        with self._database.session() as session:
            return [self._key(row) for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at.desc()))]

    def find(self, key: str) -> ApiKey | None:
        """What is kept of a key; None for one that was never made. Looked up by its digest, never compared."""
        with self._database.session() as session:
            row = session.get(ApiKeyRow, digest(key))
            return None if row is None else self._key(row)

    def get(self, key_id: str) -> ApiKey:
        """A key by its id.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            return self._key(_row(session, key_id))

    def revoke(self, key_id: str) -> ApiKey:
        """Closes a key for good; one that is closed stays as it is.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            row = _row(session, key_id)
            row.revoked_at = row.revoked_at or self._clock()
            return self._key(row)

    def count(self, key_id: str) -> None:
        """Counts one question, in one statement, so that no two take the last one of a minute or a day.

        A minute begins with its first question. The counts are in the database, so that a restart gives nothing back and
        all servers of a workspace count together.

        Raises:
            AfinaError: ``api.day_used_up``; ``api.too_fast`` with the seconds to wait as ``n``; it is then not counted.
        """
        now, today = self._clock(), self._today
        is_new_day = ApiKeyRow.day != today
        # Later than now by far: the clock was set back. By an instant: another question looked at the clock just after.
        is_new_minute = or_(ApiKeyRow.minute_started_at <= now - _MINUTE, ApiKeyRow.minute_started_at > now + _MINUTE)
        day_has_more = or_(is_new_day, ApiKeyRow.used_today < ApiKeyRow.per_day)
        minute_has_more = or_(is_new_minute, ApiKeyRow.used_this_minute < ApiKeyRow.per_minute)
        counted = {
            "day": today,
            "used_today": case((is_new_day, 1), else_=ApiKeyRow.used_today + 1),
            "minute_started_at": case((is_new_minute, now), else_=ApiKeyRow.minute_started_at),
            "used_this_minute": case((is_new_minute, 1), else_=ApiKeyRow.used_this_minute + 1),
            "last_used_at": now,
        }
        change = update(ApiKeyRow).where(ApiKeyRow.id == key_id, day_has_more, minute_has_more).values(counted)
        with self._database.session() as session:
            if cast("CursorResult[Any]", session.execute(change)).rowcount == 1:
                return
            row = _row(session, key_id)
        if row.day == today and row.used_today >= row.per_day:
            raise AfinaError("api.day_used_up", limit=row.per_day)
        wait = row.minute_started_at + _MINUTE - now
        raise AfinaError("api.too_fast", limit=row.per_minute, n=max(1, round(wait)))

    @property
    def _today(self) -> int:
        return int(self._clock() // _DAY)

    def _key(self, row: ApiKeyRow) -> ApiKey:
        return ApiKey(
            id=row.id,
            name=row.name,
            hint=row.hint,
            created_at=row.created_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
            per_minute=row.per_minute,
            per_day=row.per_day,
            used_today=row.used_today if row.day == self._today else 0,
        )


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _row(session: Session, key_id: str) -> ApiKeyRow:
    row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.id == key_id[:64]))
    if row is None:
        raise AfinaError("general.not_found", what=key_id[:64])
    return row
