"""Home: the projects and their runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr
from markupsafe import Markup

from studio.domain.project import ProjectCard
from studio.services.projects import days_left
from studio.web.ui import theme
from studio.web.ui.components import EMPTY, QUIET, Page, Ui, event_data, friendly, render, undo_toast
from studio.web.ui.events import in_turn
from studio.web.ui.session import Place


def build_home(ui: Ui) -> Page:
    """Project cards, and the two ways to begin: a new project, or the sample."""
    with gr.Column(visible=False, elem_id="page-home") as column:
        board = ui.actions(elem_id="home-board")

    def show(_place: Place) -> dict[Any, Any]:
        return {board: _render(ui)}

    @friendly(ui.text)
    def act(event: gr.EventData) -> dict[Any, Any]:
        place = _perform(ui, event_data(event))
        return {ui.place: place.move} if place else {board: _render(ui)}

    board.action(act, outputs=[board, ui.place], **in_turn("home"), **QUIET)
    return Page(column, (board,), show)


def _perform(ui: Ui, data: dict[str, str]) -> Place | None:
    """Does what a button of the board says. Returns where to go, or None to stay."""
    projects = ui.services.projects
    match data.get("action"):
        case "create":
            return Place(projects.create(data["text"]).id, "model")
        case "sample":
            project = projects.create(ui.text("home.sample_name"))
            model_id = ui.services.models.recommended(ui.text.locale)
            if ui.services.models.is_installed(model_id):
                projects.update(project.id, model_id=model_id)
            ui.services.datasets.use_sample(project.id, ui.text.locale)
            return Place(project.id, "model")
        case "rename":
            projects.update(data["id"], name=data["text"])
        case "delete":
            projects.delete(data["id"])
        case "undo" | "restore":
            projects.restore(data["id"])
        case "erase":
            projects.erase(data["id"])
    return None


def _render(ui: Ui) -> str:
    """The projects; what was deleted and can be restored, with the way back at once for a moment."""
    text, trash = ui.text, ui.services.projects.trash()
    toast: Markup = EMPTY
    if trash:
        said = text("home.deleted", name=trash[0].name)
        toast = undo_toast(text, said, trash[0].deleted_at or 0.0, id=trash[0].id)
    return ui.render(
        "home",
        cards=ui.services.projects.list(),
        project_card=partial(_card, ui),
        logo=Markup(theme.logo()),
        trash=trash,
        toast=toast,
        days_left=days_left,
    )


def _card(ui: Ui, card: ProjectCard) -> Markup:
    return render(ui.text, "home_card", card=card, project=card.project, place=_resume(card))


def _resume(card: ProjectCard) -> Place:
    """The step where the person left off: the first that is not done."""
    project = card.project
    if card.runs:
        return Place(project.id, "train")
    if not project.model_id:
        return Place(project.id, "model")
    return Place(project.id, "train" if card.examples else "examples")
