"""The blind vote: one question after another, two answers in random order, by the mouse or by the keys 1, 2, 3 and 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.vote import BallotKey
from studio.errors import AfinaError
from studio.sharing.proof_report.sentences import vote_sentence
from studio.web.ui.components import EMPTY, QUIET, Ui, button, event_data, friendly, render, visitor_name, wrapped
from studio.web.ui.pages.proof.target import proof_target
from studio.web.ui.session import Place

_SCRIPT: Final = "afina.ballot(element, trigger, watch); /* raises 'action' */"
_KEYS: Final = (
    ("1", BallotKey.FIRST, "first"),
    ("3", BallotKey.TIE, "tie"),
    ("0", BallotKey.BOTH_BAD, "bad"),
    ("2", BallotKey.SECOND, "second"),
)
_NOTE: Final = Markup('<p class="af-muted" id="{}">{}</p>')
_RATE: Final = Markup(
    '<section class="af-card" id="proof-vote-rate"><p class="af-reading">{}</p><p class="af-small af-muted">{}</p></section>'
)


@dataclass(frozen=True)
class VoteSection:
    """The part of the page with the vote.

    Attributes:
        form: the name and its button.
        name: the voter's name.
        voter: who votes now; empty before the button was pressed.
        shown: the ballot and the running result.
    """

    form: Any
    name: Any
    voter: Any
    shown: Any

    @property
    def outputs(self) -> list[Any]:
        """What ``show_vote`` changes."""
        return [self.form, self.name, self.voter, self.shown]


def build_vote(ui: Ui) -> VoteSection:
    """The name of the voter, the ballot, the running result."""
    text = ui.text
    ui.html(value=wrapped(Markup('<p class="af-muted">{}</p>').format(text("proof.vote.why"))))
    with gr.Row(elem_classes="af-toolbar", equal_height=False) as form:
        name = gr.Textbox(
            label=text("proof.vote.name"),
            info=text("proof.vote.name_info"),
            max_length=60,
            max_lines=1,
            min_width=260,
            elem_id="proof-voter",
        )
        start = gr.Button(text("proof.vote.start"), variant="primary", elem_id="proof-vote-start", min_width=160)
    shown = gr.HTML("", elem_id="proof-vote", js_on_load=_SCRIPT, apply_default_css=False)
    section = VoteSection(form, name, gr.State(""), shown)
    _connect(ui, section, start)
    return section


def show_vote(ui: Ui, section: VoteSection, run_id: str, against: str | None) -> dict[Any, Any]:
    """The section before anybody votes: the result so far, and the name that the browser remembers."""
    can = bool(ui.services.votes.pairs(run_id, against))
    nothing = EMPTY if can else _NOTE.format("proof-vote-none", ui.text("proof.vote.none"))
    return {
        section.form: gr.Row(visible=can),
        section.name: visitor_name(),
        section.voter: "",
        section.shown: wrapped(nothing, _rate(ui, run_id, against)),
    }


def _connect(ui: Ui, section: VoteSection, start: Any) -> None:
    @friendly(ui.text)
    def begin(query: str, name: str) -> dict[Any, Any]:
        place = Place.parse(query)
        return {section.voter: name, section.shown: _render(ui, place, name), section.form: gr.Row(visible=False)}

    @friendly(ui.text)
    def act(query: str, voter: str, event: gr.EventData) -> dict[Any, Any]:
        place, data = Place.parse(query), event_data(event)
        run_id, against = _compared(ui, place)
        if data.get("action") == "undo":
            ui.services.votes.undo(run_id, against, voter)
        else:
            ui.services.votes.vote(run_id, against, voter, data["question"], BallotKey(data["choice"]))
        return {section.shown: _render(ui, place, voter)}

    outputs = [section.voter, section.shown, section.form]
    gr.on([start.click, section.name.submit], begin, [ui.place, section.name], outputs, **QUIET)
    section.shown.action(act, [ui.place, section.voter], [section.shown], **QUIET)


def _compared(ui: Ui, place: Place) -> tuple[str, str | None]:
    target = proof_target(ui, place)
    if target is None:
        raise AfinaError("vote.no_question")
    return target.run.id, target.against


def _render(ui: Ui, place: Place, voter: str) -> str:
    run_id, against = _compared(ui, place)
    ballot = ui.services.votes.ballot(run_id, against, voter)
    if ballot is None:
        done = _NOTE.format("proof-vote-done", ui.text("proof.vote.done"))
        return wrapped(done, _undo(ui), _same(ui, run_id, against), _rate(ui, run_id, against))
    shown = render(ui.text, "proof/ballot", ballot=ballot, keys=_KEYS, undo=_undo(ui))
    return wrapped(shown, _rate(ui, run_id, against), _same(ui, run_id, against))


def _undo(ui: Ui) -> Markup:
    return button(ui.text("proof.vote.undo"), "undo", kind="quiet small", key="Backspace")


def _same(ui: Ui, run_id: str, against: str | None) -> Markup:
    count = ui.services.votes.same(run_id, against)
    return _NOTE.format("proof-vote-same", ui.text("proof.vote.same", n=count)) if count else EMPTY


def _rate(ui: Ui, run_id: str, against: str | None) -> Markup:
    text, result = ui.text, ui.services.votes.result(run_id, against)
    visitors = _visitors(ui, run_id) if against is None else EMPTY
    if not result.votes:
        return visitors
    tally = result.tally
    counts = {"after_wins": tally.after, "before_wins": tally.before, "tie": tally.tie, "both_bad": tally.both_bad}
    return _RATE.format(vote_sentence(text, result), text("proof.vote.counts", **counts)) + visitors


def _visitors(ui: Ui, run_id: str) -> Markup:
    """What visitors of demo links preferred on questions of their own."""
    tally = ui.services.links.votes(run_id)
    equal = tally.tie + tally.both_bad
    if not tally.after + tally.before + equal:
        return EMPTY
    said = ui.text("proof.vote.visitors", after=tally.after, before=tally.before, equal=equal)
    return _NOTE.format("proof-vote-visitors", said)
