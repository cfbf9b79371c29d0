"""The proof: which examples are kept aside, drawn again, changed by hand, or asked in other words."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from studio.data.text import plain
from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.events import in_turn, when_changed
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.pages.examples.split_view import render_drawing, render_found, render_offer, render_split
from studio.web.ui.session import Place

_LOOK_EVERY: Final = 1.0  # seconds
_FOUND: Final = 20  # examples that a search shows


def build_split(ui: Ui) -> Section:
    """The draw with its numbers, what it can show, and the ways to change it."""
    text = ui.text
    card = ui.actions(elem_id="examples-split")
    timer = gr.Timer(_LOOK_EVERY, active=False)
    offer = ui.actions(elem_id="examples-reworded")
    search = gr.Textbox(
        label=text("examples.split.find"),
        placeholder=text("examples.split.find_example"),
        elem_id="split-find",
        max_lines=1,
    )
    found = ui.actions(elem_id="split-found")
    version = gr.State(())

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        if view is None:
            return {card: "", version: (place.project, ""), timer: gr.Timer(active=False)}
        return {**drawn(place, view.version.examples), version: (place.project, view.version.id)}

    def fill(_place: Place, _view: DatasetView | None) -> dict[Any, Any]:
        return {search: "", found: "", offer: ""}

    def renew(query: str, wanted: str) -> dict[Any, Any]:
        """Of other examples other rewordings are offered, and others found."""
        return {offer: "", found: hits(Place.parse(query), wanted)}

    def drawn(place: Place, examples: int) -> dict[Any, Any]:
        if ui.services.splits.counts(place.project) is None:
            return {card: render_drawing(ui, examples), timer: gr.Timer(active=True)}
        return {card: render_split(ui, ui.services.splits.view(place.project)), timer: gr.Timer(active=False)}

    @friendly(text)
    def look(query: str) -> dict[Any, Any]:
        """Until the test of a large set is drawn; then the head of the page can say how many it takes, too."""
        place = Place.parse(query)
        if place.step != "examples" or ui.services.datasets.version(place.project) is None:
            return {timer: gr.Timer(active=False)}
        if ui.services.splits.counts(place.project) is None:
            return {timer: gr.skip()}
        return {timer: gr.Timer(active=False), ui.place: place.again}

    @friendly(text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        splits, action = ui.services.splits, chosen.get("action")
        if action == "offer":
            seed, without = int(chosen.get("seed", "0")), chosen.get("without", "")
            return {offer: render_offer(ui, splits.offer(place.project, seed), seed, _ids(without))}
        if action == "accept":
            unwanted = _ids(chosen.get("without", ""))
            offered = splits.offer(place.project, int(chosen["seed"]))
            splits.accept(place.project, [item for item in offered if item.origin not in unwanted])
            return {ui.place: place.again, offer: ""}
        if action == "share":
            splits.draw(place.project, seed=splits.view(place.project).choice.seed, share=float(chosen["share"]))
        elif action == "draw":
            splits.draw(place.project, seed=_number(chosen.get("text", "")))
        elif action == "fill":
            splits.fill(place.project)
        elif action == "aside":
            splits.keep_aside(place.project, _ids(chosen["ids"]))
        elif action == "back":
            splits.give_back(place.project, _ids(chosen["ids"]))
        return {ui.place: place.again}

    @friendly(text)
    def find(query: str, wanted: str) -> dict[Any, Any]:
        return {found: hits(Place.parse(query), wanted)}

    def hits(place: Place, wanted: str) -> str:
        if not place.project or ui.services.datasets.version(place.project) is None or not plain(wanted):
            return ""
        return render_found(ui, ui.services.splits.find(place.project, wanted, _FOUND), wanted)

    for component in (card, offer, found):
        component.action(act, [ui.place], [ui.place, card, offer], **in_turn("split"), **QUIET)
    when_changed(text, version, renew, [ui.place, search], [offer, found])
    gr.on([search.submit, search.blur], find, [ui.place, search], [found], trigger_mode="always_last", **QUIET)
    timer.tick(look, [ui.place], [ui.place, timer], **QUIET)
    return Section((card, timer, version, offer, search, found), show, fill)


def _ids(text: str) -> set[str]:
    return {part for part in text.split(",") if part}


def _number(text: str) -> int | None:
    """A draw's number as a person wrote it; None for the next one. Raises ``data.bad_draw``."""
    if not text.strip():
        return None
    if not text.strip().isdecimal() or len(text.strip()) > 9:
        raise AfinaError("data.bad_draw", value=text.strip()[:20])
    return int(text)
