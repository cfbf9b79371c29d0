"""Plots of the examples: a map of the questions, lengths, languages, topics, copies. Counted once the tab is opened."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import gradio as gr

from studio.domain.conversation import Conversation
from studio.domain.dataset import DatasetView
from studio.services.examples.insights import InsightView
from studio.web.ui.charts_examples import bar_list, lengths_chart, map_chart
from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.events import in_turn
from studio.web.ui.pages.examples import plots_map_view as maps
from studio.web.ui.pages.examples import plots_view as views
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_EVERY: Final = 1.0  # seconds between two looks at what is being counted
_CHARTS: Final = ("lengths", "languages", "topics", "copies")
# A point of the chart that is clicked becomes an event. Plotly's own events are lost when the chart is drawn anew, so
# they are asked for whenever the pointer comes over it.
_SCRIPT: Final = """
document.addEventListener('pointerover', (event) => {
  const chart = event.target.closest ? event.target.closest('#plots-map .js-plotly-plot') : null;
  if (!chart || !chart.on) return;
  chart.removeAllListeners('plotly_click');
  chart.on('plotly_click', (found) => {
    const id = found.points.map((point) => point.customdata).find(Boolean);
    if (id) trigger('action', { action: 'example', id: String(id) });
  });
});
/* raises 'action' */
"""


def build_plots(ui: Ui, tabs: Any, search: Any) -> Section:
    """The plots, inside a tab."""
    parts = _layout(ui)

    def show(_place: Place, view: DatasetView | None) -> dict[Any, Any]:
        return {parts.version: view.version.id if view else ""}

    _connect(ui, parts, tabs)
    _connect_example(ui, parts, tabs, search)
    return Section((parts.version,), show)


def _layout(ui: Ui) -> SimpleNamespace:
    """The components; ``looked`` are those that a look may change."""
    text, parts = ui.text, SimpleNamespace(version=gr.State(""), opened=gr.State(False), drawn=gr.State(""))
    parts.status = ui.actions(elem_id="plots-status")
    parts.map_head = ui.html(elem_id="plots-map-head")
    parts.map = gr.Plot(
        label=text("examples.plots.map.title"),
        show_label=False,
        visible=False,
        elem_id="plots-map",
        elem_classes="af-chart",
    )
    parts.points = gr.HTML("", elem_id="plots-points", js_on_load=_SCRIPT, apply_default_css=False)
    parts.legend = ui.html(elem_id="plots-legend")
    parts.example = ui.actions(elem_id="plots-example")
    parts.heads, parts.charts, parts.tables = {}, {}, {}
    for pair in (("topics", "copies"), ("lengths", "languages")):
        with gr.Row(equal_height=False):
            for name in pair:
                with gr.Column(min_width=300):
                    parts.heads[name] = ui.html(elem_id=f"plots-{name}-head")
                    parts.charts[name] = gr.Plot(
                        label=text(f"examples.plots.{name}.title"),
                        show_label=False,
                        visible=False,
                        elem_id=f"plots-{name}",
                        elem_classes="af-chart",
                    )
                    parts.tables[name] = ui.html(elem_id=f"plots-{name}-table")
    parts.timer = gr.Timer(_EVERY, active=False)
    own = [parts.drawn, parts.timer, parts.status, parts.map_head, parts.map, parts.legend, parts.example]
    parts.looked = [*own, *parts.heads.values(), *parts.charts.values(), *parts.tables.values()]
    return parts


def _connect(ui: Ui, parts: SimpleNamespace, tabs: Any) -> None:
    """Looks at what is counted while the tab is open; the timer ends with the counting."""

    @friendly(ui.text)
    def choose(query: str, drawn: str, event: gr.SelectData) -> dict[Any, Any]:
        if event.value != ui.text("examples.plots.tab"):
            return {parts.opened: False, parts.timer: gr.Timer(active=False)}
        return {parts.opened: True, **_look(ui, parts, Place.parse(query), drawn)}

    @friendly(ui.text)
    def renew(query: str, drawn: str, opened: bool) -> dict[Any, Any]:
        return _look(ui, parts, Place.parse(query), drawn) if opened else gr.skip()

    @friendly(ui.text)
    def act(query: str, drawn: str, event: gr.EventData) -> dict[Any, Any]:
        place, insights = Place.parse(query), ui.services.insights
        match event_data(event).get("action"):
            case "helper-get":
                insights.encoder(place.project).install()
            case "helper-no":
                insights.encoder(place.project).decline()
            case "helper-stop":
                insights.encoder(place.project).cancel()
            case "again":
                insights.again(place.project)
        return _look(ui, parts, place, drawn)

    outputs = [parts.opened, *parts.looked]
    tabs.select(choose, [ui.place, parts.drawn], outputs, **in_turn("plots"), **QUIET)
    parts.version.change(renew, [ui.place, parts.drawn, parts.opened], parts.looked, **QUIET)
    parts.timer.tick(renew, [ui.place, parts.drawn, parts.opened], parts.looked, **QUIET)
    parts.status.action(act, [ui.place, parts.drawn], parts.looked, **QUIET)


def _connect_example(ui: Ui, parts: SimpleNamespace, tabs: Any, search: Any) -> None:
    """A point that is clicked shows its example; a button there goes to its row."""

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        found = ui.services.insights.examples(place.project, [chosen.get("id", "")])
        if not found:
            return {parts.example: ""}
        example = found[0]
        if chosen.get("action") == "in-table":
            return {tabs: gr.Tabs(selected="rows"), search: _first_line(example.question)}
        return {parts.example: _example(ui, place, example)}

    parts.points.action(act, [ui.place], [parts.example, tabs, search], **QUIET)
    parts.example.action(act, [ui.place], [parts.example, tabs, search], **QUIET)


def _first_line(question: str) -> str:
    return next(iter(question.strip().splitlines()), "")


def _example(ui: Ui, place: Place, example: Conversation) -> str:
    insights = ui.services.insights
    view = insights.look(place.project)
    near: list[Conversation] = []
    if view.map is not None and example.id in view.map.ids:
        around = view.map.places.near[view.map.ids.index(example.id)]
        near = insights.examples(place.project, (view.map.ids[i] for i in around))
    return maps.render_example(ui, example, near, example.id in view.held_out)


def _look(ui: Ui, parts: SimpleNamespace, place: Place, drawn: str) -> dict[Any, Any]:
    """One look: what changed since ``drawn``; charts are drawn anew only where their numbers are others."""
    if place.step != "examples" or ui.services.datasets.version(place.project) is None:
        return {parts.timer: gr.Timer(active=False)}
    view = ui.services.insights.look(place.project)
    helper = ui.services.insights.encoders.for_language(view.language).progress
    going = view.is_running or (helper is not None and helper.is_active)
    counted = f"{view.version_id} {id(view.insights)}" if view.insights else ""
    mapped = f"{view.version_id} {id(view.map)} {view.is_running} {bool(view.problem)}"
    updates: dict[Any, Any] = {
        parts.status: views.render_status(ui, view),
        parts.timer: gr.Timer(active=going),
        parts.drawn: f"{counted}|{mapped}",
    }
    drawn_counts, _, drawn_map = drawn.partition("|")
    if counted != drawn_counts:
        updates |= _counts(ui, parts, view)
    if mapped != drawn_map:
        updates |= _map(ui, parts, place, view)
    return updates


def _map(ui: Ui, parts: SimpleNamespace, place: Place, view: InsightView) -> dict[Any, Any]:
    insights = ui.services.insights
    examples = insights.examples(place.project, view.map.ids) if view.map else []
    if view.map is None or view.insights is None or len(examples) < len(view.map.ids):
        head = maps.render_map(ui, view, maps.NOTHING, [])
        return {parts.map_head: head, parts.map: gr.Plot(visible=False), parts.legend: "", parts.example: ""}
    colouring = maps.colouring_of(view.insights, view.map, examples)
    kept = [example.id in view.held_out for example in examples]
    lone = maps.lone_ids(view.insights, examples)
    copies = [group.ids for group in view.insights.copies]
    figure = map_chart(ui.text, view.map, examples, colouring, view.held_out, lone, copies)
    return {
        parts.map_head: maps.render_map(ui, view, colouring, kept),
        parts.map: gr.Plot(value=figure, visible=True),
        parts.legend: maps.render_legend(ui, view, colouring),
        parts.example: "",
    }


def _counts(ui: Ui, parts: SimpleNamespace, view: InsightView) -> dict[Any, Any]:
    text, found = ui.text, view.insights
    if found is None:
        hidden = {chart: gr.Plot(visible=False) for chart in parts.charts.values()}
        return {**dict.fromkeys([*parts.heads.values(), *parts.tables.values()], ""), **hidden}
    words = {
        "lengths": views.render_lengths(text, found.lengths),
        "languages": views.render_languages(text, found.languages),
        "topics": views.render_topics(text, found.topics),
        "copies": views.render_copies(text, found.copies),
    }
    figures = {
        "lengths": lengths_chart(text, found.lengths) if found.lengths else None,
        "languages": bar_list(text, views.language_bars(text, found.languages)),
        "topics": bar_list(text, views.topic_bars(text, found.topics)),
        "copies": bar_list(text, views.copy_bars(text, found.copies)) if found.copies else None,
    }
    updates: dict[Any, Any] = {}
    for name in _CHARTS:
        updates[parts.heads[name]], updates[parts.tables[name]] = words[name]
        figure = figures[name]
        updates[parts.charts[name]] = gr.Plot(value=figure, visible=True) if figure else gr.Plot(visible=False)
    return updates
