"""Step 6: demo links for visitors, and downloads for developers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import gradio as gr

from studio.web.ui.components import QUIET, Page, Ui, friendly, lead
from studio.web.ui.pages.share.answers import build_answers
from studio.web.ui.pages.share.api import build_api
from studio.web.ui.pages.share.downloads import build_downloads
from studio.web.ui.pages.share.handover import build_handover
from studio.web.ui.pages.share.links import build_links
from studio.web.ui.pages.share.new_link import build_new_link
from studio.web.ui.pages.share.publish import build_publish
from studio.web.ui.pages.share.reach import build_reach
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit
from studio.web.ui.pages.share.widget import build_widget
from studio.web.ui.pages.tuned import best_run, chosen_run, nothing_tuned, run_choices, tuned_runs
from studio.web.ui.session import Place

_ICON: Final = (
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><circle cx="12" cy="24" r="5"/><circle cx="35" cy="12" r="5" stroke="var(--af-accent)"/>'
    '<circle cx="35" cy="36" r="5"/><path d="m17 22 13-7M17 26l13 7"/></svg>'
)
# In the order in which they stand on the screen.
_SECTIONS: Final[tuple[Callable[[ShareUi], Section], ...]] = (
    build_new_link,
    build_answers,
    build_handover,
    build_reach,
    build_links,
    build_widget,
    build_publish,
    build_downloads,
    build_api,
)


def build_share(ui: Ui) -> Page:
    """The dropdown of the shared version, and the sections below it."""
    with gr.Column(visible=False, elem_id="page-share") as column:
        ui.html(value=lead(ui.text, "share"))
        needs = ui.html(elem_id="share-needs")
        with gr.Column(visible=False) as body:
            run = gr.Dropdown(label=ui.text("share.run"), elem_id="share-run", allow_custom_value=True)
            share = ShareUi(ui, run)
            sections = [build(share) for build in _SECTIONS]
    timer = gr.Timer(1.5, active=False)

    def show(place: Place) -> dict[Any, Any]:
        views = tuned_runs(ui, place.project)
        best = best_run(ui, views)
        chosen = chosen_run(place, views, best)
        if chosen is None:
            empty = nothing_tuned(ui, place, "share", _ICON)
            return {needs: empty, body: gr.Column(visible=False), timer: gr.Timer(active=False)}
        updates = {needs: "", body: gr.Column(visible=True), run: run_choices(ui, views, chosen, best)}
        visit = ShareVisit(place, views, chosen.id)
        for section in sections:
            updates |= section.show(visit)
        return {**updates, timer: again(visit)}

    def fill(place: Place) -> dict[Any, Any]:
        views = tuned_runs(ui, place.project)
        chosen = chosen_run(place, views, best_run(ui, views))
        updates: dict[Any, Any] = {}
        if chosen is None:
            return {}
        for section in sections:
            updates |= section.fill(ShareVisit(place, views, chosen.id))
        return updates

    @friendly(ui.text)
    def refresh(query: str, run_id: str) -> dict[Any, Any]:
        visit = share.visit(query, run_id)
        updates = {timer: again(visit)}
        for section in sections:
            updates |= section.refresh(visit)
        return updates

    def again(visit: ShareVisit) -> Any:
        return gr.Timer(active=any(section.is_going(visit) for section in sections))

    @friendly(ui.text)
    def change_run(query: str, run_id: str) -> str:
        return Place.parse(query).at("share", run_id).move

    outputs = [component for section in sections for component in section.outputs]
    for listen in (timer.tick, *(event.then for section in sections for event in section.changes)):
        listen(refresh, share.where, [*outputs, timer], **QUIET)
    run.input(change_run, share.where, [ui.place], **QUIET)
    return Page(column, (needs, body, run, timer, *outputs), show, fill)
