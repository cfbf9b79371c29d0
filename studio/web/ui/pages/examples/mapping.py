"""How the files were understood: a picture of one example, each part named by its column and changed in two clicks."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from studio.domain.dataset import ColumnRole, DatasetView, Mapping
from studio.errors import AfinaError
from studio.services.examples.imports import ImportRequest
from studio.web.ui.components import QUIET, Ui, event_data, friendly, say
from studio.web.ui.events import in_turn
from studio.web.ui.pages.examples.mapping_view import render_mapping
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_SEVERAL: Final = (ColumnRole.QUESTION, ColumnRole.ANSWER, ColumnRole.SYSTEM)  # these may be joined of many columns
_LONGEST_PROMPT: Final = 4_000


def build_mapping(ui: Ui) -> Section:
    """The picture, and below it one instruction for all answers."""
    text = ui.text
    picture = ui.actions(elem_id="examples-picture")
    with gr.Accordion(text("examples.mapping.prompt"), open=False, elem_id="examples-prompt-panel") as panel:
        prompt = gr.Textbox(
            label=text("examples.mapping.prompt_label"),
            info=text("examples.mapping.prompt_info"),
            placeholder=text("examples.mapping.prompt_example"),
            lines=3,
            max_length=_LONGEST_PROMPT,
            elem_id="examples-prompt",
        )
        keep = gr.Button(text("examples.mapping.prompt_save"), size="md", elem_id="examples-prompt-save")

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        if view is None:
            return {picture: ""}
        said = ui.services.projects.get(place.project).system_prompt or ""
        label = text("examples.mapping.prompt_set" if said else "examples.mapping.prompt")
        return {picture: render_mapping(ui, view, said), panel: gr.Accordion(label=label)}

    def fill(place: Place, _view: DatasetView | None) -> dict[Any, Any]:
        return {prompt: ui.services.projects.get(place.project).system_prompt or ""}

    @friendly(text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        view = ui.services.datasets.current(place.project)
        if view is None:
            return gr.skip()  # type: ignore[no-any-return]
        if chosen.get("action") == "pick":
            said = ui.services.projects.get(place.project).system_prompt or ""
            return {picture: render_mapping(ui, view, said, ColumnRole(chosen["role"]))}
        if chosen.get("action") == "close":
            return {ui.place: place.again}
        _read_again(ui, place, _changed(view, chosen))
        return {ui.place: place.again}

    @friendly(text)
    def save(query: str, said: str) -> dict[Any, Any]:
        place = Place.parse(query)
        ui.services.projects.update(place.project, system_prompt=said)
        say(text, "examples.mapping.prompt_saved")
        return {ui.place: place.again}

    picture.action(act, [ui.place], [ui.place, picture], **in_turn("mapping"), **QUIET)
    keep.click(save, [ui.place, prompt], [ui.place], **QUIET)
    return Section((picture, panel, prompt), show, fill)


def _read_again(ui: Ui, place: Place, mapping: Mapping) -> None:
    """Reads the files with other columns; the upper part of the screen shows how far a large set is."""
    imports = ui.services.imports
    imports.start(place.project, ImportRequest(mapping=mapping, again=True))
    progress = imports.progress(place.project)
    if progress is None or progress.is_active:
        return
    imports.forget(place.project)
    if progress.problem is not None:
        raise AfinaError(progress.problem.code, **progress.problem.params)


def _changed(view: DatasetView, chosen: dict[str, str]) -> Mapping:
    """The mapping after a click. Raises ``data.mapping_incomplete``."""
    mapping, action = view.mapping, chosen.get("action")
    if action == "company":
        return mapping.model_copy(update={"company": chosen["name"]})
    if action == "sheet":
        return mapping.model_copy(update={"sheets": _sheets(view, chosen["name"])})
    if action == "swap":
        return mapping.model_copy(update={"question": mapping.answer, "answer": mapping.question})
    role, column = ColumnRole(chosen["role"]), chosen.get("column", "")
    if role not in _SEVERAL:
        return mapping.model_copy(update={role.value: column or None})
    before: tuple[str, ...] = getattr(mapping, role.value)
    if action == "join":
        after: tuple[str, ...] = (*(name for name in before if name != column), column)
    elif action == "drop":
        after = tuple(name for name in before if name != column)
    else:
        after = (column,) if column else ()
    if not after and role is not ColumnRole.SYSTEM:
        raise AfinaError("data.mapping_incomplete")
    return _without(mapping, column, role).model_copy(update={role.value: after})


def _without(mapping: Mapping, column: str, role: ColumnRole) -> Mapping:
    """The mapping with a column taken from the other parts; a part that would be left empty changes places with it."""
    update: dict[str, Any] = {}
    for other in (ColumnRole.QUESTION, ColumnRole.ANSWER, ColumnRole.SYSTEM):
        names: tuple[str, ...] = getattr(mapping, other.value)
        if other is not role and column in names:
            rest = tuple(name for name in names if name != column)
            update[other.value] = rest or (getattr(mapping, role.value) if other is not ColumnRole.SYSTEM else ())
    for other in (ColumnRole.TOPIC, ColumnRole.ID, ColumnRole.HELD_OUT):
        if getattr(mapping, other.value) == column:
            update[other.value] = None
    return mapping.model_copy(update=update)


def _sheets(view: DatasetView, name: str) -> tuple[str, ...]:
    """The sheets to read once one of them was clicked: all but the clicked one, or with it again."""
    there = list(dict.fromkeys(table.sheet for table in view.tables if table.sheet))
    read = [sheet for sheet in there if any(table.chosen for table in view.tables if table.sheet == sheet)]
    after = [sheet for sheet in there if (sheet in read) != (sheet == name)]
    if not after:
        raise AfinaError("data.no_sheet_left")
    return () if after == there else tuple(after)
