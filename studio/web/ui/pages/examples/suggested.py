"""Better answers that visitors of demo links suggested, one at a time: accepted, changed or dropped."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.dataset import DatasetView
from studio.domain.project import SuggestedAnswer
from studio.web.ui.components import QUIET, Ui, friendly, say, wrapped
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_HEAD: Final = Markup('<h2>{}</h2><p class="af-muted">{}</p>')
_ANSWER: Final = Markup('<div class="af-answer"><span class="af-who">{}</span><div class="text">{}</div></div>')


def build_suggested(ui: Ui) -> Section:
    """The oldest waiting suggestion, in fields that the owner can edit."""
    text, services = ui.text, ui.services
    with gr.Column(visible=False, elem_id="suggested") as box:
        head = ui.html(elem_id="suggested-head")
        question = gr.Textbox(label=text("examples.suggested.question"), lines=1, elem_id="suggested-question")
        answer = ui.html(elem_id="suggested-answer")
        better = gr.Textbox(label=text("examples.suggested.better"), lines=2, elem_id="suggested-better")
        with gr.Row():
            accept = gr.Button(text("examples.suggested.accept"), variant="primary", elem_id="suggested-accept")
            drop = gr.Button(text("examples.suggested.drop"), elem_id="suggested-drop")
            later = gr.Button(text("examples.suggested.later"), elem_id="suggested-later")
        shown = gr.State("")
    first = gr.State("")  # the project and its oldest suggestion

    @friendly(text)
    def do_accept(query: str, suggestion: str, asked: str, answered: str) -> dict[Any, Any]:
        same = services.suggested.accept(suggestion, asked, answered)
        say(text, "examples.suggested.replaced" if same else "examples.suggested.added")
        return oldest(Place.parse(query))

    @friendly(text)
    def do_drop(query: str, suggestion: str) -> dict[Any, Any]:
        services.suggested.drop(suggestion)
        return oldest(Place.parse(query))

    def oldest(place: Place) -> dict[Any, Any]:
        waiting = services.suggested.list(place.project)
        return {**_shown(waiting, waiting[0] if waiting else None), ui.place: place.again}

    @friendly(text)
    def fill(query: str) -> dict[Any, Any]:
        """Another suggestion is the oldest: not at each redrawing, which would undo what is typed."""
        place = Place.parse(query)
        waiting = services.suggested.list(place.project) if place.project else []
        return _shown(waiting, waiting[0] if waiting else None)

    @friendly(text)
    def do_later(query: str, suggestion: str) -> dict[Any, Any]:
        waiting = services.suggested.list(Place.parse(query).project)
        places = [one.id for one in waiting]
        after = places.index(suggestion) + 1 if suggestion in places else 0
        return _shown(waiting, waiting[after % len(waiting)] if waiting else None)

    def show(place: Place, _view: DatasetView | None) -> dict[Any, Any]:
        waiting = services.suggested.list(place.project)
        if not waiting:
            return {box: gr.Column(visible=False), first: ""}
        more = gr.Button(visible=len(waiting) > 1)
        return {box: gr.Column(visible=True), later: more, first: f"{place.project} {waiting[0].id}"}

    def _shown(waiting: list[SuggestedAnswer], suggestion: SuggestedAnswer | None) -> dict[Any, Any]:
        if suggestion is None:
            return {box: gr.Column(visible=False)}
        why = text("examples.suggested.why", source=suggestion.source)
        return {
            box: gr.Column(visible=True),
            head: wrapped(_HEAD.format(text("examples.suggested.title", n=len(waiting)), why)),
            question: suggestion.question,
            answer: wrapped(_ANSWER.format(text("examples.suggested.answer"), suggestion.answer)),
            better: suggestion.better,
            later: gr.Button(visible=len(waiting) > 1),
            shown: suggestion.id,
        }

    outputs = [box, head, question, answer, better, later, shown]
    first.change(fill, [ui.place], outputs, **QUIET)
    accept.click(do_accept, [ui.place, shown, question, better], [*outputs, ui.place], **QUIET)
    drop.click(do_drop, [ui.place, shown], [*outputs, ui.place], **QUIET)
    later.click(do_later, [ui.place, shown], outputs, **QUIET)
    return Section((box, later, first), show)
