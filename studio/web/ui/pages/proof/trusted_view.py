"""A card that compares the model before, the tuned model alone, and what customers get."""

from __future__ import annotations

from markupsafe import Markup

from studio.domain.proof import Proof
from studio.sharing.proof_report.sentences import right_counts, trusted_sentence
from studio.web.ui.components import EMPTY, Ui, render


def render_trusted(ui: Ui, proof: Proof, careful: float, *, is_outdated: bool = False) -> Markup:
    """The card; nothing where it was not counted, or where the tuned model answers alone.

    Args:
        ui: what the page is built with.
        proof: the result of the exam.
        careful: how careful the project is.
        is_outdated: whether customers may get other answers by now; a button then counts anew.
    """
    found, text = proof.trusted_at(careful), ui.text
    if found is None:
        return EMPTY
    before, after = right_counts(proof)
    rows = {
        "before": {"right": before, "handed_over": 0, "wrong": proof.n - before},
        "alone": {"right": after, "handed_over": 0, "wrong": proof.n - after},
        "careful": {"right": found.right, "handed_over": found.handed_over, "wrong": found.wrong},
    }
    return render(text, "proof/trusted", reading=trusted_sentence(text, found), rows=rows, is_outdated=is_outdated)
