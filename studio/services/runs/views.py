"""What the screens show of a run: a pure reading of its folder, and of its place in the queue."""

from __future__ import annotations

from sqlalchemy import select

from studio.domain.run import RunState, RunView
from studio.domain.study import STUDY_PREFIX
from studio.errors import AfinaError
from studio.services.runs.state_reader import RunReader
from studio.storage.database import RunRow
from studio.storage.trash import not_in_trash
from studio.storage.workspace import RunFolder, Workspace
from studio.training.supervision.run_queue import RunQueue


class RunViews:
    """The runs of a workspace as a screen shows them."""

    def __init__(self, workspace: Workspace, reader: RunReader | None = None) -> None:
        self._workspace = workspace
        self._queue = RunQueue(workspace.database)
        self._reader = reader or RunReader()

    def view(self, run_id: str) -> RunView:
        """Everything that a screen shows of a run, read from disk. Cheap enough for a timer.

        Raises:
            AfinaError: ``general.not_found``.
        """
        row = self.row(run_id)
        places = self._places() if row.state == RunState.QUEUED.value else {}
        return self._view(row, places)

    def queue(self) -> list[RunView]:
        """The runs that are not over, of all projects: those that are worked on, those that wait in order, the paused."""
        waiting = self._queue.waiting()
        places = {row.id: place for place, row in enumerate(waiting, start=1)}
        rows = [*self._queue.active(), *waiting, *self._queue.paused()]
        return [view for row in rows if not (view := self._view(row, places)).state.is_over]

    def list(self, project_id: str | None = None) -> list[RunView]:
        """All runs, or those of a project, the newest first."""
        own = ~RunRow.id.startswith(f"{STUDY_PREFIX}-")  # studies have a list of their own
        query = select(RunRow).where(own, not_in_trash()).order_by(RunRow.created_at.desc(), RunRow.position.desc())
        if project_id is not None:
            query = query.where(RunRow.project_id == project_id)
        with self._workspace.database.session() as session:
            rows = session.scalars(query).all()
        places = self._places()
        return [self._view(row, places) for row in rows]

    def row(self, run_id: str) -> RunRow:
        """The run in the database. Raises ``general.not_found``."""
        with self._workspace.database.session() as session:
            row = session.scalar(select(RunRow).where(RunRow.id == run_id, not_in_trash()))
        if row is None:
            raise AfinaError("general.not_found", what=run_id[:80])
        return row

    def forget(self, folder: RunFolder) -> None:
        """Drops what is remembered of a run."""
        self._reader.forget(folder)

    def _view(self, row: RunRow, places: dict[str, int]) -> RunView:
        return self._reader.view(row, self._workspace.run(row.id), places.get(row.id))

    def _places(self) -> dict[str, int]:
        return {row.id: place for place, row in enumerate(self._queue.waiting(), start=1)}
