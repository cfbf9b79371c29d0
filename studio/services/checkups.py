"""Check-ups in the background: a page asks for one, and looks again until it is there."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from studio.data.checks.report import Report
from studio.domain.problem import Problem
from studio.errors import AfinaError, from_exception

if TYPE_CHECKING:
    from studio.services.checks import CheckService
    from studio.services.datasets import DatasetService

_AT_ONCE: Final = 0.4  # seconds that a page waits: enough for some hundred examples


@dataclass(frozen=True)
class Checkup:
    """Where a check-up stands.

    Args:
        examples: how many are checked.
        report: what was found; None while it is going on, or where it went wrong.
        problem: what went wrong.
        done: share of a large set that was looked through, 0 to 1; None where it is not known.
    """

    examples: int
    report: Report | None = None
    problem: Problem | None = None
    done: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is still going on."""
        return self.report is None and self.problem is None


@dataclass
class _Job:
    version_id: str
    thread: threading.Thread
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
        report = self._checks.known(project_id)
        if report is not None:
            return Checkup(version.examples, report)
        job = self._job(project_id, version.id)
        job.thread.join(_AT_ONCE)
        if job.thread.is_alive():
            return Checkup(version.examples, done=self._checks.share(project_id))
        if job.error is not None:
            return Checkup(version.examples, problem=Problem.of(job.error))
        return Checkup(version.examples, self._checks.known(project_id))

    def _job(self, project_id: str, version_id: str) -> _Job:
        """The job of this version, a new one where its model was changed meanwhile."""
        with self._lock:
            job = self._jobs.get(project_id)
            if job is None or job.version_id != version_id or not (job.thread.is_alive() or job.error):
                thread = threading.Thread(target=self._run, args=(project_id, version_id), name="check-up", daemon=True)
                job = self._jobs[project_id] = _Job(version_id, thread)
                thread.start()
        return job

    def _run(self, project_id: str, version_id: str) -> None:
        try:
            self._checks.report(project_id)
        except Exception as error:  # whatever it is, the screen must say it
            with self._lock:
                job = self._jobs.get(project_id)
                if job is not None and job.version_id == version_id:
                    job.error = from_exception(error)
