"""The Examples screen: its sections in the order in which a person reads them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.domain.dataset import DatasetView
from studio.web.ui.components import Page, Ui, lead, next_link
from studio.web.ui.pages.examples.bring import build_bring
from studio.web.ui.pages.examples.checks import build_checks, connect_filter
from studio.web.ui.pages.examples.grid import build_grid
from studio.web.ui.pages.examples.history import build_history
from studio.web.ui.pages.examples.mapping import build_mapping
from studio.web.ui.pages.examples.plots import build_plots
from studio.web.ui.pages.examples.split import build_split
from studio.web.ui.pages.examples.suggested import build_suggested
from studio.web.ui.pages.examples.toast import build_toast
from studio.web.ui.session import Place


def build_examples(ui: Ui) -> Page:
    """What was read, whether it is healthy, the examples themselves, what the model sees, and every version."""
    text = ui.text
    with gr.Column(visible=False, elem_id="page-examples") as column:
        ui.html(value=lead(text, "examples"))
        sections = [build_suggested(ui), build_bring(ui)]
        with gr.Column(visible=False) as data:
            sections.append(build_mapping(ui))
            checks = build_checks(ui)
            with gr.Tabs(elem_id="examples-tabs", overflow_behavior="wrap") as tabs:
                with gr.Tab(text("examples.tab.rows"), id="rows"):
                    grid = build_grid(ui)
                with gr.Tab(text("examples.plots.tab"), id="plots"):
                    plots = build_plots(ui, tabs, grid.search)
                with gr.Tab(text("examples.split.tab"), id="proof"):
                    proof = build_split(ui)
                with gr.Tab(text("examples.tab.history"), id="history"):
                    history = build_history(ui)
            sections += [checks, grid.section, plots, proof, history, build_toast(ui)]
        foot = ui.html()
    connect_filter(ui, checks, tabs, grid.problem)

    def show(place: Place) -> dict[Any, Any]:
        view = ui.services.datasets.current(place.project)
        updates = {data: gr.Column(visible=view is not None), foot: _foot(ui, place, view)}
        for section in sections:
            updates |= section.show(place, view)
        return updates

    def fill(place: Place) -> dict[Any, Any]:
        view, updates = ui.services.datasets.current(place.project), dict[Any, Any]()
        for section in sections:
            updates |= section.fill(place, view)
        return updates

    outputs = [component for section in sections for component in section.outputs]
    return Page(column, (data, foot, *outputs), show, fill)


def _foot(ui: Ui, place: Place, view: DatasetView | None) -> str:
    """The way to the next step."""
    hint = ui.text("examples.next_open")
    if view:
        hint = ui.text("examples.next_hint", number=str(view.version.number))
    return next_link(ui.text, place.at("train"), "examples.next", primary=view is not None, hint=hint)
