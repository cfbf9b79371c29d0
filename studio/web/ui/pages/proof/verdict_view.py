"""The verdict in one sentence, what it rests on, what to do next; the three bars; what the last change did."""

from __future__ import annotations

from markupsafe import Markup

from studio.domain.proof import Proof
from studio.domain.vote import VoteResult
from studio.services.proof_changes import ProofChanges
from studio.sharing.proof_report.pictures import bars_label, bars_svg, interval_svg
from studio.sharing.proof_report.sentences import (
    advice_sentences,
    bars_sentence,
    basis_sentence,
    interval_sentence,
    verdict_sentence,
    vote_sentence,
)
from studio.web.ui.components import EMPTY, Ui, render
from studio.web.ui.session import Place


def render_verdict(ui: Ui, proof: Proof, votes: VoteResult) -> Markup:
    """The card with the verdict.

    Args:
        ui: what the page is built with.
        proof: the result of the exam.
        votes: blind votes on its answers.
    """
    text, interval = ui.text, interval_sentence(ui.text, proof.difference)
    return render(
        text,
        "proof/verdict",
        proof=proof,
        sentence=verdict_sentence(text, proof),
        interval=interval,
        picture=interval_svg(text, proof.difference, interval),
        basis=basis_sentence(text, proof),
        votes=vote_sentence(text, votes),
        advice=advice_sentences(text, proof),
    )


def render_bars(ui: Ui, proof: Proof) -> Markup:
    """Whether it knows its lesson and goes beyond it."""
    text, bars = ui.text, proof.bars
    picture = bars_svg(text, bars, bars_label(text, bars))
    return render(text, "proof/bars", reading=bars_sentence(text, bars), picture=picture)


def render_change(ui: Ui, place: Place, changes: ProofChanges | None) -> Markup:
    """What became right and wrong since the version before; nothing where there is none."""
    return render(ui.text, "proof/change", changes=changes, place=place) if changes is not None else EMPTY
