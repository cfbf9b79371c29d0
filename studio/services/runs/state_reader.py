"""Reads the folder of a run: where it stands and what its events say. The one reading that every screen shows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import Progress, ProgressFold, RunResult, RunState, RunView
from studio.storage.database import RunRow
from studio.storage.files import read_value
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import read_events
from studio.training.run_files.status import pause_reason

_RUNS_KEPT = 64  # runs whose events stay in memory


class RunReader:
    """Reads runs again and again at little cost: only the lines that were added since the last time.

    What it remembers can be forgotten at any moment; it is never asked for the truth. Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Path, _Known] = OrderedDict()

    def view(self, row: RunRow, folder: RunFolder, queue_position: int | None) -> RunView:
        """Everything that a screen shows of a run.

        Args:
            row: the run in the database, which gives its name and its place in the queue.
            queue_position: 1 is next; None when it does not wait.
        """
        progress, recipe = self._progress(folder)
        result = read_result(folder)
        state = state_of(RunState(row.state), folder, progress, result)
        if result is None and state is RunState.FAILED:
            result = RunResult(state=state, steps=progress.step, problem=_lost(folder))
        return RunView(
            id=row.id,
            project_id=row.project_id,
            name=row.name,
            state=state,
            created_at=row.created_at,
            recipe=recipe or Recipe(model=row.model_id),
            model_name=row.model_name,
            train_examples=row.train_examples,
            held_out_examples=row.held_out_examples,
            queue_position=queue_position if state is RunState.QUEUED else None,
            progress=progress,
            result=result,
            paused_by=pause_reason(folder) if state in (RunState.PAUSED, RunState.PAUSING) else None,
        )

    def standing(self, row: RunRow, folder: RunFolder) -> tuple[RunState, float]:
        """The state that :meth:`view` gives, and the share of the work done, 0 to 1; 1 for a run that is over.

        A list of many runs asks for no more: of those that are over, no event is read.
        """
        result = read_result(folder)
        if result is not None:
            return result.state, 1.0
        progress = self._progress(folder)[0]
        state = state_of(RunState(row.state), folder, progress, None)
        return state, 1.0 if state.is_over else progress.fraction

    def forget(self, folder: RunFolder) -> None:
        """Drops what is remembered of a run."""
        with self._lock:
            self._known.pop(folder.path, None)

    def _progress(self, folder: RunFolder) -> tuple[Progress, Recipe | None]:
        known = self._entry(folder.path)
        with known.lock:
            known.refresh(folder)
            return known.progress, known.recipe

    def _entry(self, path: Path) -> _Known:
        with self._lock:
            known = self._known.setdefault(path, _Known())
            self._known.move_to_end(path)
            while len(self._known) > _RUNS_KEPT:
                self._known.popitem(last=False)
            return known


def state_of(noted: RunState, folder: RunFolder, progress: Progress, result: RunResult | None) -> RunState:
    """Where a run stands. The result on disk counts; the database only tells whether a run without one waits.

    Args:
        result: its ``result.json``, if there is one.
    """
    if result is not None:
        return result.state
    if noted is RunState.FINISHED:
        return RunState.FAILED  # its result was lost
    if noted.is_over or noted in (RunState.QUEUED, RunState.PAUSED):
        return noted
    if folder.pause_request.exists():
        return RunState.PAUSED if progress.ended is not None else RunState.PAUSING
    if folder.stop_request.exists() or folder.cancel_request.exists():
        return RunState.STOPPING
    return RunState.RUNNING if progress.started is not None and progress.ended is None else RunState.STARTING


class _Known:
    """The events of one run, read so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.recipe: Recipe | None = None
        self.progress = Progress()
        self._fold = ProgressFold()
        self._offset = 0
        self._signature: tuple[int, int, int] | None = None

    def refresh(self, folder: RunFolder) -> None:
        if self.recipe is None:
            self.recipe = read_value(folder.recipe, Recipe)
        try:
            status = folder.events.stat()
        except OSError:
            self._start_over()
            return
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        if signature == self._signature:
            return
        if self._signature is None or signature[0] != self._signature[0] or status.st_size < self._offset:
            self._start_over()
        added, self._offset = read_events(folder.events, self._offset)
        self._signature = signature
        for event in added:
            self._fold.add(event)
        if added:
            self.progress = self._fold.progress()

    def _start_over(self) -> None:
        self._fold, self._offset, self._signature, self.progress = ProgressFold(), 0, None, Progress()


def _lost(folder: RunFolder) -> Problem:
    if not folder.path.exists():
        return Problem(code="run.folder_missing", params={"path": str(folder.path)})
    return Problem(code="run.end_unknown")
