"""The verdict in one sentence, what it rests on, what to do next; the three bars; what the last change did."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.proof import Proof, Verdict
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
from studio.web.ui.components import EMPTY, Ui, join, link, notice, when
from studio.web.ui.session import Place

_KINDS: Final = {Verdict.BETTER: ("good", "✓"), Verdict.WORSE: ("bad", "↓"), Verdict.MEMORISED: ("warn", "↺")}
_OPEN: Final = ("even", "≈")
_LISTED: Final = 8  # questions of a change that are named
_VERDICT: Final = Markup(
    '<section class="af-card af-verdict {kind}" id="proof-verdict" data-verdict="{verdict}" aria-label="{title}">'
    '<div class="af-verdict-head"><span class="mark" aria-hidden="true">{mark}</span><div class="af-stack">'
    '<h2>{sentence}</h2><p>{interval}</p></div></div>{picture}<p class="af-small af-muted">{basis}</p>{notes}{advice}'
    '<span class="af-small af-muted">{made}</span></section>'
)
_ADVICE: Final = Markup('<div class="af-stack"><h3>{}</h3><ul class="af-advice">{}</ul></div>')
_BARS: Final = Markup(
    '<section class="af-card" id="proof-bars"><h3>{title}</h3><p class="af-reading">{reading}</p>{picture}</section>'
)
_CHANGE: Final = Markup(
    '<section class="af-card" id="proof-change"><h3>{}</h3><p class="af-reading">{}</p>{}</section>'
)
_LIST: Final = Markup('<details id="proof-change-{}"><summary>{}</summary><ul class="af-quoted">{}</ul></details>')
_ITEM: Final = Markup("<li>{}</li>")


def render_verdict(ui: Ui, proof: Proof, votes: VoteResult) -> Markup:
    """The card with the verdict.

    Args:
        ui: what the page is built with.
        proof: the result of the exam.
        votes: blind votes on its answers.
    """
    text, (kind, mark) = ui.text, _KINDS.get(proof.verdict, _OPEN)
    interval = interval_sentence(text, proof.difference)
    notes = [notice(text("proof.also_chose"), "warning")] if proof.exam_also_chose else []
    if said := vote_sentence(text, votes):
        notes.append(notice(said))
    items = join(_ITEM.format(sentence) for sentence in advice_sentences(text, proof))
    basis = basis_sentence(text, proof)
    if proof.against_name:
        basis = f"{basis} {text('proof.against_run', name=proof.against_name)}"
    return _VERDICT.format(
        kind=kind,
        verdict=proof.verdict.value,
        title=text(f"proof.verdict.{proof.verdict.value}.short"),
        mark=mark,
        sentence=verdict_sentence(text, proof),
        interval=interval,
        picture=interval_svg(text, proof.difference, interval),
        basis=basis,
        notes=join(notes),
        advice=_ADVICE.format(text("proof.advice"), items) if items else EMPTY,
        made=when(text, proof.made_at),
    )


def render_bars(ui: Ui, proof: Proof) -> Markup:
    """Whether it knows its lesson and goes beyond it."""
    text = ui.text
    return _BARS.format(
        title=text("proof.bars.title"),
        reading=bars_sentence(text, proof.bars),
        picture=bars_svg(text, proof.bars, bars_label(text, proof.bars)),
    )


def render_change(ui: Ui, place: Place, changes: ProofChanges | None) -> Markup:
    """What became right and wrong since the version before; nothing where there is none."""
    if changes is None:
        return EMPTY
    text = ui.text
    key = "none" if not changes.asked else "sentence" if changes.fixed or changes.broken else "same"
    params = {"n": changes.asked, "fixed": len(changes.fixed), "broken": len(changes.broken)}
    said = text(f"proof.change.{key}", name=changes.name, **(params if key != "none" else {}))
    lists = [
        _LIST.format(
            name, text(f"proof.change.{name}"), join(_ITEM.format(question) for question in questions[:_LISTED])
        )
        for name, questions in (("broken", changes.broken), ("fixed", changes.fixed))
        if questions
    ]
    back = link(changes.name, place.at("proof", changes.run_id), kind="small")
    lists.append(Markup('<div class="af-row">{}</div>').format(back))
    return _CHANGE.format(text("proof.change.title"), said, join(lists))
