"""The section of the Share screen that makes a demo link."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.project import ChosenBy
from studio.services.links import MAX_PASSWORD, MAX_QUESTION, MAX_QUESTIONS
from studio.web.ui.components import Ui, friendly, say, wrapped
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit

_PER_HOUR: Final = (20, 100, 500)  # questions that a link may be limited to


def build_new_link(share: ShareUi) -> Section:
    """The form of a new link."""
    ui, text, services = share.ui, share.ui.text, share.ui.services
    ui.html(value=wrapped(Markup("<h2>{}</h2>").format(text("share.new"))))
    title = gr.Textbox(label=text("share.name"), max_length=120, elem_id="share-title")
    with gr.Accordion(text("share.more"), open=False, elem_id="share-more"):
        before = _checkbox(ui, "shows_before", value=True)
        blind = _checkbox(ui, "is_blind")
        suggestions = _checkbox(ui, "takes_suggestions", value=True)
        with gr.Row():
            ends = [(text("share.days.never"), 0), (text("share.days.day"), 1), (text("share.days.week"), 7)]
            days = gr.Dropdown(ends, value=0, label=text("share.days"), min_width=220, elem_id="share-days")
            hourly = [(text("share.per_hour.none"), 0), *((text.number(count), count) for count in _PER_HOUR)]
            per_hour = gr.Dropdown(
                hourly, value=0, label=text("share.per_hour"), min_width=220, elem_id="share-per-hour"
            )
            password = gr.Textbox(
                label=text("share.password"),
                placeholder=text("share.password_none"),
                max_length=MAX_PASSWORD,
                min_width=220,
                elem_id="share-password",
            )
        with gr.Row():
            questions = [
                gr.Textbox(
                    label=text("share.question", n=number),
                    lines=2,
                    max_length=MAX_QUESTION,
                    placeholder=text("share.question_left"),
                    min_width=220,
                    elem_id=f"share-question-{number}",
                )
                for number in range(1, MAX_QUESTIONS + 1)
            ]
    button = gr.Button(text("share.create"), variant="primary", size="lg", elem_id="share-create")

    @friendly(text)
    def create(
        _query: str, run_id: str, title: str, before: bool, blind: bool, suggestions: bool, days: int, per_hour: int,
        secret: str, *wanted: str,
    ) -> dict[Any, Any]:  # fmt: skip
        asked = [question.strip() for question in wanted if question.strip()]
        link = services.links.create(
            run_id,
            title,
            asked or services.suggestions.held_out(run_id, MAX_QUESTIONS),
            text.locale,
            shows_before=before,
            days=days or None,
            per_hour=per_hour or None,
            password=secret,
            is_blind=blind,
            takes_suggestions=suggestions,
            chosen_by=ChosenBy.OWNER if asked else ChosenBy.PLACE,
        )
        if not asked:
            services.suggestions.choose(link)
        say(text, "share.created")
        return dict.fromkeys([password, *questions], "")  # folded away, they would silently be the next link's as well

    def fill(visit: ShareVisit) -> dict[Any, Any]:
        return {title: services.projects.get(visit.place.project).name, **dict.fromkeys([password, *questions], "")}

    form = [*share.where, title, before, blind, suggestions, days, per_hour, password, *questions]
    made = button.click(create, form, [password, *questions], api_visibility="private")
    return Section((title, password, *questions), fill=fill, changes=(made,))


def _checkbox(ui: Ui, name: str, *, value: bool = False) -> Any:
    label, about = ui.text(f"share.set.{name}"), ui.text(f"share.set.{name}_about")
    return gr.Checkbox(value=value, label=label, info=about, elem_id=f"share-{name.replace('_', '-')}")
