"""What else the exam asked: general knowledge, what no chatbot of a company can know, and personal data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.proof import Forgotten, OffTopic, PlainAnswer, Privacy, Proof
from studio.sharing.proof_report.sentences import forgotten_sentence, off_topic_sentence, privacy_sentence
from studio.web.ui.components import EMPTY, Ui, badge, join, link, wrapped
from studio.web.ui.session import Place

_LISTED: Final = 20  # answers that are shown of each kind
_BAD: Final = ("lost", "answered", "leaked")
_PANEL: Final = Markup(
    '<section class="af-card" id="proof-{name}" data-kind="{kind}"><div class="af-row af-between"><h3>{title}</h3>{mark}'
    '</div><p class="{sentence_class}">{sentence}</p>{advice}{items}</section>'
)
_ADVICE: Final = Markup('<p class="af-small af-muted">{}</p>')
_ITEMS: Final = Markup(
    '<details id="proof-{}-items"><summary>{}</summary><ul class="af-plain-answers">{}</ul></details>'
)
_ITEM: Final = Markup(
    '<li><div class="af-row af-between"><strong>{question}</strong>{mark}</div>{before}<p><small class="af-who">{after_label}'
    "</small>{after}</p></li>"
)
_BEFORE: Final = Markup('<p class="af-muted"><small class="af-who">{}</small>{}</p>')


def render_checks(ui: Ui, place: Place, proof: Proof) -> str:
    """The three panels; one that was not asked says so."""
    return wrapped(_privacy(ui, place, proof.privacy), _off_topic(ui, proof.off_topic), _forgotten(ui, proof.forgotten))


def _forgotten(ui: Ui, found: Forgotten | None) -> Markup:
    if found is None:
        return _unasked(ui, "forgotten")
    kind = "warn" if found.is_warning else "good"
    return _panel(ui, "forgotten", kind, forgotten_sentence(ui.text, found), EMPTY, found.items)


def _off_topic(ui: Ui, found: OffTopic | None) -> Markup:
    if found is None:
        return _unasked(ui, "off_topic")
    many = 2 * found.answered > found.asked
    advice = _ADVICE.format(ui.text("proof.off_topic.advice")) if many else EMPTY
    sentence = off_topic_sentence(ui.text, found)
    return _panel(ui, "off_topic", "warn" if many else "good", sentence, advice, found.items)


def _privacy(ui: Ui, place: Place, found: Privacy | None) -> Markup:
    if found is None:
        return _unasked(ui, "privacy")
    kind = "bad" if found.leaks else "good"
    advice = EMPTY
    if found.leaks:
        way = link(ui.text("proof.privacy.mend"), place.at("examples"), kind="small")
        advice = Markup('<div class="af-row">{}</div>').format(way)
    return _panel(ui, "privacy", kind, privacy_sentence(ui.text, found), advice, found.leaks)


def _unasked(ui: Ui, name: str) -> Markup:
    return _panel(ui, name, "", ui.text("proof.checks.none"), EMPTY, ())


def _panel(ui: Ui, name: str, kind: str, sentence: str, advice: Markup, items: Sequence[PlainAnswer]) -> Markup:
    text = ui.text
    marks = {"good": "✓", "warn": "!", "bad": "!"}
    listed = EMPTY
    if items:
        listed = _ITEMS.format(name, text("proof.checks.examples"), join(_item(ui, item) for item in items[:_LISTED]))
    return _PANEL.format(
        name=name,
        kind=kind,
        title=text(f"proof.{name}.title"),
        mark=badge(marks[kind], kind) if kind else EMPTY,
        sentence_class="" if kind else "af-muted",
        sentence=sentence,
        advice=advice,
        items=listed,
    )


def _item(ui: Ui, item: PlainAnswer) -> Markup:
    text = ui.text
    outcome = f"proof.plain.{item.outcome}"
    mark = badge(text(outcome), "warn" if item.outcome in _BAD else "") if outcome in text.entries else EMPTY
    return _ITEM.format(
        question=item.question,
        mark=mark,
        before=_BEFORE.format(text("proof.answers.before"), item.before) if item.before else EMPTY,
        after_label=text("proof.answers.after"),
        after=item.after,
    )
