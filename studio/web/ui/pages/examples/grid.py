"""The examples as a table to read and to correct, and the chosen one as the model sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import Conversation
from studio.domain.dataset import DatasetView
from studio.services.datasets import EditedRow
from studio.web.ui.components import Ui, friendly, say, wrapped
from studio.web.ui.pages.examples.preview import render_preview
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place


@dataclass(frozen=True)
class _Parts:
    """The components of the section."""

    table: Any
    version: Any
    save: Any
    undo: Any
    redo: Any
    preview: Any


def build_grid(ui: Ui) -> Section:
    """The table, and below it what the model sees of the chosen row."""
    parts = _layout(ui)

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        return _render(ui, parts, place, view) if view else {}

    _connect(ui, parts)
    return Section(tuple(vars(parts).values()), show)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    ui.html(value=wrapped(Markup('<p class="af-muted af-small">{}</p>').format(text("examples.table_hint"))))
    table = gr.Dataframe(
        headers=[text(f"examples.head.{name}") for name in ("number", "question", "answer", "held_out")],
        datatype=["str", "str", "str", "bool"],
        type="array",
        interactive=True,
        column_count=4,
        static_columns=[0],
        column_widths=["64px", "42%", "42%", "110px"],
        wrap=True,
        max_height=420,
        show_search="search",
        buttons=[],
        show_label=False,
        elem_id="examples-table",
    )
    with gr.Row(elem_classes="af-toolbar"):
        save = gr.Button(text("examples.save"), elem_id="examples-save", size="md", min_width=140)
        undo = gr.Button(text("examples.undo"), elem_id="examples-undo", size="md", min_width=100)
        redo = gr.Button(text("examples.redo"), elem_id="examples-redo", size="md", min_width=100)
    version = gr.State("")
    preview = ui.html(elem_id="examples-preview")
    return _Parts(table, version, save, undo, redo, preview)


def _connect(ui: Ui, parts: _Parts) -> None:
    """Edits of the table become a new version; a chosen row is shown as the model sees it."""
    data = ui.services.datasets

    @friendly(ui.text)
    def save(query: str, rows: list[list[Any]], version: str) -> dict[Any, Any]:
        place = Place.parse(query)
        view = data.current(place.project)
        if view is None:
            return gr.skip()  # type: ignore[no-any-return]
        if view.version.id != version:
            gr.Warning(ui.text("examples.changed_elsewhere"), title=ui.text("ui.toast.problem"))
            return {ui.place: place.move}
        edited = data.edit(place.project, _edited(rows, view.conversations))
        say(ui.text, "examples.saved", n=edited.version.examples)
        return {ui.place: place.move}

    @friendly(ui.text)
    def look(query: str, event: gr.SelectData) -> str:
        return render_preview(ui, Place.parse(query), f"e{event.row_value[0]}")

    def stepping(step: Any) -> Any:
        @friendly(ui.text)
        def move(query: str) -> dict[Any, Any]:
            place = Place.parse(query)
            step(place.project)
            return {ui.place: place.move}

        return move

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    parts.save.click(save, [ui.place, parts.table, parts.version], [ui.place], **quiet)
    parts.undo.click(stepping(data.undo), [ui.place], [ui.place], **quiet)
    parts.redo.click(stepping(data.redo), [ui.place], [ui.place], **quiet)
    parts.table.input(lambda: gr.Button(interactive=True), None, [parts.save], **quiet)
    parts.table.select(look, [ui.place], [parts.preview], **quiet)


def _edited(rows: Sequence[Sequence[Any]], before: Sequence[Conversation]) -> list[EditedRow]:
    """The table as rows for the service. A tick that was not touched stays as undecided as it was."""
    known = {conversation.id: conversation for conversation in before}
    edited = []
    for number, question, answer, ticked in rows:
        old = known.get(f"e{number}")
        held_out: bool | None = str(ticked).lower() == "true"
        if held_out is False and (old is None or not old.held_out):
            held_out = old.held_out if old else None
        edited.append(EditedRow(old.id if old else None, str(question or ""), str(answer or ""), held_out))
    return edited


def _render(ui: Ui, parts: _Parts, place: Place, view: DatasetView) -> dict[Any, Any]:
    first = view.conversations[0].id if view.conversations else ""
    return {
        parts.table: [[c.id.lstrip("e"), c.question, c.answer, bool(c.held_out)] for c in view.conversations],
        parts.version: view.version.id,
        parts.save: gr.Button(interactive=False),
        parts.undo: gr.Button(interactive=view.can_undo),
        parts.redo: gr.Button(interactive=view.can_redo),
        parts.preview: render_preview(ui, place, first),
    }
