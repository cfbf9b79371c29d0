"""The thread that sees runs through: takes them from the queue, starts a worker, and does not let go until it is over.

It keeps nothing that matters. Everything it knows it reads again from the run's folder, the queue and the processes
of the machine, so another supervisor can take over at any moment: after a crash of the server, or when a second
server on the same workspace was waiting for the lock.

No decision looks at the clock of the day, which jumps; only at files, processes and the monotonic clock.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable

from filelock import FileLock, Timeout

from studio.domain.problem import Problem
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.models.install import is_installed
from studio.storage.database import RunRow
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder, Workspace, new_id
from studio.training.loop.recovery import take_less
from studio.training.run_files.disk_space import request_pause, shortage
from studio.training.run_files.status import conclude, newest_checkpoint
from studio.training.supervision.exit_diagnosis import cause_of_death, was_killed_for_memory
from studio.training.supervision.memory_admission import fits_beside, needs
from studio.training.supervision.prewarmed_worker import PrewarmedWorker
from studio.training.supervision.run_queue import ACTIVE, RunQueue
from studio.training.supervision.worker_process import (
    WORKER_MODULE,
    WorkerProcess,
    find,
    kills_since_start,
    log_of_last_start,
    spawn,
)

_log = logging.getLogger(__name__)
_FORCE_SECONDS = 1.0  # between the request to terminate and the kill
_ASK_SECONDS = 5.0  # between two questions whether another run fits into the memory
_IDLE_INTERVALS = 4  # between two looks while no run waits or trains: whoever starts one here wakes the thread
_EXIT_SECONDS = 10.0  # a worker that wrote its result has this long to leave before the next one starts


class Supervisor:
    """Sees the runs of a workspace through in a thread: one at a time, or as many as the settings and memory allow.

    Several may be started on one workspace, in one process or many: one is active, the others wait for it to go.

    Args:
        grace: seconds that a worker has to stop by itself before it is terminated.
        attempts: starts without a new checkpoint after which a run is given up.
    """

    def __init__(
        self,
        workspace: Workspace,
        python: str = sys.executable,
        *,
        module: str = WORKER_MODULE,
        grace: float = 60.0,
        interval: float = 0.5,
        attempts: int = 3,
    ) -> None:
        self._workspace = workspace
        self._python = python
        self._module = module
        self._grace = grace
        self._interval = interval
        self._attempts = attempts
        self._reserve = workspace.settings.disk_reserve_mb * 10**6
        self._queue = RunQueue(workspace.database)
        self._spare = PrewarmedWorker(workspace, python, module)
        self._lock = FileLock(workspace.home / "supervisor.lock")
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._active = threading.Event()
        self._thread: threading.Thread | None = None
        self._ask_again = 0.0  # monotonic
        self._watches: dict[str, _Watch] = {}
        self.when_over: Callable[[str, RunState], None] = lambda run_id, state: None

    def start(self) -> None:
        """Starts the thread; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="afina-supervisor", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Makes it look at once: something was put into the queue, or a stop was asked for."""
        self._wake.set()

    def close(self) -> None:
        """Ends the thread. Workers go on; the next supervisor finds them."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=_EXIT_SECONDS + 5)
        self._spare.close()

    def prepare(self) -> None:
        """Has a worker do its imports ahead of the next run, where this is the one that supervises and nothing runs."""
        if self.is_active:
            try:
                self._spare.prepare()
            except AfinaError:
                _log.exception("No worker could be started ahead; a run starts without")

    def new_run_id(self) -> str:
        """The id for a run: that of the worker in waiting, or a fresh one."""
        return self._spare.reserve() or new_id("run")

    @property
    def is_active(self) -> bool:
        """Whether this is the one that supervises, not one that waits its turn."""
        return self._active.is_set()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with self._lock.acquire(timeout=0):
                    self._active.set()
                    self._supervise()
            except Timeout:
                pass
            except Exception:
                _log.exception("The supervisor stumbled and goes on")
            finally:
                self._active.clear()
            self._rest()

    def _supervise(self) -> None:
        is_idle = False
        while not self._closing.is_set():
            try:
                is_idle = not self._look()
            except Exception:  # a full disk or a locked database passes; runs must not be left alone because of it
                _log.exception("A look at the runs failed; the next one comes soon")
            self._rest(_IDLE_INTERVALS if is_idle else 1)

    def _rest(self, intervals: int = 1) -> None:
        self._wake.wait(intervals * self._interval)
        self._wake.clear()

    def _look(self) -> bool:
        """Moves all runs on; returns whether there is one that trains or waits."""
        busy = [self._workspace.run(row.id) for row in self._queue.active() if self._look_at(row)]
        for row in self._queue.waiting():
            folder = self._workspace.run(row.id)
            if len(busy) >= self._workspace.settings.runs_at_once or not self._fits(folder, busy):
                return True
            if self._queue.move(row.id, RunState.STARTING, only_from=(RunState.QUEUED,)):
                row.attempts = 0
                if self._begin(row):
                    busy.append(folder)
        return bool(busy)

    def _fits(self, folder: RunFolder, busy: list[RunFolder]) -> bool:
        """Whether a run may start beside others; asks the graphics card now and then only, for that takes a while."""
        if not busy:
            return True
        if time.monotonic() < self._ask_again:
            return False
        self._ask_again = time.monotonic() + _ASK_SECONDS
        return fits_beside(needs(folder), busy)

    def _look_at(self, row: RunRow) -> bool:
        """Moves one run on; returns whether it still needs the machine."""
        folder = self._workspace.run(row.id)
        watch = self._watches.get(row.id)
        if watch is None:
            watch = self._watches[row.id] = _Watch(find(folder, self._module), newest_checkpoint(folder))
        result = read_result(folder)
        if result is not None:
            return self._leave(row, result.state)
        if watch.worker is None or not watch.worker.is_alive():
            return self._after_death(row, folder, watch)
        if row.attempts and newest_checkpoint(folder) > watch.checkpoint:
            self._queue.move(row.id, RunState(row.state), only_from=ACTIVE, attempts=0)
        if folder.cancel_request.exists():
            self._press(watch, grace=0.0)
        elif folder.stop_request.exists():
            self._press(watch, grace=self._grace)
        state = _wanted(folder) or RunState.RUNNING
        if row.state != state:
            self._queue.move(row.id, state, only_from=ACTIVE)
        return True

    def _begin(self, row: RunRow) -> bool:
        """Starts a worker for a run; returns whether there is one now."""
        folder = self._workspace.run(row.id)
        model = self._workspace.model(row.model_id)
        self._see_off(row.id)
        problem = None
        if not folder.recipe.exists():
            problem = Problem(code="run.folder_missing", params={"path": str(folder.path)})
        elif not is_installed(model):
            problem = Problem(code="run.model_missing", params={"model": row.model_name})
        if problem is not None:
            return self._fail(row, folder, problem)
        short = shortage(folder, 0, self._reserve)
        if short is not None:
            return self._pause(row, folder, short)
        self._queue.move(row.id, RunState.STARTING, only_from=ACTIVE, attempts=row.attempts + 1)
        watch = self._watches[row.id] = _Watch(None, newest_checkpoint(folder))
        try:
            home = str(self._workspace.home.resolve())
            arguments = ["--home", home, "--model-dir", str(model.resolve()), "--reserve", str(self._reserve)]
            waiting = self._spare.take(folder, arguments)
            watch.worker = waiting or spawn(folder, arguments, python=self._python, module=self._module)
        except AfinaError as error:
            leave = self._pause if error.code == "disk.full" else self._fail
            return leave(row, folder, Problem.of(error))
        return True

    def _after_death(self, row: RunRow, folder: RunFolder, watch: _Watch) -> bool:
        """A worker is gone without a result: ends the run if a stop was asked for, else goes on from its checkpoint."""
        result = read_result(folder)  # it may have been written since the last look
        if result is not None:
            return self._leave(row, result.state)
        if folder.cancel_request.exists() or folder.stop_request.exists():
            ended = RunState.CANCELLED if folder.cancel_request.exists() else RunState.STOPPED
            conclude(folder, ended)
            return self._leave(row, ended)
        if folder.pause_request.exists():
            self._leave(row, RunState.PAUSED)
            if not folder.pause_request.exists():  # a person went on with it at this very moment
                self._queue.move(row.id, RunState.QUEUED, only_from=(RunState.PAUSED,), attempts=0)
            return False
        exit_code = watch.worker.exit_code if watch.worker else None
        kills = kills_since_start(folder)
        cause = cause_of_death(log_of_last_start(folder), exit_code, *kills)
        if cause.code == "disk.full":
            return self._pause(row, folder, shortage(folder, 1, self._reserve) or cause)
        smaller = was_killed_for_memory(exit_code, *kills) and take_less(folder)
        row.attempts = 0 if smaller or newest_checkpoint(folder) > watch.checkpoint else row.attempts
        if row.attempts < self._attempts:
            _log.warning("The worker of %s is gone; going on from its last checkpoint", row.id)
            return self._begin(row)
        return self._fail(row, folder, cause)

    def _pause(self, row: RunRow, folder: RunFolder, problem: Problem) -> bool:
        """Pauses a run that has no worker, for a reason that a person must see to."""
        request_pause(folder, problem)
        return self._leave(row, RunState.PAUSED)

    def _press(self, watch: _Watch, grace: float) -> None:
        """Terminates, then kills a worker that was asked to leave and is still here after ``grace`` seconds."""
        now = time.monotonic()
        if watch.stop_seen is None:
            watch.stop_seen = now
        waited = now - watch.stop_seen
        if watch.worker is not None and waited >= grace:
            watch.worker.end(force=waited > grace * 1.2 + _FORCE_SECONDS)

    def _fail(self, row: RunRow, folder: RunFolder, problem: Problem) -> bool:
        try:
            if folder.path.exists():  # else it was deleted this very moment, and must not come back
                conclude(folder, RunState.FAILED, problem)
        except AfinaError:
            _log.exception("The end of %s could not be written", row.id)
        return self._leave(row, RunState.FAILED)

    def _leave(self, row: RunRow, state: RunState) -> bool:
        """Notes the end of a run once its worker has left the machine; returns False: the next one may start."""
        self._see_off(row.id)
        self._queue.move(row.id, state, only_from=ACTIVE)
        if state.is_over:
            self.when_over(row.id, state)
        return False

    def _see_off(self, run_id: str) -> None:
        """Waits until the worker of a run that is over has left, and helps it after a while."""
        watch = self._watches.pop(run_id, None)
        worker = watch.worker if watch else None
        deadline = time.monotonic() + _EXIT_SECONDS
        while worker is not None and worker.is_alive() and not self._closing.is_set():
            if time.monotonic() > deadline:
                worker.end(force=True)
            time.sleep(0.05)


def _wanted(folder: RunFolder) -> RunState | None:
    """Where a run is on its way to because a person, or the studio, asked for it."""
    if folder.stop_request.exists() or folder.cancel_request.exists():
        return RunState.STOPPING
    return RunState.PAUSING if folder.pause_request.exists() else None


class _Watch:
    """What the supervisor remembers of a run that has a worker; all of it can be found again."""

    def __init__(self, worker: WorkerProcess | None, checkpoint: int) -> None:
        self.worker = worker
        self.checkpoint = checkpoint  # the newest one when the worker started or was found
        self.stop_seen: float | None = None  # monotonic seconds
