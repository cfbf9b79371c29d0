"""The owner's own answers for a page without a server, as the studio chooses among them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.problem import Problem
from studio.errors import AfinaError, Stopped
from studio.processes.child import run_child
from studio.processes.environment import yielding_environment
from studio.services.selectors import decision_problem
from studio.sharing.site_page import KnownAnswers
from studio.storage.workspace import Workspace
from studio.trust.jobs import installed_encoder, language_of, trust_job
from studio.trust.summary import VERSION

if TYPE_CHECKING:
    from studio.services.answer_policies import AnswerPolicyService

_SENTENCES: Final = 36_000_000  # bytes of the sentence encoder and its words
_PACKED: Final = 0.33  # of an installed encoder's size; see studio/sharing/gguf/encoder.py


class BrowserAnswerService:
    """Builds what an exported page needs to choose between known answers.

    Args:
        policies: how careful, and what is said when a question is handed over.
    """

    def __init__(self, workspace: Workspace, policies: AnswerPolicyService) -> None:
        self._workspace, self._policies = workspace, policies
        self._languages: dict[str, str] = {}  # by run

    def stamp(self, run_id: str) -> str:
        """A value that changes with the owner's choices, with the encoder that there is and with how Afina reads."""
        return repr((VERSION, self._policies.of_run(run_id), self._encoder(run_id)))

    def reader_bytes(self, run_id: str) -> int:
        """What a page reads questions with, about; nothing where its model writes every answer."""
        if self._policies.of_run(run_id).is_alone:
            return 0
        encoder = self._encoder(run_id)
        return _SENTENCES + (int((encoder / "model.safetensors").stat().st_size * _PACKED) if encoder else 0)

    def _encoder(self, run_id: str) -> Path | None:
        if run_id not in self._languages:  # what it learned from does not change
            self._languages[run_id] = language_of(self._workspace.run(run_id))
        encoder = installed_encoder(self._workspace.models, self._languages[run_id])
        return self._workspace.model(encoder) if encoder else None

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
        job = trust_job(run, self._workspace.models, self._workspace.home, careful=policy.careful)
        with tempfile.TemporaryDirectory(prefix="afina-trust-") as name:
            asked, letters, vectors = (Path(name) / f"{part}.json" for part in ("job", "letters", "vectors"))
            asked.write_text(job.model_dump_json(), encoding="utf-8")
            try:
                code = run_child(
                    "studio.trust.browser",
                    [asked, letters, vectors],
                    cancelled=cancelled,
                    variables=yielding_environment(),
                )
            except Stopped:
                raise
            except AfinaError as error:
                problem = decision_problem(Problem.of(error))
                raise AfinaError(problem.code, **problem.params) from error
            if code:
                raise AfinaError("trust.failed", detail=f"exit {code}")
            handed_over = policy.handed_over(job.language)
            return KnownAnswers(letters.read_bytes(), vectors.read_bytes(), handed_over, job.encoder_dir)
