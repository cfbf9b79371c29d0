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


def best_run(ui: Ui, views: list[RunView]) -> RunView | None:
    """The run that the Train step marks as the best of these; None where that cannot be said."""
    best = ui.services.comparison.best([view.id for view in views])
    return next((view for view in views if view.id == best), None)


def chosen_run(place: Place, views: list[RunView], best: RunView | None) -> RunView | None:
    """The run in the address if it is among ``views``, else the best, else the newest."""
    return next((view for view in views if view.id == place.run), best or (views[0] if views else None))


def chosen_run_id(ui: Ui, place: Place) -> str:
    """Id of the tuned version that a place is about; empty where there is none."""
    views = tuned_runs(ui, place.project)
    run = chosen_run(place, views, best_run(ui, views))
    return run.id if run is not None else ""


def run_label(ui: Ui, view: RunView, best: RunView | None) -> str:
    """What a tuned version is called where one is chosen; the best says so."""
    mark = ui.text("common.best_run") if best is not None and view.id == best.id else ""
    return " · ".join(filter(None, [view.name, view.model_name, mark]))


def run_choices(ui: Ui, views: list[RunView], chosen: RunView, best: RunView | None) -> Any:
    """The update of a dropdown with the tuned versions; hidden where there is nothing to choose."""
    choices = [(run_label(ui, view, best), view.id) for view in views]
    return gr.Dropdown(choices=choices, value=chosen.id, visible=len(views) > 1)


def nothing_tuned(ui: Ui, place: Place, page: str, icon: str) -> str:
    """The empty state of a page that needs a tuned version."""
    text = ui.text
    way = link(text(f"{page}.empty_button"), place.at("train", ""), kind="primary")
    return wrapped(empty_state(Markup(icon), text(f"{page}.empty_title"), text(f"{page}.empty"), way))
