"""The owner's own answers for a page without a server, chosen by character n-grams only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.processes.child import run_child
from studio.processes.environment import yielding_environment
from studio.services.selectors import decision_problem
from studio.sharing.site_page import KnownAnswers
from studio.storage.workspace import Workspace
from studio.trust.decision import TrustJob
from studio.trust.jobs import language_of

if TYPE_CHECKING:
    from studio.services.answer_policies import AnswerPolicyService


class BrowserAnswerService:
    """Builds what an exported page needs to choose between known answers.

    Args:
        policies: how careful, and what is said when a question is handed over.
    """

    def __init__(self, workspace: Workspace, policies: AnswerPolicyService) -> None:
        self._workspace, self._policies = workspace, policies

    def stamp(self, run_id: str) -> str:
        """A value that changes with the owner's choices."""
        return repr(self._policies.of_run(run_id))

    def known_answers(self, run_id: str, cancelled: Callable[[], bool]) -> KnownAnswers | None:
        """What a page needs; fitted in a child process where that was not done yet.

        Returns:
            None where the owner wants the tuned model alone.

        Raises:
            AfinaError: ``general.not_found``, ``trust.failed``, ``trust.no_examples``.
            Stopped: when cancelled.
        """
        policy, run = self._policies.of_run(run_id), self._workspace.run(run_id)
        if policy.is_alone:
            return None
        if not run.train.is_file():
            raise AfinaError("trust.no_examples")
        spoken = language_of(run)
        job = TrustJob(
            examples=(run.train,),
            folder=run.path / "trust-letters",  # the studio's own selector reads sentences too, and lies beside it
            letters_only=True,
            language=spoken,
            careful=policy.careful,
            home=self._workspace.home,
        )
        with tempfile.TemporaryDirectory(prefix="afina-trust-") as name:
            asked, answer = Path(name) / "job.json", Path(name) / "selector.json"
            asked.write_text(job.model_dump_json(), encoding="utf-8")
            try:
                code = run_child(
                    "studio.trust.browser", [asked, answer], cancelled=cancelled, variables=yielding_environment()
                )
            except AfinaError as error:
                problem = decision_problem(Problem.of(error))
                raise AfinaError(problem.code, **problem.params) from error
            if code:
                raise AfinaError("trust.failed", detail=f"exit {code}")
            return KnownAnswers(answer.read_bytes(), policy.handed_over(spoken))
