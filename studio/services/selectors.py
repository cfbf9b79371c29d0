"""Fits the selector of a run in a child process, at the end of the run or when it is first needed."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from studio.domain.problem import Problem
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.processes.child import Cancelled, never, run_child
from studio.processes.environment import yielding_environment
from studio.processes.job_registry import ActiveJob, Job, JobRegistry, JobState
from studio.services.answer_policies import AnswerPolicyService
from studio.storage.kept_adapter import kept_adapter
from studio.storage.trash import is_in_trash
from studio.storage.workspace import RunFolder, Workspace
from studio.trust.decision import RiskCurve, TrustResult
from studio.trust.jobs import installed_encoder, is_tuning_settled, language_of, selector_folder, trust_job
from studio.trust.summary import SelectorSummary, selector_stamp

_LOG: Final = logging.getLogger(__name__)


def decision_problem(problem: Problem) -> Problem:
    """Why nobody can decide about a run, as the owner is told it, by what went wrong."""
    if problem.code.startswith("data."):
        return Problem(code="trust.no_examples")
    if problem.code == "general.unexpected":
        return Problem(code="trust.failed", params={"detail": str(problem.params.get("detail", ""))})
    return problem


class SelectorService:
    """The fitted selectors of a workspace's runs. Safe to use from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._jobs = JobRegistry(workspace.home, "trust", at_once=1)
        self._tunings = JobRegistry(workspace.home, "tuning", at_once=1)
        self._policies = AnswerPolicyService(workspace)
        self.when_tuned: Callable[[str], None] = lambda run_id: None  # called when a tuned encoder took over in a run

    def curve(self, run_id: str) -> RiskCurve | None:
        """The risk curve of a run; None before it is fitted. Raises ``general.not_found``."""
        summary = SelectorSummary.read(selector_folder(self._workspace.run(run_id)))
        return summary.curve if summary is not None else None

    def was_fitted(self, run_id: str) -> bool:
        """Whether a run was fitted once, by an earlier version perhaps. Raises ``general.not_found``."""
        return selector_stamp(selector_folder(self._workspace.run(run_id))) != 0

    def is_fitting(self, run_id: str) -> bool:
        """Whether a run is being fitted, for the first time or with a better encoder."""
        job = self._jobs.get(run_id)
        return job is not None and job.is_active and not self._is_current(self._workspace.run(run_id))

    def problem(self, run_id: str) -> Problem | None:
        """Why nothing can be decided about a run; None where it is fitted, or will be. Raises ``general.not_found``."""
        folder, job = self._workspace.run(run_id), self._jobs.get(run_id)
        if SelectorSummary.read(selector_folder(folder)) is not None:
            return None
        if not folder.train.is_file():
            return Problem(code="trust.no_examples")
        if job is None or job.state is not JobState.FAILED or job.problem is None:
            return None
        return decision_problem(job.problem)

    def progress(self, run_id: str) -> Job | None:
        """The progress of fitting a run; None if it was never begun."""
        return self._jobs.get(run_id)

    def tuning(self, run_id: str) -> Job | None:
        """The progress of tuning the encoder to a run; None if it was never begun."""
        return self._tunings.get(run_id)

    def fit(self, run_id: str) -> None:
        """Starts fitting a run in the background, unless it is fitted with the best installed encoder.

        Its encoder is tuned next, unless that was done, or has failed or was stopped since the studio began.
        """
        self._begin(run_id)

    def fit_unasked(self, run_id: str, state: RunState) -> None:
        """Fits a run that is over. Called in the supervisor's thread, so every error is caught."""
        if state in (RunState.FINISHED, RunState.STOPPED):
            try:
                self._begin(run_id)
            except Exception:
                _LOG.exception("What decides between answers could not be fitted; a question tries again")

    def require(self, run_id: str, seconds: float) -> bool:
        """Waits until a run is fitted.

        Args:
            seconds: to wait at most.

        Returns:
            Whether it is; not where it failed, has nothing to ask yet, or takes longer.
        """
        folder = self._workspace.run(run_id)
        if SelectorSummary.read(selector_folder(folder)) is not None:
            return True
        job = self._jobs.get(run_id)
        if job is None or job.state is not JobState.FAILED or job.pid != os.getpid():  # what failed here fails again
            self.fit(run_id)
        self._jobs.wait(run_id, seconds)
        return SelectorSummary.read(selector_folder(folder)) is not None

    def repair(self, run_id: str, seconds: float) -> None:
        """Refits a run whose selector cannot be read, or not with the installed encoders, and waits for it."""
        folder = self._workspace.run(run_id)
        if self._is_fit_for(folder):
            self._jobs.start(run_id, lambda job: self._refit(folder, job))
            self._jobs.wait(run_id, seconds)

    def decide(
        self, run_id: str, questions: Sequence[str], careful: float, cancelled: Cancelled = never
    ) -> TrustResult:
        """Decides about a list of questions in a child process, which fits the run first if needed.

        Raises:
            AfinaError: ``trust.no_examples``, ``trust.failed``; :class:`studio.errors.Stopped`.
        """
        folder = self._workspace.run(run_id)
        if not folder.train.is_file():
            raise AfinaError("trust.no_examples")
        return self._run(folder, questions, careful, cancelled)

    def stop_tuning(self, run_id: str) -> None:
        """Stops tuning the encoder to a run; what was fitted first stays in force."""
        self._tunings.cancel(run_id)

    def close(self) -> None:
        """Ends what is being fitted."""
        self._tunings.close()
        self._jobs.close()

    def _begin(self, run_id: str) -> None:
        folder = self._workspace.run(run_id)
        if not self._is_fit_for(folder):
            return
        if self._is_current(folder):
            self._begin_tuning(folder)
        else:
            self._jobs.start(run_id, lambda job: self._fit(folder, job))

    def _fit(self, folder: RunFolder, job: ActiveJob) -> None:
        if self._is_current(folder):  # an exam fits, too
            self._begin_tuning(folder)
        else:
            self._refit(folder, job)

    def _refit(self, folder: RunFolder, job: ActiveJob) -> None:
        self._run(folder, (), 0.0, job.is_cancelled, job.attach)
        self._begin_tuning(folder)

    def _begin_tuning(self, folder: RunFolder) -> None:
        run_id = folder.path.name
        known = self._tunings.get(run_id)
        if known is not None and (known.is_active or (known.pid == os.getpid() and known.state is not JobState.DONE)):
            return  # under way, perhaps in another process; or it failed or was stopped here
        is_wanted = self._workspace.settings.tune_encoder and not is_tuning_settled(folder)
        is_over = folder.result.is_file()
        if is_over and is_wanted and installed_encoder(self._workspace.models, language_of(folder)):
            self._tunings.start(run_id, lambda job: self._tune(folder, job))

    def _tune(self, folder: RunFolder, job: ActiveJob) -> None:
        careful = self._policies.of_run(folder.path.name).careful
        asked = trust_job(folder, self._workspace.models, self._workspace.home, careful=careful)
        folder_before = selector_folder(folder)

        def report(message: dict[str, int]) -> None:
            job.update(**message, fraction=message["done"] / message["total"])

        with tempfile.TemporaryDirectory(prefix="afina-tuning-") as name:
            path = Path(name) / "job.json"
            path.write_text(asked.model_dump_json(), encoding="utf-8")
            code = run_child(
                "studio.trust.tuning_worker", [path], on_message=report, on_start=job.attach,
                cancelled=job.is_cancelled, variables=yielding_environment(),
            )  # fmt: skip
        if code:
            raise AfinaError("trust.failed", detail=f"exit {code}")
        if selector_folder(folder) != folder_before:
            self.when_tuned(folder.path.name)

    def _run(
        self,
        folder: RunFolder,
        questions: Sequence[str],
        careful: float,
        cancelled: Cancelled,
        on_start: Callable[[int], object] = lambda pid: None,
    ) -> TrustResult:
        job = trust_job(folder, self._workspace.models, self._workspace.home, questions, careful)
        with tempfile.TemporaryDirectory(prefix="afina-trust-") as name:
            asked, answer = Path(name) / "job.json", Path(name) / "result.json"
            asked.write_text(job.model_dump_json(), encoding="utf-8")
            variables = yielding_environment()
            code = run_child(
                "studio.trust.worker", [asked, answer], on_start=on_start, cancelled=cancelled, variables=variables
            )
            if code:
                raise AfinaError("trust.failed", detail=f"exit {code}")
            return TrustResult.model_validate_json(answer.read_bytes())

    def _is_fit_for(self, folder: RunFolder) -> bool:
        """Whether a run has something to ask, if only the best so far, and is not in the trash."""
        can_be_asked = folder.train.is_file() and kept_adapter(folder) is not None
        return can_be_asked and not is_in_trash(self._workspace.database, folder.path.name)

    def _is_current(self, folder: RunFolder) -> bool:
        summary = SelectorSummary.read(selector_folder(folder))
        return summary is not None and summary.encoder == installed_encoder(self._workspace.models, language_of(folder))
