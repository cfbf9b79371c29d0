"""Find and replace in all examples: how often it stands there is shown before anything is changed."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import Role
from studio.domain.dataset import DatasetView
from studio.services.examples.table import Matches, Replacement
from studio.web.ui.components import EMPTY, QUIET, Ui, friendly, join, wrapped
from studio.web.ui.pages.examples.marks import change_card
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_ROLES: Final = {
    "both": (Role.USER, Role.ASSISTANT),
    "question": (Role.USER,),
    "answer": (Role.ASSISTANT,),
}


def build_replacing(ui: Ui) -> Section:
    """A folded panel; what stands in it is counted while it is typed."""
    text = ui.text
    with gr.Accordion(text("examples.replace.title"), open=False, elem_id="examples-replace"):
        with gr.Row():
            find = gr.Textbox(label=text("examples.replace.find"), max_lines=3, elem_id="examples-find", min_width=200)
            put = gr.Textbox(label=text("examples.replace.put"), max_lines=3, elem_id="examples-put", min_width=200)
            where = gr.Dropdown(
                [(text(f"examples.replace.where.{name}"), name) for name in _ROLES],
                value="both",
                label=text("examples.replace.where"),
                filterable=False,
                min_width=160,
                elem_id="examples-replace-where",
            )
        with gr.Row(elem_classes="af-toolbar"):
            whole = gr.Checkbox(
                label=text("examples.replace.whole_words"), container=False, elem_id="examples-whole-words"
            )
            case = gr.Checkbox(
                label=text("examples.replace.match_case"), container=False, elem_id="examples-match-case"
            )
        found = ui.html(elem_id="examples-matches")
        act = gr.Button(text("examples.replace.act"), interactive=False, elem_id="examples-replace-act", size="md")
    wanted = [find, put, where, whole, case]
    version = gr.State("")

    def show(_place: Place, view: DatasetView | None) -> dict[Any, Any]:
        """What is typed stays; it is counted anew in another version."""
        return {version: view.version.id if view else ""}

    @friendly(text)
    def count(query: str, *said: Any) -> dict[Any, Any]:
        replacement, place = _replacement(*said), Place.parse(query)
        if not replacement.find or ui.services.datasets.version(place.project) is None:
            return {found: "", act: gr.Button(interactive=False)}
        matches = ui.services.tables.matches(place.project, replacement)
        can = bool(matches.places) and replacement.find != replacement.put
        return {found: render_matches(ui, matches), act: gr.Button(interactive=can)}

    @friendly(text)
    def replace(query: str, *said: Any) -> dict[Any, Any]:
        place = Place.parse(query)
        ui.services.tables.replace(place.project, _replacement(*said))
        return {ui.place: place.again}

    events = [component.change for component in (*wanted, version)]
    gr.on(events, count, [ui.place, *wanted], [found, act], trigger_mode="always_last", **QUIET)
    act.click(replace, [ui.place, *wanted], [ui.place], **QUIET)
    return Section((version,), show)


def _replacement(find: str, put: str, where: str, whole: bool, case: bool) -> Replacement:
    return Replacement(find or "", put or "", _ROLES.get(where, _ROLES["both"]), bool(whole), bool(case))


def render_matches(ui: Ui, matches: Matches) -> str:
    """How often a text stands in the examples, and the first of them as they would become."""
    if not matches.places:
        return wrapped(Markup('<p class="af-muted">{}</p>').format(ui.text("examples.replace.none")))
    count = ui.text("examples.replace.count", n=matches.places, examples=matches.examples)
    cards = join(change_card(ui, "", change.before, change.after) for change in matches.changes)
    first = ui.text("examples.replace.first") if matches.examples > len(matches.changes) else EMPTY
    line = Markup('<p><b id="examples-places">{}</b> <span class="af-muted">{}</span></p>').format(count, first)
    return wrapped(line, cards)
