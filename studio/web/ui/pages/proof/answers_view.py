"""Question by question: what was asked, what both said, what is false in it, why probably, and the way to mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import gradio as gr

from studio.domain.proof import ExamAnswer, Outcome, Proof
from studio.sharing.proof_report.marked_facts import marked_answer, marked_expected
from studio.web.ui.components import Ui
from studio.web.ui.session import MOST_ROWS, Place

PAGE: Final = 10  # questions at once
ALL: Final = "all"
_REASON: Final = "reason."
_ORDER: Final = {Outcome.LOST: 0, Outcome.TIE: 1, Outcome.WON: 3}
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
        topic: of the filter; empty for all.
        fault: of the filter.
        shown: how many at most; a button asks for more.
    """
    return ui.render(
        "proof/answers",
        answers=chosen_answers(proof, topic, fault),
        shown=shown,
        page=PAGE,
        marked_answer=marked_answer,
        marked_expected=marked_expected,
        examples_behind=lambda answer: place.at("examples").with_rows(_related(answer)),
    )


def _related(answer: ExamAnswer) -> tuple[str, ...]:
    """Ids of the example itself, and of those that share its answer or contradict it."""
    return tuple(dict.fromkeys((*answer.related_ids, answer.example_id)))[:MOST_ROWS]
