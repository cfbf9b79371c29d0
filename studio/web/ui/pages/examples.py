"""Step 2: bring examples, see how they were read, correct them, see what the model sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import Conversation
from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.services.datasets import EditedRow
from studio.web.ui.components import (
    Page,
    Ui,
    event_data,
    friendly,
    lead,
    say,
    warn,
    wrapped,
)
from studio.web.ui.pages.examples_view import (
    render_foot,
    render_head,
    render_history,
    render_picture,
    render_preview,
    render_summary,
)
from studio.web.ui.session import Place


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    head: Any
    upload_panel: Any
    upload: Any
    append: Any
    data: Any
    summary: Any
    picture: Any
    columns: Any
    question: Any
    answer: Any
    table: Any
    version: Any
    save: Any
    undo: Any
    redo: Any
    preview: Any
    history: Any
    foot: Any

    @property
    def shown(self) -> list[Any]:
        return list(vars(self).values())


def build_examples(ui: Ui) -> Page:
    """Upload, reading, columns, table, preview and versions."""
    with gr.Column(visible=False, elem_id="page-examples") as column:
        ui.html(value=lead(ui.text, "examples"))
        parts = _layout(ui)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    _connect_changes(ui, parts)
    _connect_table(ui, parts)
    return Page(column, tuple(parts.shown), show)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    head = ui.actions(elem_id="examples-head")
    with gr.Accordion(text("examples.more"), open=True, elem_id="examples-panel") as upload_panel:
        upload = gr.File(
            label=text("examples.upload"), file_count="multiple", type="filepath", height=150, elem_id="examples-upload"
        )
        append = gr.Checkbox(
            label=text("examples.append"), info=text("examples.append_info"), elem_id="examples-append", container=False
        )
    with gr.Column(visible=False) as data:
        summary = ui.html(elem_id="examples-summary")
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300):
                picture = ui.html(elem_id="examples-picture")
            with gr.Column(scale=2, min_width=260) as columns:
                question = gr.Dropdown(
                    label=text("examples.question_column"),
                    multiselect=True,
                    allow_custom_value=True,
                    elem_id="examples-question-column",
                )
                answer = gr.Dropdown(
                    label=text("examples.answer_column"),
                    multiselect=True,
                    allow_custom_value=True,
                    elem_id="examples-answer-column",
                )
        table, save, undo, redo = _table(ui)
        preview = ui.html(elem_id="examples-preview")
        with gr.Accordion(text("examples.versions"), open=False):
            history = ui.actions(elem_id="examples-history")
        version = gr.State("")
    foot = ui.html()
    return _Parts(
        head, upload_panel, upload, append, data, summary, picture, columns, question, answer, table, version, save,
        undo, redo, preview, history, foot,
    )  # fmt: skip


def _table(ui: Ui) -> tuple[Any, Any, Any, Any]:
    text = ui.text
    intro = Markup('<h2>{}</h2><p class="af-muted af-small">{}</p>')
    ui.html(value=wrapped(intro.format(text("examples.table"), text("examples.table_hint"))))
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
    return table, save, undo, redo


def _connect_changes(ui: Ui, parts: _Parts) -> None:
    """Everything that makes another version the current one: a file, the sample, columns, undo, an old version."""
    data = ui.services.datasets

    @friendly(ui.text)
    def bring(query: str, files: list[str] | None, append: bool) -> dict[Any, Any]:
        place = Place.parse(query)
        try:
            data.import_files(place.project, [Path(file) for file in files or []], append=append)
        except AfinaError as error:
            warn(ui.text, error)
            return {parts.upload: None}
        return {ui.place: place.move}

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        if chosen.get("action") == "sample":
            data.use_sample(place.project, ui.text.locale)
        elif chosen.get("action") == "restore":
            data.restore(place.project, chosen["id"])
        return {ui.place: place.move}

    @friendly(ui.text)
    def change_columns(query: str, question: list[str], answer: list[str]) -> dict[Any, Any]:
        place = Place.parse(query)
        view = data.current(place.project)
        if view is None or not question or not answer:
            return gr.skip()  # type: ignore[no-any-return]
        update = {"question": tuple(question), "answer": tuple(answer)}
        data.set_mapping(place.project, view.mapping.model_copy(update=update))
        return _render(ui, parts, place)

    def stepping(step: Any) -> Any:
        @friendly(ui.text)
        def move(query: str) -> dict[Any, Any]:
            place = Place.parse(query)
            step(place.project)
            return _render(ui, parts, place)

        return move

    options = {"outputs": [ui.place, *parts.shown], "api_visibility": "private"}
    quiet = options | {"show_progress": "hidden"}
    parts.upload.upload(bring, [ui.place, parts.upload, parts.append], show_progress_on=[parts.upload], **options)
    parts.head.action(act, [ui.place], **quiet)
    parts.history.action(act, [ui.place], **quiet)
    parts.question.input(change_columns, [ui.place, parts.question, parts.answer], **quiet)
    parts.answer.input(change_columns, [ui.place, parts.question, parts.answer], **quiet)
    parts.undo.click(stepping(data.undo), [ui.place], **quiet)
    parts.redo.click(stepping(data.redo), [ui.place], **quiet)


def _connect_table(ui: Ui, parts: _Parts) -> None:
    """Edits of the table become a new version; a chosen row is shown as the model sees it."""

    @friendly(ui.text)
    def save(query: str, rows: list[list[Any]], version: str) -> dict[Any, Any]:
        place = Place.parse(query)
        view = ui.services.datasets.current(place.project)
        if view is None:
            return gr.skip()  # type: ignore[no-any-return]
        if view.version.id != version:
            gr.Warning(ui.text("examples.changed_elsewhere"), title=ui.text("ui.toast.problem"))
            return _render(ui, parts, place)
        edited = ui.services.datasets.edit(place.project, _edited(rows, view.conversations))
        say(ui.text, "examples.saved", n=edited.version.examples)
        return _render(ui, parts, place)

    @friendly(ui.text)
    def look(query: str, event: gr.SelectData) -> str:
        place = Place.parse(query)
        return render_preview(ui, place, f"e{event.row_value[0]}")

    inputs = [ui.place, parts.table, parts.version]
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    parts.save.click(save, inputs, parts.shown, **quiet)
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


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    view = ui.services.datasets.current(place.project)
    updates = {
        parts.head: render_head(ui, view),
        parts.upload_panel: gr.Accordion(
            label=ui.text("examples.choose" if view is None else "examples.more"), open=view is None
        ),
        parts.append: gr.Checkbox(visible=view is not None),
        parts.upload: None,
        parts.data: gr.Column(visible=view is not None),
        parts.foot: render_foot(ui, place, view),
    }
    return updates if view is None else updates | _data(ui, parts, place, view)


def _data(ui: Ui, parts: _Parts, place: Place, view: DatasetView) -> dict[Any, Any]:
    first = view.conversations[0].id if view.conversations else ""
    return {
        parts.summary: render_summary(ui, view),
        parts.picture: render_picture(ui, view),
        parts.columns: gr.Column(visible=bool(view.columns)),
        parts.question: _columns(view, view.mapping.question),
        parts.answer: _columns(view, view.mapping.answer),
        parts.table: [[c.id.lstrip("e"), c.question, c.answer, bool(c.held_out)] for c in view.conversations],
        parts.version: view.version.id,
        parts.save: gr.Button(interactive=False),
        parts.undo: gr.Button(interactive=view.can_undo),
        parts.redo: gr.Button(interactive=view.can_redo),
        parts.preview: render_preview(ui, place, first),
        parts.history: render_history(ui, place, view),
    }


def _columns(view: DatasetView, chosen: tuple[str, ...]) -> Any:
    return gr.Dropdown(choices=list(view.columns), value=list(chosen), multiselect=True, allow_custom_value=True)
