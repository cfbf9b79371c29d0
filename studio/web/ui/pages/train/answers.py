"""The questions it never practises, answered anew as it learns: before, now, and what the owner would say."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.event import SampleAnswer
from studio.domain.run import RunView
from studio.services.runs.comparison import same_answer
from studio.web.ui.components import EMPTY, Ui, badge, join

_HEAD: Final = Markup('<div><h3>{title}</h3><p class="af-muted af-small">{why}</p></div>')
_ITEM: Final = Markup(
    '<article class="af-asked{right}"><p class="ask">{question}</p>'
    '<dl><div><dt>{before_label}</dt><dd class="cut" title="{before}">{before}</dd></div>'
    '<div class="now"><dt>{now_label} {mark}</dt><dd>{now}</dd></div>'
    '<div><dt>{expected_label}</dt><dd class="cut" title="{expected}">{expected}</dd></div></dl></article>'
)


def answers_key(view: RunView) -> str:
    """What the answers are made from: equal keys, equal pictures."""
    progress = view.progress
    return f"{view.id},{progress.answers_step},{len(progress.first_answers)},{view.state.is_over}"


def render_answers(ui: Ui, view: RunView) -> Markup:
    """The fixed held-out questions with three answers each; a word on when they come while there are none."""
    text, progress = ui.text, view.progress
    items = progress.answers or progress.first_answers
    if not items and view.state.is_over:
        return EMPTY
    head = _HEAD.format(title=text("train.answers"), why=text("train.answers_why"))
    if not items:
        return Markup("{}<div class='af-wait-here'>{}</div>").format(head, text("train.live.answers_wait"))
    before = {item.question: item.answer for item in progress.first_answers}
    return Markup("{}{}").format(head, join(_item(ui, item, before, progress.answers_step) for item in items))


def _item(ui: Ui, item: SampleAnswer, before: dict[str, str], step: int) -> Markup:
    text = ui.text
    right = bool(step) and same_answer(item)
    now = (item.answer or text("train.answer.empty")) if step else text("train.answer.waiting")
    return _ITEM.format(
        right=" right" if right else "",
        question=item.question,
        before_label=text("train.answer.before"),
        before=before.get(item.question) or text("train.answer.empty"),
        now_label=text("train.answer.now"),
        mark=badge(text("train.live.answer_right"), "good") if right else EMPTY,
        now=now,
        expected_label=text("train.answer.expected"),
        expected=item.expected,
    )
