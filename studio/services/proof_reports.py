"""The verdict to take away: a report in HTML or PDF, the figures as JSON or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from studio.domain.proof import Proof
from studio.errors import AfinaError
from studio.i18n.catalog import DEFAULT_LOCALE, catalog
from studio.services.answer_policies import AnswerPolicyService
from studio.services.proof.service import ProofService
from studio.services.votes import VoteService
from studio.sharing.proof_report.figures import as_csv
from studio.sharing.proof_report.html_report import html_report
from studio.sharing.proof_report.pdf import find_chromium, print_pdf
from studio.storage.files import write_atomic

MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}


class ProofReportService:
    """Makes reports of exams that have a result.

    Args:
        votes: the blind votes on their answers.
        policies: how careful projects are.
    """

    def __init__(self, proofs: ProofService, votes: VoteService, policies: AnswerPolicyService) -> None:
        self._proofs, self._votes, self._policies = proofs, votes, policies

    def endings(self) -> tuple[str, ...]:
        """What can be made on this computer: ``html``, ``json``, ``csv``, and ``pdf`` where there is a Chromium."""
        return tuple(ending for ending in MEDIA_TYPES if ending != "pdf" or find_chromium() is not None)

    def make(self, run_id: str, ending: str, against: str | None = None, locale: str = DEFAULT_LOCALE) -> bytes:
        """The content of a report.

        Args:
            ending: ``html``, ``pdf``, ``json`` or ``csv``.
            against: the run that it was compared with; None: its base model.
            locale: language of the sentences.

        Raises:
            AfinaError: ``proof.no_result`` before the exam has one; ``general.not_found`` for another ending or run;
                ``proof.no_chromium``, ``proof.pdf_failed``.
        """
        if ending not in MEDIA_TYPES:
            raise AfinaError("general.not_found", what=ending[:20])
        proof = self.require(run_id, against)
        if ending == "json":
            return proof.model_dump_json(indent=2).encode()
        if ending == "csv":
            return as_csv(proof).encode()
        careful = self._policies.of_run(run_id).careful
        page = html_report(catalog(locale), proof, self._votes.result(run_id, against), careful)
        return print_pdf(page) if ending == "pdf" else page.encode()

    def write(self, run_id: str, path: Path, against: str | None = None, locale: str = DEFAULT_LOCALE) -> None:
        """Writes a report to a file whose ending says which; HTML where it has none. Args and errors as :meth:`make`."""
        ending = path.suffix.removeprefix(".").lower() or "html"
        write_atomic(path, self.make(run_id, {"htm": "html"}.get(ending, ending), against, locale))

    def require(self, run_id: str, against: str | None = None) -> Proof:
        """The result of an exam.

        Raises:
            AfinaError: ``proof.no_result``, ``general.not_found``.
        """
        proof = self._proofs.result(run_id, against)
        if proof is None:
            raise AfinaError("proof.no_result")
        return proof
