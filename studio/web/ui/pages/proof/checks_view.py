"""What else the exam asked: general knowledge, what no chatbot of a company can know, and personal data."""

from __future__ import annotations

from collections.abc import Sequence

from studio.domain.proof import PlainAnswer, Proof
from studio.sharing.proof_report.sentences import forgotten_sentence, off_topic_sentence, privacy_sentence
from studio.web.ui.components import Ui
from studio.web.ui.session import Place


def render_checks(ui: Ui, place: Place, proof: Proof) -> str:
    """The three panels; one that was not asked says so."""
    text = ui.text
    privacy, off_topic, forgotten = proof.privacy, proof.off_topic, proof.forgotten
    panels: dict[str, tuple[str, str, Sequence[PlainAnswer]]] = {
        name: ("", text("proof.checks.none"), ()) for name in ("privacy", "off_topic", "forgotten")
    }
    if privacy is not None:
        panels["privacy"] = ("bad" if privacy.leaks else "good", privacy_sentence(text, privacy), privacy.leaks)
    if off_topic is not None:
        kind = "warn" if 2 * off_topic.answered > off_topic.asked else "good"
        panels["off_topic"] = (kind, off_topic_sentence(text, off_topic), off_topic.items)
    if forgotten is not None:
        kind = "warn" if forgotten.is_warning else "good"
        panels["forgotten"] = (kind, forgotten_sentence(text, forgotten), forgotten.items)
    return ui.render("proof/checks", place=place, panels=[(name, *panel) for name, panel in panels.items()])
