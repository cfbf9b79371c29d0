"""The proof: which examples are kept aside, drawn again, changed by hand, or asked in other words."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from studio.data.text import plain
from studio.domain.conversation import Conversation
from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.web.ui.components import Ui, event_data, friendly
from studio.web.ui.pages.examples.bring_view import SPLIT_SHOWN
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.pages.examples.split_view import render_found, render_later, render_offer, render_split
from studio.web.ui.session import Place

_FOUND: Final = 20  # examples that a search shows


def build_split(ui: Ui) -> Section:
    """The draw with its numbers, what it can show, and the ways to change it."""
    text = ui.text
    card = ui.actions(elem_id="examples-split")
    offer = ui.actions(elem_id="examples-reworded")
    search = gr.Textbox(
        label=text("splitview.find"), placeholder=text("splitview.find_example"), elem_id="split-find", max_lines=1
    )
    found = ui.actions(elem_id="split-found")

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        if view is None:
            return {card: "", offer: "", found: ""}
        if view.version.examples > SPLIT_SHOWN:
            shown = render_later(ui, view)
        else:
            shown = render_split(ui, ui.services.splits.view(place.project))
        return {card: shown, offer: "", search: "", found: ""}

    @friendly(text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        splits, action = ui.services.splits, chosen.get("action")
        if action == "show":
            return {card: render_split(ui, splits.view(place.project))}
        if action == "offer":
            seed, without = int(chosen.get("seed", "0")), chosen.get("without", "")
            return {offer: render_offer(ui, splits.offer(place.project, seed), seed, _ids(without))}
        if action == "accept":
            unwanted = _ids(chosen.get("without", ""))
            offered = splits.offer(place.project, int(chosen["seed"]))
            splits.accept(place.project, [item for item in offered if item.origin not in unwanted])
        elif action == "share":
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
        place = Place.parse(query)
        view = ui.services.datasets.current(place.project)
        if view is None or not plain(wanted):
            return {found: ""}
        aside = {c.id for c in ui.services.splits.view(place.project).held_out}
        return {found: render_found(ui, _matching(view, wanted, aside), wanted)}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    for component in (card, offer, found):
        component.action(act, [ui.place], [ui.place, card, offer], **quiet)
    gr.on([search.submit, search.blur], find, [ui.place, search], [found], **quiet)
    return Section((card, offer, search, found), show)


def _ids(text: str) -> set[str]:
    return {part for part in text.split(",") if part}


def _number(text: str) -> int | None:
    """A draw's number as a person wrote it; None for the next one.

    Raises:
        AfinaError: ``data.bad_draw``.
    """
    if not text.strip():
        return None
    if not text.strip().isdecimal() or len(text.strip()) > 9:
        raise AfinaError("data.bad_draw", value=text.strip()[:20])
    return int(text)


def _matching(view: DatasetView, wanted: str, aside: set[str]) -> list[Conversation]:
    """Examples of training whose question has every word that is looked for."""
    words = plain(wanted).split()
    matching = (c for c in view.conversations if c.id not in aside and all(word in plain(c.question) for word in words))
    return [c for c, _ in zip(matching, range(_FOUND), strict=False)]
