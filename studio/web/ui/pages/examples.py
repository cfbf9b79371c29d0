"""Step 2: bring examples, see how they were read, correct them, see what the model sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import Conversation, Role
from studio.domain.dataset import DatasetVersion, DatasetView, Segment
from studio.errors import AfinaError
from studio.services.datasets import EditedRow
from studio.web.ui.components import (
    EMPTY,
    Page,
    Ui,
    badge,
    button,
    empty_state,
    event_data,
    friendly,
    join,
    lead,
    next_link,
    notice,
    problem_notice,
    say,
    warn,
    when,
    wrapped,
)
from studio.web.ui.session import Place

_SEED: Final = 42  # of a recipe that says nothing else
_SPLIT_SHOWN: Final = 5_000  # examples above which the split is left for the training
_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><rect x="6" y="9" width="36" height="30" rx="5"/><path d="M6 18h36M6 28h36M20 18v21"/></svg>'
)
_PICTURE: Final = Markup(
    '<section class="af-card"><div><h2>{title}</h2><p class="af-muted af-small">{why}</p></div>{turns}</section>'
)
_TURN: Final = Markup('<div class="af-say {kind}"><small>{who}</small>{text}</div>')
_VERSION: Final = Markup("<li><span>{label} · {what} · {n}</span>{time}{act}</li>")


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
        return [value for value in vars(self).values() if value is not self.append]


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
                    label=text("examples.question_column"), multiselect=True, elem_id="examples-question-column"
                )
                answer = gr.Dropdown(
                    label=text("examples.answer_column"), multiselect=True, elem_id="examples-answer-column"
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
        return _render(ui, parts, place)

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        if chosen.get("action") == "sample":
            data.use_sample(place.project, ui.text.locale)
        elif chosen.get("action") == "restore":
            data.restore(place.project, chosen["id"])
        return _render(ui, parts, place)

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

    options = {"outputs": parts.shown, "api_visibility": "private"}
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
        return _preview(ui, place, f"e{event.row_value[0]}")

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
        parts.head: _head(ui, view),
        parts.upload_panel: gr.Accordion(open=view is None),
        parts.upload: None,
        parts.data: gr.Column(visible=view is not None),
        parts.foot: _foot(ui, place, view),
    }
    return updates if view is None else updates | _data(ui, parts, place, view)


def _data(ui: Ui, parts: _Parts, place: Place, view: DatasetView) -> dict[Any, Any]:
    first = view.conversations[0].id if view.conversations else ""
    return {
        parts.summary: _summary(ui, view),
        parts.picture: _picture(ui, view),
        parts.columns: gr.Column(visible=bool(view.columns)),
        parts.question: _columns(view, view.mapping.question),
        parts.answer: _columns(view, view.mapping.answer),
        parts.table: [[c.id.lstrip("e"), c.question, c.answer, bool(c.held_out)] for c in view.conversations],
        parts.version: view.version.id,
        parts.save: gr.Button(interactive=False),
        parts.undo: gr.Button(interactive=view.can_undo),
        parts.redo: gr.Button(interactive=view.can_redo),
        parts.preview: _preview(ui, place, first),
        parts.history: _history(ui, place, view),
    }


def _columns(view: DatasetView, chosen: tuple[str, ...]) -> Any:
    return gr.Dropdown(choices=list(view.columns), value=list(chosen))


def _head(ui: Ui, view: DatasetView | None) -> str:
    text = ui.text
    sample = button(text("examples.sample"), "sample", elem_id="examples-sample")
    if view is None:
        return wrapped(empty_state(_ICON, text("examples.empty_title"), text("examples.empty"), sample))
    version = view.version
    counts = [badge(text("examples.read", n=version.examples), "good")]
    held_out, why = _held_out(ui, view)
    if held_out:
        counts.append(badge(text("examples.held_out", n=held_out), "warn"))
    counts.append(badge(text("examples.version", number=str(version.number))))
    origin = EMPTY
    if version.files:
        origin = Markup('<span class="af-muted af-small">{}</span>').format(
            text("examples.from", files=", ".join(version.files))
        )
    line = Markup('<div class="af-row">{}{}</div><p class="af-muted af-small">{}</p>')
    return wrapped(line.format(join(counts), origin, why))


def _held_out(ui: Ui, view: DatasetView) -> tuple[int, str]:
    """How many examples are kept for the proof, and a sentence about them."""
    if view.version.examples > _SPLIT_SHOWN:
        return view.version.held_out, ui.text("examples.held_out_later")
    plan = ui.services.datasets.split_plan(view.version.project_id, _SEED)
    return len(plan.held_out), f"{ui.text('examples.held_out_why')} {ui.text(f'split.{plan.kind.value}')}"


def _summary(ui: Ui, view: DatasetView) -> str:
    if not view.problems:
        return wrapped(notice(ui.text("examples.all_good"), "good"))
    title = Markup("<h2>{}</h2>").format(ui.text("examples.problems", n=len(view.problems)))
    return wrapped(title, join(problem_notice(ui.text, problem) for problem in view.problems))


def _picture(ui: Ui, view: DatasetView) -> str:
    text, first = ui.text, view.conversations[0]
    turns = []
    for message in first.messages:
        kind = {Role.ASSISTANT: "answers"}.get(message.role, "asks")
        who = {Role.ASSISTANT: "examples.answer", Role.SYSTEM: "examples.system"}.get(message.role, "examples.customer")
        turns.append(_TURN.format(kind=kind, who=text(who), text=message.content))
    picture = _PICTURE.format(title=text("examples.mapping"), why=text("examples.mapping_why"), turns=join(turns))
    return wrapped(picture)


def _preview(ui: Ui, place: Place, conversation_id: str) -> str:
    text = ui.text
    title = Markup('<h2>{}</h2><p class="af-muted af-small">{}</p>')
    head = title.format(text("examples.preview"), text("examples.preview_why"))
    model_id = ui.services.projects.get(place.project).model_id
    if not model_id or not ui.services.models.is_installed(model_id):
        return wrapped(head, notice(text("examples.preview_no_model")))
    try:
        segments = ui.services.datasets.preview(place.project, conversation_id, model_id)
    except AfinaError:
        return wrapped(head, notice(text("examples.preview_empty")))
    return wrapped(head, _segments(segments))


def _segments(segments: Sequence[Segment]) -> Markup:
    learned, read = Markup("<mark>{}</mark>"), Markup("<span>{}</span>")
    shown = join((learned if segment.learned else read).format(segment.text) for segment in segments)
    return Markup('<div class="af-sees" tabindex="0">{}</div>').format(shown)


def _history(ui: Ui, place: Place, view: DatasetView) -> str:
    versions = ui.services.datasets.versions(place.project)
    rows = join(_version(ui, version, version.id == view.version.id) for version in versions)
    return wrapped(Markup('<ul class="af-runs">{}</ul>').format(rows))


def _version(ui: Ui, version: DatasetVersion, current: bool) -> Markup:
    text = ui.text
    params = {"files": ", ".join(version.files), **version.params}
    back = button(text("examples.restore"), "restore", kind="small", id=version.id)
    return _VERSION.format(
        label=text("examples.version", number=str(version.number)),
        what=text(f"version.{version.action}", **params),
        n=text("examples.read", n=version.examples),
        time=when(text, version.created_at),
        act=badge(text("examples.current"), "good") if current else back,
    )


def _foot(ui: Ui, place: Place, view: DatasetView | None) -> str:
    hint = ui.text("examples.next_open")
    if view:
        hint = ui.text("examples.next_hint", number=str(view.version.number))
    return next_link(ui.text, place.at("train"), "examples.next", primary=view is not None, hint=hint)
