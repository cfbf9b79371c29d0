"""By topic in words and numbers; the test and the measures for experts; what can be taken away."""

from __future__ import annotations

from studio.domain.proof import Proof
from studio.sharing.proof_report.sentences import shown_p
from studio.web.downloads import PROOF
from studio.web.ui.charts_proof import topic_scores
from studio.web.ui.components import Ui


def render_topics(ui: Ui, proof: Proof) -> str:
    """The weakest topic, and the numbers of all."""
    return ui.render("proof/topics", scores=topic_scores(ui.text, proof.answers))


def render_experts(ui: Ui, proof: Proof) -> str:
    """Which measure decides and why, the test, and how it was made."""
    versions = [f"{name} {version}" for name, version in proof.versions.items()]
    return ui.render("proof/experts", proof=proof, shown_p=shown_p, versions=versions)


def render_take_away(ui: Ui, run_id: str, against: str | None) -> str:
    """The report and the figures; the address is relative to the studio's, which begins with the language."""
    endings = ui.services.reports.endings()
    return ui.render("proof/take_away", path=f"{PROOF}/{run_id}", endings=endings, against=against)
