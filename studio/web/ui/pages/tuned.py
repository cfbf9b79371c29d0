"""What Compare and Share have in common: the tuned versions of a project."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from studio.domain.run import RunView
from studio.web.ui.components import Ui, empty_state, link, wrapped
from studio.web.ui.session import Place


def tuned_runs(ui: Ui, project_id: str) -> list[RunView]:
    """Runs that have kept something to ask, the newest first; one that still trains offers its best so far."""
    workspace = ui.services.workspace
    return [view for view in ui.services.runs.list(project_id) if workspace.run(view.id).best.exists()]


def chosen_run(place: Place, views: list[RunView]) -> RunView | None:
    """The run in the address if it is among ``views``, else the newest."""
    return next((view for view in views if view.id == place.run), views[0] if views else None)


def run_choices(views: list[RunView], chosen: RunView) -> Any:
    """The update of a dropdown with the tuned versions; hidden where there is nothing to choose."""
    choices = [(f"{view.name} · {view.model_name}", view.id) for view in views]
    return gr.Dropdown(choices=choices, value=chosen.id, visible=len(views) > 1)


def nothing_tuned(ui: Ui, place: Place, page: str, icon: str) -> str:
    """The empty state of a page that needs a tuned version."""
    text = ui.text
    way = link(text(f"{page}.empty_button"), place.at("train", ""), kind="primary")
    return wrapped(empty_state(Markup(icon), text(f"{page}.empty_title"), text(f"{page}.empty"), way))
