"""The examples as a table to search, filter, sort and correct, and the chosen one as the model sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import gradio as gr

from studio.domain.dataset import DatasetView
from studio.services.examples.table import HeldOut, Query, RowEdit, Sort
from studio.web.ui.components import QUIET, Ui, event_data, friendly, warn
from studio.web.ui.pages.examples.behind import build_behind
from studio.web.ui.pages.examples.grid_view import problem_choices, render_table
from studio.web.ui.pages.examples.preview import render_preview
from studio.web.ui.pages.examples.replacing import build_replacing
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_SCRIPT: Final = "afina.table(element, trigger, watch); /* raises 'action' */"
_ALL: Final = ""


@dataclass(frozen=True)
class Grid:
    """The section, and what others change of it."""

    section: Section  # the table with its search and filters
    problem: Any  # the filter by problem; a code of a check shows its rows
    search: Any  # the search box


def build_grid(ui: Ui) -> Grid:
    """The table, and below it what the model sees of the chosen row."""
    parts = _layout(ui)

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        if view is None:
            return {}
        first = view.conversations[0].id if view.conversations else ""
        checked = "checked" if ui.services.checks.known(place.project) else ""
        return {
            parts.shown: f"{view.version.id} {checked} {view.can_undo} {view.can_redo} {place.rows}",
            **parts.behind.show(place, view),
            parts.preview: render_preview(ui, place, first),
            **parts.replacing.show(place, view),
        }

    def fill(_place: Place, _view: DatasetView | None) -> dict[Any, Any]:
        return dict(zip(parts.wanted, ("", _ALL, _ALL, _ALL, Sort.AS_IS.value), strict=True))

    _connect(ui, parts)
    outputs = (parts.shown, parts.preview, *parts.behind.outputs, *parts.replacing.outputs, *parts.wanted)
    return Grid(Section(outputs, show, fill), parts.problem, parts.search)


def _layout(ui: Ui) -> SimpleNamespace:
    text, parts = ui.text, SimpleNamespace(page=gr.State(1), shown=gr.State(""), project=gr.State(""))
    parts.used = gr.State(())  # the filters of the table that was loaded last
    parts.behind = build_behind(ui)
    with gr.Row(elem_classes="af-filters", equal_height=True):
        parts.search = gr.Textbox(
            placeholder=text("examples.grid.search_hint"),
            label=text("examples.grid.search"),
            elem_id="examples-search",
            scale=1,
            min_width=190,
            max_lines=1,
        )
        parts.problem = _filter(ui, "problem", [(text("examples.grid.problem.all"), _ALL)])
        parts.topic = _filter(ui, "topic", [(text("examples.grid.topic.all"), _ALL)])
        purposes = [("all", _ALL), *((purpose.value, purpose.value) for purpose in HeldOut)]
        parts.held_out = _filter(
            ui, "held_out", [(text(f"examples.grid.held_out.{name}"), value) for name, value in purposes]
        )
        orders = [(text(f"examples.grid.sort.{order.value or 'as_is'}"), order.value) for order in Sort]
        parts.sort = _filter(ui, "sort", orders)
    parts.table = gr.HTML("", elem_id="examples-table", js_on_load=_SCRIPT, apply_default_css=False)
    parts.replacing = build_replacing(ui)
    parts.preview = ui.actions(elem_id="examples-preview")
    parts.wanted = [parts.search, parts.problem, parts.topic, parts.held_out, parts.sort]
    return parts


def _filter(ui: Ui, name: str, choices: list[tuple[str, str]]) -> Any:
    return gr.Dropdown(
        choices=choices,
        value=choices[0][1],
        label=ui.text(f"examples.grid.{name}"),
        elem_id=f"examples-filter-{name.replace('_', '-')}",
        filterable=False,
        min_width=165,
    )


def _connect(ui: Ui, parts: SimpleNamespace) -> None:
    """Filters change what is shown; what is done in the table becomes a version."""

    @friendly(ui.text)
    def load(query: str, known: str, page: int, *wanted: str) -> dict[Any, Any]:
        """The examples are others, or were checked: the same page of them, or the first of another project."""
        place = Place.parse(query)
        # The home page, too, comes here: a browser tells of the state as it first gets it.
        if not place.project or ui.services.datasets.version(place.project) is None:
            return {parts.table: ""}
        updates = _table(ui, parts, place, page if place.project == known else 1, wanted)
        updates[parts.problem] = problem_choices(ui, place, wanted[1])
        updates[parts.topic] = _topics(ui, place, wanted[2])
        return {**updates, parts.project: place.project, parts.used: wanted}

    @friendly(ui.text)
    def narrow(query: str, known: str, *wanted: str) -> dict[Any, Any]:
        place = Place.parse(query)
        if place.project != known:
            return gr.skip()  # type: ignore[no-any-return]
        return _table(ui, parts, place, 1, wanted)

    @friendly(ui.text)
    def act(
        query: str, page: int, search: str, problem: str, topic: str, held_out: str, sort: str, event: gr.EventData
    ) -> dict[Any, Any]:
        wanted = (search, problem, topic, held_out, sort)
        return _act(ui, parts, Place.parse(query), page, wanted, event_data(event))

    @friendly(ui.text)
    def catch_up(query: str, used: tuple[str, ...], *wanted: str) -> dict[Any, Any]:
        """What was looked for while the table was loaded: an answer that began before must not be the last."""
        place = Place.parse(query)
        if not place.project or not used or tuple(used) == wanted:
            return gr.skip()  # type: ignore[no-any-return]
        return _table(ui, parts, place, 1, wanted)

    loaded = [parts.problem, parts.topic, parts.table, parts.page, parts.project, parts.used]
    parts.shown.change(load, [ui.place, parts.project, parts.page, *parts.wanted], loaded, **QUIET).then(
        catch_up, [ui.place, parts.used, *parts.wanted], [parts.table, parts.page], **QUIET
    )
    gr.on(
        [component.change for component in parts.wanted],
        narrow,
        [ui.place, parts.project, *parts.wanted],
        [parts.table, parts.page],
        trigger_mode="always_last",
        **QUIET,
    )
    outputs = [ui.place, parts.table, parts.page, parts.preview]
    parts.table.action(act, [ui.place, parts.page, *parts.wanted], outputs, trigger_mode="multiple", **QUIET)


def _act(
    ui: Ui, parts: SimpleNamespace, place: Place, page: int, wanted: tuple[str, ...], chosen: dict[str, str]
) -> dict[Any, Any]:
    """What a button or a cell of the table asks for."""
    match chosen.get("action"):
        case "page":
            return _table(ui, parts, place, int(chosen["page"]), wanted)
        case "look":
            return {parts.preview: render_preview(ui, place, chosen["id"])}
        case "save":
            edits, deleted = read_edits(chosen["edits"])
            try:
                ui.services.tables.apply(place.project, edits, deleted, chosen.get("base", ""))
            except Exception as error:  # whatever it is: the page waits to be told
                warn(ui.text, error)
                return _table(ui, parts, place, page, wanted, refused=chosen["nonce"])
            saved = _table(ui, parts, place, page, wanted, applied=chosen["nonce"])
            return saved if chosen.get("leaving") else {**saved, ui.place: place.again}
        case "undo":
            ui.services.history.undo(place.project)
        case "redo":
            ui.services.history.redo(place.project)
    return {ui.place: place.again}


def read_edits(edits: str) -> tuple[list[RowEdit], list[str]]:
    """The rows that a person changed, as the page's script hands them over."""
    said = json.loads(edits)
    rows = [
        RowEdit(
            str(row.get("id", "")),
            row.get("question"),
            row.get("answer"),
            HeldOut(row["held_out"]) if "held_out" in row else None,
        )
        for row in said["rows"]
    ]
    return rows, [str(key) for key in said["deleted"]]


def _table(
    ui: Ui,
    parts: SimpleNamespace,
    place: Place,
    page: int,
    wanted: tuple[str, ...],
    *,
    applied: str = "",
    refused: str = "",
) -> dict[Any, Any]:
    """The table; whether a save that the page waits for, named by its nonce, was made or refused."""
    search, problem, topic, held_out, sort = wanted
    query = Query(search or "", topic or None, HeldOut(held_out) if held_out else None, Sort(sort or ""), place.rows)
    found = ui.services.tables.page(place.project, query, problem=problem or "", page=page)
    return {parts.table: render_table(ui, place, found, applied, refused), parts.page: found.page}


def _topics(ui: Ui, place: Place, chosen: str) -> Any:
    """The filter by topic; see :func:`problem_choices`."""
    topics = ui.services.tables.page(place.project, size=1).topics
    choices = [(ui.text("examples.grid.topic.all"), _ALL), *((topic, topic) for topic in topics)]
    shown = {"choices": choices, "visible": bool(topics)}
    stays = not chosen or chosen in topics
    return gr.Dropdown(**shown) if stays else gr.Dropdown(**shown, value=_ALL)
