"""Check-ups and fixes in the background: a page asks for one, and looks again until it is there."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from studio.data.checks.report import Report
from studio.domain.problem import Problem
from studio.errors import AfinaError, Stopped, from_exception

if TYPE_CHECKING:
    from studio.services.examples.checks import CheckService
    from studio.services.examples.datasets import DatasetService

_AT_ONCE: Final = 0.4  # seconds that a page waits: enough for some hundred examples


@dataclass(frozen=True)
class Checkup:
    """Where a check-up stands.

    Args:
        examples: how many are checked.
        report: what was found; None while something is going on, or where it went wrong.
        problem: what went wrong, with the check-up or with the last fix.
        done: share of a large set that was looked through, 0 to 1; None where it is not known.
        fixes: whether what goes on is a fix.
        stopped: whether a person stopped it, so that there is no report.
    """

    examples: int
    report: Report | None = None
    problem: Problem | None = None
    done: float | None = None
    fixes: bool = False
    stopped: bool = False

    @property
    def is_running(self) -> bool:
        """Whether it is still going on."""
        return self.report is None and self.problem is None and not self.stopped


@dataclass
class _Job:
    version_id: str
    thread: threading.Thread
    stop: threading.Event
    fixes: bool
    error: AfinaError | None = None


class CheckupService:
    """Check-ups of projects, one of each at a time. Safe to use from many threads.

    Args:
        datasets: the examples.
        checks: what checks them.
    """

    def __init__(self, datasets: DatasetService, checks: CheckService) -> None:
        self._datasets = datasets
        self._checks = checks
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def look(self, project_id: str) -> Checkup:
        """Where the check-up of the current examples stands; begins it where it is needed. Waits a moment at most.

        Raises:
            AfinaError: ``data.no_dataset``, ``general.not_found``.
        """
        version = self._datasets.version(project_id)
        if version is None:
            raise AfinaError("data.no_dataset")
        fix = self._fix(project_id)
        if fix is not None and fix.thread.is_alive():
            return Checkup(version.examples, done=self._checks.share(project_id), fixes=True)
        report = self._checks.known(project_id)
        if report is not None:
            return Checkup(version.examples, report, _problem(fix, version.id))
        job = self._job(project_id, version.id)
        job.thread.join(_AT_ONCE)
        if job.thread.is_alive():
            return Checkup(version.examples, done=self._checks.share(project_id))
        if isinstance(job.error, Stopped):
            return Checkup(version.examples, stopped=True)
        if job.error is not None:
            return Checkup(version.examples, problem=Problem.of(job.error))
        return Checkup(version.examples, self._checks.known(project_id))

    def fix(self, project_id: str, codes: Sequence[str]) -> None:
        """Puts problems right, of a large set in the background: :meth:`look` tells how far it is.

        Args:
            project_id: the project.
            codes: as of :meth:`studio.services.examples.checks.CheckService.fix`.

        Raises:
            AfinaError: as that method, where it is done at once.
        """
        if not self._checks.is_large(project_id):
            self._checks.fix(project_id, codes)
            return
        version = self._datasets.version(project_id)
        assert version is not None
        with self._lock:
            running = self._jobs.get(project_id)
            if running is None or not (running.fixes and running.thread.is_alive()):  # a second click is none
                self._start(project_id, version.id, lambda stop: self._checks.fix(project_id, codes, stop), fixes=True)

    def stop(self, project_id: str) -> None:
        """Ends what goes on with a large set: a fix changes nothing then, a check-up waits for :meth:`again`."""
        with self._lock:
            if (job := self._jobs.get(project_id)) is not None:
                job.stop.set()

    def again(self, project_id: str) -> None:
        """Lets a check-up that was stopped, or went wrong, begin anew at the next look."""
        with self._lock:
            job = self._jobs.get(project_id)
            if job is not None and not job.thread.is_alive():
                del self._jobs[project_id]

    def _fix(self, project_id: str) -> _Job | None:
        with self._lock:
            job = self._jobs.get(project_id)
            return job if job is not None and job.fixes else None

    def _job(self, project_id: str, version_id: str) -> _Job:
        """The job of this version, a new one where its model was changed meanwhile."""
        with self._lock:
            job = self._jobs.get(project_id)
            ended = job is None or job.fixes or not (job.thread.is_alive() or job.error)
            if job is None or ended or job.version_id != version_id:
                job = self._start(
                    project_id, version_id, lambda stop: self._checks.report(project_id, stop), fixes=False
                )
        return job

    def _start(
        self, project_id: str, version_id: str, work: Callable[[threading.Event], object], *, fixes: bool
    ) -> _Job:
        """Begins a job, with the lock held; what it writes is signed by whoever asked for it."""

        def run() -> None:
            try:
                work(stop)
            except Exception as error:  # whatever it is, the screen must say it
                job.error = from_exception(error)

        stop = threading.Event()
        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="check-up", daemon=True)
        job = self._jobs[project_id] = _Job(version_id, thread, stop, fixes)
        thread.start()
        return job


def _problem(fix: _Job | None, version_id: str) -> Problem | None:
    """What went wrong with the last fix of this version."""
    if fix is None or fix.version_id != version_id or fix.error is None or isinstance(fix.error, Stopped):
        return None
    return Problem.of(fix.error)
