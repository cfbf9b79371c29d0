"""Question by question: what was asked, what both said, what is false in it, why probably, and the way to mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.proof import ExamAnswer, Outcome, Proof
from studio.sharing.proof_report.marked_facts import marked_answer, marked_expected
from studio.web.ui.components import EMPTY, Ui, badge, button, join, link, wrapped
from studio.web.ui.session import MOST_ROWS, Place

PAGE: Final = 10  # questions at once
ALL: Final = "all"
_REASON: Final = "reason."
_ORDER: Final = {Outcome.LOST: 0, Outcome.TIE: 1, Outcome.WON: 3}
_KINDS: Final = {Outcome.WON: "good", Outcome.LOST: "bad", Outcome.TIE: ""}
_FAULTS: Final[dict[str, Callable[[ExamAnswer], bool]]] = {
    ALL: lambda answer: True,
    "lost": lambda answer: answer.outcome is Outcome.LOST,
    "wrong": lambda answer: not answer.right_after,
    "invented": lambda answer: bool(answer.facts_after.invented),
    "contradicted": lambda answer: bool(answer.facts_after.contradicted),
    "missing": lambda answer: bool(answer.facts_after.missing),
    "cut_off": lambda answer: answer.cut_off,
    "won": lambda answer: answer.outcome is Outcome.WON,
    "tie": lambda answer: answer.outcome is Outcome.TIE,
}
_CARD: Final = Markup(
    '<article class="af-card af-exam-question" id="proof-answer-{number}" data-outcome="{outcome}"><div class="af-row af-between">'
    '<h3>{question}</h3><span class="af-row">{badges}</span></div><div class="af-exam-question-three">'
    '<div><small class="af-who">{expected_label}</small>{expected}</div>'
    '<div><small class="af-who">{before_label}</small>{before}</div>'
    '<div class="now"><small class="af-who">{after_label}</small>{after}</div></div>'
    '<div class="af-row af-between"><span class="af-small af-muted">{why}</span>{mend}</div></article>'
)


def sorted_answers(answers: Sequence[ExamAnswer]) -> list[ExamAnswer]:
    """The losses first, then what is wrong all the same, then what is right before and after, then what was won."""
    return sorted(
        answers, key=lambda answer: (_ORDER[answer.outcome] + (answer.outcome is Outcome.TIE and answer.right_after),)
    )


def chosen_answers(proof: Proof, topic: str, fault: str) -> list[ExamAnswer]:
    """The answers of a topic (empty: of all) with a kind of fault, sorted."""
    if fault.startswith(_REASON):
        reason = fault.removeprefix(_REASON)
        found = [answer for answer in proof.answers if answer.likely_reason and answer.likely_reason.value == reason]
    else:
        found = [answer for answer in proof.answers if _FAULTS.get(fault, _FAULTS[ALL])(answer)]
    return sorted_answers([answer for answer in found if not topic or answer.topic == topic])


def topic_choices(ui: Ui, proof: Proof, chosen: str) -> Any:
    """The filter by topic; hidden where the data names none."""
    topics = sorted({answer.topic for answer in proof.answers if answer.topic})
    choices = [(ui.text("proof.answers.all_topics"), ""), *((topic, topic) for topic in topics)]
    return gr.Dropdown(choices=choices, value=chosen if chosen in topics else "", visible=bool(topics))


def fault_choices(ui: Ui, proof: Proof, chosen: str) -> Any:
    """The filter by kind of fault, each with how many there are."""
    text = ui.text
    counts = {name: sum(map(test, proof.answers)) for name, test in _FAULTS.items()}
    choices = [
        (f"{text(f'proof.fault.{name}')} ({text.number(count)})", name)
        for name, count in counts.items()
        if count or name == ALL
    ]
    reasons = [answer.likely_reason for answer in proof.answers if answer.likely_reason]
    for reason in sorted(set(reasons), key=lambda one: -reasons.count(one)):
        label = text(f"proof.reason.{reason.value}.short")
        choices.append((f"{label} ({text.number(reasons.count(reason))})", f"{_REASON}{reason.value}"))
    known = {value for _, value in choices}
    return gr.Dropdown(choices=choices, value=chosen if chosen in known else ALL)


def render_answers(ui: Ui, place: Place, proof: Proof, topic: str, fault: str, shown: int = PAGE) -> str:
    """The chosen questions.

    Args:
        ui: what the page is built with.
        place: the version that is looked at.
        proof: its exam.
        topic: of the filter; empty for all.
        fault: of the filter.
        shown: how many at most; a button asks for more.
    """
    text, found = ui.text, chosen_answers(proof, topic, fault)
    count = Markup('<p class="af-small af-muted" id="proof-count">{}. {}</p>').format(
        text("proof.answers.count", n=len(found)), text("proof.answers.legend")
    )
    if not found:
        return wrapped(Markup('<p class="af-muted" id="proof-count">{}</p>').format(text("proof.answers.none")))
    more = EMPTY
    if len(found) > shown:
        label = text("proof.answers.more", n=min(PAGE, len(found) - shown))
        more = Markup('<div class="af-row">{}</div>').format(button(label, "more", shown=str(shown + PAGE)))
    return wrapped(count, *(_card(ui, place, answer) for answer in found[:shown]), more)


def _card(ui: Ui, place: Place, answer: ExamAnswer) -> Markup:
    text = ui.text
    badges = [badge(answer.topic)] if answer.topic else []
    badges.append(badge(text(f"proof.outcome.{answer.outcome.value}"), _KINDS[answer.outcome]))
    if answer.outcome is Outcome.TIE:
        badges.append(badge(text("proof.right" if answer.right_after else "proof.wrong")))
    return _CARD.format(
        number=answer.number,
        outcome=answer.outcome.value,
        question=answer.question,
        badges=join(badges),
        expected_label=text("proof.answers.expected"),
        expected=marked_expected(text, answer.expected, answer.facts_after),
        before_label=text("proof.answers.before"),
        before=marked_answer(text, answer.before, answer.facts_before),
        after_label=text("proof.answers.after"),
        after=marked_answer(text, answer.after, answer.facts_after),
        why=_why(ui, answer),
        mend=_mend(ui, place, answer),
    )


def _why(ui: Ui, answer: ExamAnswer) -> str:
    if answer.right_after or answer.likely_reason is None:
        return ""
    return ui.text("proof.reason", reason=ui.text(f"proof.reason.{answer.likely_reason.value}"))


def _mend(ui: Ui, place: Place, answer: ExamAnswer) -> Markup:
    """The way to its rows: the example itself, and those that share its answer or contradict it."""
    if answer.right_after:
        return EMPTY
    ids = tuple(dict.fromkeys((*answer.related_ids, answer.example_id)))[:MOST_ROWS]
    return link(ui.text("proof.mend"), place.at("examples").with_rows(ids), kind="small primary")
