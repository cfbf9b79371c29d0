"""How the columns were understood: a picture of one example, and the columns to choose from."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import Role
from studio.domain.dataset import DatasetView
from studio.web.ui.components import Ui, friendly, join, wrapped
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_PICTURE: Final = Markup(
    '<section class="af-card"><div><h2>{title}</h2><p class="af-muted af-small">{why}</p></div>{turns}</section>'
)
_TURN: Final = Markup('<div class="af-say {kind}"><small>{who}</small>{text}</div>')


def build_mapping(ui: Ui) -> Section:
    """The first example as a conversation, and beside it the columns it was made from."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=300):
            picture = ui.html(elem_id="examples-picture")
        with gr.Column(scale=2, min_width=260) as columns:
            question, answer = (_column(ui, role) for role in ("question", "answer"))

    def show(_place: Place, view: DatasetView | None) -> dict[Any, Any]:
        if view is None:
            return {}
        return {
            picture: render_picture(ui, view),
            columns: gr.Column(visible=bool(view.columns)),
            question: _choices(view, view.mapping.question),
            answer: _choices(view, view.mapping.answer),
        }

    @friendly(ui.text)
    def change(query: str, asked: list[str], answered: list[str]) -> dict[Any, Any]:
        place = Place.parse(query)
        view = ui.services.datasets.current(place.project)
        if view is None or not asked or not answered:
            return gr.skip()  # type: ignore[no-any-return]
        update = {"question": tuple(asked), "answer": tuple(answered)}
        ui.services.datasets.set_mapping(place.project, view.mapping.model_copy(update=update))
        return {ui.place: place.move}

    inputs = [ui.place, question, answer]
    gr.on(
        [question.input, answer.input],
        change,
        inputs,
        [ui.place],
        show_progress="hidden",
        api_visibility="private",
    )
    return Section((picture, columns, question, answer), show)


def _column(ui: Ui, role: str) -> Any:
    return gr.Dropdown(
        label=ui.text(f"examples.{role}_column"),
        multiselect=True,
        allow_custom_value=True,
        elem_id=f"examples-{role}-column",
    )


def _choices(view: DatasetView, chosen: tuple[str, ...]) -> Any:
    return gr.Dropdown(choices=list(view.columns), value=list(chosen), multiselect=True, allow_custom_value=True)


def render_picture(ui: Ui, view: DatasetView) -> str:
    """The first example as a conversation, so that a wrong column shows at once."""
    text, first = ui.text, view.conversations[0]
    turns = []
    for message in first.messages:
        kind = {Role.ASSISTANT: "answers"}.get(message.role, "asks")
        who = {Role.ASSISTANT: "examples.answer", Role.SYSTEM: "examples.system"}.get(message.role, "examples.customer")
        turns.append(_TURN.format(kind=kind, who=text(who), text=message.content))
    picture = _PICTURE.format(title=text("examples.mapping"), why=text("examples.mapping_why"), turns=join(turns))
    return wrapped(picture)
