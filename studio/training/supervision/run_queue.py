"""The queue of runs in the database: an index of what the folders say, and the order in which runs wait.

Runs of a project in the trash are not in it: they keep their state until the project is restored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update

from studio.domain.run import RunState
from studio.storage.database import Database, RunRow
from studio.storage.trash import not_in_trash

ACTIVE = (RunState.STARTING, RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)


class RunQueue:
    """The runs that wait and the runs that are being worked on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self) -> list[RunRow]:
        """Runs that have a worker, or should have one, in the order of the queue."""
        return self._rows(ACTIVE)

    def waiting(self) -> list[RunRow]:
        """Runs that wait, the next one first."""
        return self._rows((RunState.QUEUED,))

    def paused(self) -> list[RunRow]:
        """Runs that wait for a person, in the order of the queue."""
        return self._rows((RunState.PAUSED,))

    def last_position(self) -> float:
        """The highest position in use; 0 when there are no runs."""
        with self._database.session() as session:
            return session.scalar(select(func.max(RunRow.position))) or 0.0

    def move(self, run_id: str, state: RunState, *, only_from: Sequence[RunState], attempts: int | None = None) -> bool:
        """Notes the state of a run.

        Args:
            run_id: the run; one that was deleted meanwhile is passed over.
            only_from: does nothing when the run is in another state than these.
            attempts: starts of a worker that brought nothing, if that number changes.

        Returns:
            Whether it was noted.
        """
        changes: dict[str, str | int] = {"state": state.value}
        if attempts is not None:
            changes["attempts"] = attempts
        # One statement, so that of two processes that move the same run only one does.
        known = [name.value for name in only_from]
        mine = (RunRow.id == run_id, RunRow.state.in_(known), not_in_trash())
        statement = update(RunRow).where(*mine).values(**changes)
        with self._database.session() as session:
            return bool(cast("CursorResult[Any]", session.execute(statement)).rowcount)

    def put_last(self, run_id: str) -> None:
        """Puts a run at the end of the queue, with a clean record."""
        position = self.last_position() + 1
        with self._database.session() as session:
            row = session.get(RunRow, run_id)
            if row is not None:
                row.state, row.position, row.attempts = RunState.QUEUED.value, position, 0

    def reorder(self, run_id: str, before: str | None) -> bool:
        """Moves a waiting run to another place in the queue.

        Args:
            before: the waiting run that it is to precede; None, or one that waits no more, puts it last.

        Returns:
            Whether it still waited.
        """
        waiting = (RunRow.state == RunState.QUEUED.value,)
        with self._database.session() as session:
            # The first statement writes, so that of two servers that reorder at the same time one waits for the other.
            held = session.execute(update(RunRow).where(RunRow.id == run_id, *waiting).values(attempts=0))
            if not cast("CursorResult[Any]", held).rowcount:
                return False
            rows = list(session.scalars(select(RunRow).where(*waiting).order_by(RunRow.position, RunRow.id)))
            first = rows[0].position
            moved = next(row for row in rows if row.id == run_id)
            rows.remove(moved)
            place = next((place for place, row in enumerate(rows) if row.id == before), len(rows))
            rows.insert(place, moved)
            for offset, row in enumerate(rows):
                row.position = first + offset
        return True

    def _rows(self, states: tuple[RunState, ...]) -> list[RunRow]:
        with self._database.session() as session:
            query = select(RunRow).where(RunRow.state.in_([state.value for state in states]), not_in_trash())
            return list(session.scalars(query.order_by(RunRow.position, RunRow.id)))
