"""The queue of runs in the database: an index of what the folders say, and the order in which runs wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update

from studio.domain.run import RunState
from studio.storage.database import Database, RunRow

ACTIVE = (RunState.STARTING, RunState.RUNNING, RunState.STOPPING)


class RunQueue:
    """The runs that wait and the runs that are being worked on.

    Args:
        database: where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self) -> list[RunRow]:
        """Runs that have a worker, or should have one, in the order of the queue."""
        return self._rows(ACTIVE)

    def waiting(self) -> list[RunRow]:
        """Runs that wait, the next one first."""
        return self._rows((RunState.QUEUED,))

    def last_position(self) -> float:
        """The highest position in use; 0 when there are no runs."""
        with self._database.session() as session:
            return session.scalar(select(func.max(RunRow.position))) or 0.0

    def move(self, run_id: str, state: RunState, *, only_from: Sequence[RunState], attempts: int | None = None) -> bool:
        """Notes the state of a run.

        Args:
            run_id: the run; one that was deleted meanwhile is passed over.
            state: its new state.
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
        statement = update(RunRow).where(RunRow.id == run_id, RunRow.state.in_(known)).values(**changes)
        with self._database.session() as session:
            return bool(cast("CursorResult[Any]", session.execute(statement)).rowcount)

    def put_last(self, run_id: str) -> None:
        """Puts a run at the end of the queue, with a clean record."""
        position = self.last_position() + 1
        with self._database.session() as session:
            row = session.get(RunRow, run_id)
            if row is not None:
                row.state, row.position, row.attempts = RunState.QUEUED.value, position, 0

    def _rows(self, states: tuple[RunState, ...]) -> list[RunRow]:
        with self._database.session() as session:
            query = select(RunRow).where(RunRow.state.in_([state.value for state in states]))
            return list(session.scalars(query.order_by(RunRow.position, RunRow.id)))
