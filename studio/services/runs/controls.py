"""What a person can do to a run on its way: stop, pause, go on, cancel, reorder, rename, delete.

Each writes what is wanted to disk or to the database and wakes the supervisor, which may be another server's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from studio.domain.run import RunState
from studio.errors import AfinaError, from_exception
from studio.processes.job_registry import forget_jobs
from studio.services.runs.state_reader import RunReader
from studio.services.runs.views import RunViews
from studio.storage.database import RunRow
from studio.storage.files import free_bytes, replace
from studio.storage.workspace import RunFolder, Workspace
from studio.training.run_files.status import conclude
from studio.training.supervision.supervisor import Supervisor

NAME_LENGTH: Final = 200
_AT_REST: Final = tuple(state for state in RunState if state.is_over or state in (RunState.QUEUED, RunState.PAUSED))


class RunControls(RunViews):
    """Changes the course of runs.

    Args:
        supervisor: sees them through; one of its own by default. It does nothing before :meth:`supervise`.
    """

    def __init__(
        self, workspace: Workspace, supervisor: Supervisor | None = None, reader: RunReader | None = None
    ) -> None:
        super().__init__(workspace, reader)
        self._supervisor = supervisor or Supervisor(workspace)

    def supervise(self) -> None:
        """Makes the supervisor, a thread that is started here where it is not, look at once."""
        self._supervisor.start()
        self._supervisor.wake()

    def when_over(self, callback: Callable[[str, RunState], None]) -> None:
        """Has something done when a run is over, in the thread that sees runs through: with its id and its state."""
        self._supervisor.when_over = callback

    def close(self) -> None:
        """Ends the supervisor; workers go on, and the next supervisor finds them."""
        self._supervisor.close()

    def is_idle(self) -> bool:
        """Whether no run needs the cores, or waits for them."""
        return not self._queue.active() and not self._queue.waiting()

    def prepare(self) -> None:
        """Starts a worker that does its imports before it is needed. Nothing while runs need the cores."""
        if self.is_idle():
            self._supervisor.prepare()

    def stop(self, run_id: str) -> None:
        """Asks a run to stop and keep the best so far. One that waits stops at once; one that is over stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        self._end(run_id, RunState.STOPPED, self._workspace.run(run_id).stop_request)

    def cancel(self, run_id: str) -> None:
        """Ends a run at once, in the middle of a step if need be. One that is over stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        self._end(run_id, RunState.CANCELLED, self._workspace.run(run_id).cancel_request)

    def pause(self, run_id: str) -> None:
        """Asks a run to pause at the next step; :meth:`resume` goes on exactly there. One that waits pauses at once.

        The next one in the queue starts meanwhile. A run that is over or paused stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        state = self.view(run_id).state
        if state.is_over or state is RunState.PAUSED:
            return
        if not self._queue.move(run_id, RunState.PAUSED, only_from=(RunState.QUEUED,)):
            _ask(self._workspace.run(run_id).pause_request)
            self.supervise()

    def resume(self, run_id: str) -> None:
        """Goes on from the newest checkpoint: a paused run at its place in the queue, one that was over at the end.

        Raises:
            AfinaError: ``general.not_found``; ``run.not_resumable`` for one that waits, runs or has finished;
                ``disk.low`` while the room that it was paused for is not there.
        """
        view, folder = self.view(run_id), self._workspace.run(run_id)
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

    def move(self, run_id: str, before: str | None = None) -> None:
        """Moves a waiting run to another place in the queue.

        Args:
            before: the waiting run that it is to precede; None puts it last.

        Raises:
            AfinaError: ``general.not_found``, or ``run.not_waiting``.
        """
        if run_id == before:
            return
        if not self._queue.reorder(run_id, before):
            raise AfinaError("run.not_waiting", name=self.row(run_id).name)

    def delete(self, run_id: str) -> None:
        """Deletes a run, its folder and its demo links.

        Raises:
            AfinaError: ``general.not_found``, or ``run.still_going`` while it runs.
        """
        view = self.view(run_id)
        allowed = tuple(RunState) if view.state.is_over else _AT_REST  # the result counts, the database may be late
        if not self._queue.move(run_id, RunState.STOPPED, only_from=allowed):
            raise AfinaError("run.still_going", name=view.name)
        with self._workspace.database.session() as session:
            session.delete(session.get_one(RunRow, run_id))
        folder = self._workspace.run(run_id)
        self.forget(folder)
        shutil.rmtree(folder.path, ignore_errors=True)
        shutil.rmtree(self._workspace.exports(run_id), ignore_errors=True)
        forget_jobs(self._workspace.home, (run_id,))

    def rename(self, run_id: str, name: str) -> None:
        """Gives a run another name; an empty one changes nothing. Raises ``general.not_found``."""
        before = self.row(run_id).name
        with self._workspace.database.session() as session:
            session.get_one(RunRow, run_id).name = name.strip()[:NAME_LENGTH] or before

    def _end(self, run_id: str, state: RunState, request: Path) -> None:
        """Ends a run that waits right here, and asks for the end of one that has a worker."""
        if self.view(run_id).state.is_over:
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
