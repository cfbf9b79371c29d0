"""A card that compares the model before, the tuned model alone, and what customers get."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.proof import Proof
from studio.sharing.proof_report.sentences import right_counts, trusted_sentence
from studio.web.ui.components import EMPTY, Ui, join

_CARD: Final = Markup(
    '<section class="af-card" id="proof-trusted"><h3>{title}</h3><p class="af-reading">{reading}</p>'
    '<dl class="af-shares">{rows}</dl><p class="af-small af-muted">{note}</p></section>'
)
_ROW: Final = Markup('<div><dt>{name}</dt><dd><span class="bar" aria-hidden="true">{parts}</span>{counts}</dd></div>')
_PART: Final = Markup('<i class="{kind}" style="flex-grow:{count}"></i>')


def render_trusted(ui: Ui, proof: Proof, careful: float) -> Markup:
    """The card; nothing where it was not counted, or where the tuned model answers alone.

    Args:
        ui: what the page is built with.
        proof: the result of the exam.
        careful: how careful the project is.
    """
    found, text = proof.trusted_at(careful), ui.text
    if found is None:
        return EMPTY
    before, after = right_counts(proof)
    rows = [
        _row(ui, "before", before, proof.n - before),
        _row(ui, "alone", after, proof.n - after),
        _row(ui, "careful", found.right, found.wrong, found.handed_over),
    ]
    return _CARD.format(
        title=text("proof.trusted.title"),
        reading=trusted_sentence(text, found),
        rows=join(rows),
        note=text("proof.trusted.note"),
    )


def _row(ui: Ui, name: str, right: int, wrong: int, handed_over: int = 0) -> Markup:
    counted = {"right": right, "handed_over": handed_over, "wrong": wrong}
    parts = join(_PART.format(kind=kind, count=count) for kind, count in counted.items() if count)
    key = "proof.trusted.counts" if name == "careful" else "proof.trusted.counts_two"
    return _ROW.format(name=ui.text(f"proof.trusted.{name}"), parts=parts, counts=ui.text(key, **counted))
