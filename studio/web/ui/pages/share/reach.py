"""The section of the Share screen that says, and changes, who can open the links."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.services.publication import PublicationState, Reach
from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit


def build_reach(share: ShareUi) -> Section:
    """A switch with three positions."""
    services = share.ui.services
    reach = share.ui.actions(elem_id="share-reach", keeps_focus=True)

    @friendly(share.ui.text)
    def move(_query: str, _run_id: str, event: gr.EventData) -> dict[Any, Any]:
        asked = event_data(event)
        services.publication.choose(Reach(asked["reach"]), asked.get("host", ""))
        return {reach: render_reach(share.ui)}

    def show(_visit: ShareVisit) -> dict[Any, Any]:
        return {reach: render_reach(share.ui)}

    def is_going(_visit: ShareVisit) -> bool:
        return services.publication.current().state is PublicationState.STARTING

    moved = reach.action(move, share.where, [reach], **QUIET)
    return Section((reach,), show, refresh=show, is_going=is_going, changes=(moved,))


def render_reach(ui: Ui) -> str:
    """The switch with its three positions, and the state of the chosen one."""
    return ui.render("share/reach", now=ui.services.publication.current())
