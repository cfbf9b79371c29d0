"""Check-ups and fixes in the background: a page asks for one, and looks again until it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from studio.data.checks.report import Report
from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.processes.job_registry import ActiveJob, Job, JobRegistry, JobState

if TYPE_CHECKING:
    from studio.services.examples.checks import CheckService
    from studio.services.examples.datasets import DatasetService

_FIX: Final = "fixing"  # stage of a fix
_AT_ONCE: Final = 0.4  # seconds that a page waits: enough for some hundred examples


@dataclass(frozen=True)
class Checkup:
    """Where a check-up stands."""

    examples: int  # how many are checked
    report: Report | None = None  # what was found; None while something is going on, or where it went wrong
    problem: Problem | None = None  # what went wrong, with the check-up or with the last fix
    done: float | None = None  # share of a large set that was looked through, 0 to 1; None where it is not known
    fixes: bool = False  # whether what goes on is a fix
    stopped: bool = False  # whether a person stopped it, so that there is no report

    @property
    def is_running(self) -> bool:
        """Whether it is still going on."""
        return self.report is None and self.problem is None and not self.stopped


class CheckupService:
    """Check-ups of projects, one of each at a time. Safe to use from many threads."""

    def __init__(self, datasets: DatasetService, checks: CheckService) -> None:
        self._datasets = datasets
        self._checks = checks
        self._jobs = JobRegistry(datasets.workspace.home, "checkup")

    def look(self, project_id: str) -> Checkup:
        """Where the check-up of the current examples stands; begins it where it is needed. Waits a moment at most.

        Raises ``data.no_dataset``, ``general.not_found``.
        """
        version = self._datasets.version(project_id)
        if version is None:
            raise AfinaError("data.no_dataset")
        job = self._jobs.get(project_id)
        if job is not None and job.is_active and job.stage == _FIX:
            return Checkup(version.examples, done=self._checks.share(project_id), fixes=True)
        report = self._checks.known(project_id)
        if report is not None:
            return Checkup(version.examples, report, _problem_of_fix(job, version.id))
        if job is None or job.stage == _FIX or not (job.is_active or _is_told(job, version.id)):
            self._start(
                project_id, version.id, "checking", lambda job: self._checks.report(project_id, job.is_cancelled)
            )
            job = self._jobs.wait(project_id, _AT_ONCE)
        elif job.is_active:
            job = self._jobs.wait(project_id, _AT_ONCE)
        if job is not None and job.is_active:
            return Checkup(version.examples, done=self._checks.share(project_id))
        if job is not None and job.state is JobState.CANCELLED:
            return Checkup(version.examples, stopped=True)
        if job is not None and job.problem is not None:
            return Checkup(version.examples, problem=job.problem)
        return Checkup(version.examples, self._checks.known(project_id))

    def fix(self, project_id: str, codes: Sequence[str]) -> None:
        """Puts problems right, of a large set in the background: :meth:`look` tells how far it is.

        Raises as :meth:`studio.services.examples.checks.CheckService.fix`, where it is done at once.
        """
        if not self._checks.is_large(project_id):
            self._checks.fix(project_id, codes)
            return
        version = self._datasets.version(project_id)
        assert version is not None

        def work(job: ActiveJob) -> None:
            self._checks.fix(project_id, codes, job.is_cancelled)

        running = self._jobs.get(project_id)
        if running is not None and running.is_active and running.stage != _FIX:
            self._jobs.wait(project_id)  # a check-up whose report is there has only to end
        self._start(project_id, version.id, _FIX, work)  # a second click is none

    def stop(self, project_id: str) -> None:
        """Ends what goes on with a large set: a fix changes nothing then, a check-up waits for :meth:`again`."""
        self._jobs.cancel(project_id)

    def again(self, project_id: str) -> None:
        """Lets a check-up that was stopped, or went wrong, begin anew at the next look."""
        self._jobs.forget(project_id)

    def _start(self, project_id: str, version_id: str, stage: str, work: Callable[[ActiveJob], object]) -> None:
        self._jobs.start(project_id, work, project=project_id, stage=stage, details={"version": version_id})


def _is_told(job: Job, version_id: str) -> bool:
    """Whether what a check-up ended in is still to be said, of this version."""
    return job.state in (JobState.FAILED, JobState.CANCELLED) and job.details.get("version") == version_id


def _problem_of_fix(job: Job | None, version_id: str) -> Problem | None:
    """What went wrong with the last fix of this version."""
    return job.problem if job and job.stage == _FIX and job.details.get("version") == version_id else None
