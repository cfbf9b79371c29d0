"""What a person can do to a run on its way: stop, pause, go on, cancel, reorder, rename, delete.

Each writes what is wanted to disk or to the database and wakes the supervisor, which may be another server's.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from studio.domain.run import RunState
from studio.errors import AfinaError, from_exception
from studio.services.runs.views import RunViews
from studio.storage.database import RunRow
from studio.storage.files import free_bytes, replace
from studio.storage.workspace import RunFolder, Workspace
from studio.training.run_files.status import conclude
from studio.training.supervision.run_queue import RunQueue
from studio.training.supervision.supervisor import Supervisor

NAME_LENGTH: Final = 200
_AT_REST: Final = tuple(state for state in RunState if state.is_over or state in (RunState.QUEUED, RunState.PAUSED))


class RunControls:
    """Changes the course of runs.

    Args:
        workspace: where they live.
        queue: the order in which they wait.
        views: what they look like now.
        supervisor: carries out what is asked.
    """

    def __init__(self, workspace: Workspace, queue: RunQueue, views: RunViews, supervisor: Supervisor) -> None:
        self._workspace = workspace
        self._queue = queue
        self._views = views
        self._supervisor = supervisor

    def supervise(self) -> None:
        """Makes the supervisor look at once."""
        self._supervisor.start()
        self._supervisor.wake()

    def stop(self, run_id: str) -> None:
        """See :meth:`RunService.stop`."""
        self._end(run_id, RunState.STOPPED, self._workspace.run(run_id).stop_request)

    def cancel(self, run_id: str) -> None:
        """See :meth:`RunService.cancel`."""
        self._end(run_id, RunState.CANCELLED, self._workspace.run(run_id).cancel_request)

    def pause(self, run_id: str) -> None:
        """See :meth:`RunService.pause`."""
        state = self._views.view(run_id).state
        if state.is_over or state is RunState.PAUSED:
            return
        if not self._queue.move(run_id, RunState.PAUSED, only_from=(RunState.QUEUED,)):
            _ask(self._workspace.run(run_id).pause_request)
            self.supervise()

    def resume(self, run_id: str) -> None:
        """See :meth:`RunService.resume`."""
        view, folder = self._views.view(run_id), self._workspace.run(run_id)
        if view.state is not RunState.PAUSING and not view.state.can_go_on:
            raise AfinaError("run.not_resumable", name=view.name)
        if view.paused_by is not None and view.paused_by.code == "disk.low":
            _check_room(folder, int(view.paused_by.params.get("needed_mb", 0)))
        for request in (folder.stop_request, folder.pause_request, folder.cancel_request):
            request.unlink(missing_ok=True)
        if view.state.is_over:
            if folder.result.exists():
                replace(folder.result, folder.path / "result-before.json")
            self._queue.put_last(run_id)
        else:  # it keeps its place in the queue
            self._queue.move(run_id, RunState.QUEUED, only_from=(RunState.PAUSED,), attempts=0)
        self.supervise()

    def move(self, run_id: str, before: str | None) -> None:
        """See :meth:`RunService.move`."""
        if run_id == before:
            return
        if not self._queue.reorder(run_id, before):
            raise AfinaError("run.not_waiting", name=self._views.row(run_id).name)

    def delete(self, run_id: str) -> None:
        """See :meth:`RunService.delete`."""
        view = self._views.view(run_id)
        allowed = tuple(RunState) if view.state.is_over else _AT_REST  # the result counts, the database may be late
        if not self._queue.move(run_id, RunState.STOPPED, only_from=allowed):
            raise AfinaError("run.still_going", name=view.name)
        with self._workspace.database.session() as session:
            session.delete(session.get_one(RunRow, run_id))
        folder = self._workspace.run(run_id)
        self._views.forget(folder)
        shutil.rmtree(folder.path, ignore_errors=True)
        shutil.rmtree(self._workspace.exports(run_id), ignore_errors=True)

    def rename(self, run_id: str, name: str) -> None:
        """See :meth:`RunService.rename`."""
        before = self._views.row(run_id).name
        with self._workspace.database.session() as session:
            session.get_one(RunRow, run_id).name = name.strip()[:NAME_LENGTH] or before

    def _end(self, run_id: str, state: RunState, request: Path) -> None:
        """Ends a run that waits right here, and asks for the end of one that has a worker."""
        if self._views.view(run_id).state.is_over:
            return
        if self._queue.move(run_id, state, only_from=(RunState.QUEUED, RunState.PAUSED)):
            folder = self._workspace.run(run_id)
            folder.pause_request.unlink(missing_ok=True)
            conclude(folder, state)
            return
        _ask(request)
        self.supervise()


def _ask(request: Path) -> None:
    try:
        request.touch()
    except OSError as error:
        raise from_exception(error) from error


def _check_room(folder: RunFolder, needed_mb: int) -> None:
    free = free_bytes(folder.path)
    if free < needed_mb * 10**6:
        raise AfinaError("disk.low", needed_mb=needed_mb, free_mb=free // 10**6, path=str(folder.path))
