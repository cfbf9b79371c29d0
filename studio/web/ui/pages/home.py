"""Home: the projects and their runs."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from studio.domain.project import Project, ProjectCard, RunCard
from studio.i18n.catalog import Catalog
from studio.services.projects import days_left
from studio.web.ui import theme
from studio.web.ui.components import (
    EMPTY,
    Page,
    Ui,
    button,
    danger_button,
    empty_state,
    event_data,
    friendly,
    join,
    link,
    state_badge,
    undo_toast,
    when,
    wrapped,
)
from studio.web.ui.session import Place

_RUNS_SHOWN = 4
_HERO = Markup('<div class="af-lead"><h1>{title}</h1><p>{why}</p></div><div class="af-row">{buttons}</div>')
_CARD = Markup(
    '<article class="af-card" id="project-{id}"><div class="af-row af-between"><h2><a data-nav href="{href}">{name}</a></h2>'
    '</div><dl class="af-facts"><dt>{model_label}</dt><dd>{model}</dd><dt>{examples_label}</dt><dd>{examples}</dd></dl>'
    '{runs}<div class="af-row af-between af-push">{open}<span class="af-row">{rename}{delete}</span></div></article>'
)
_RUN = Markup('<li><a data-nav href="{href}">{name}</a>{state}{time}</li>')
_TRASH = Markup(
    '<details class="af-trash" id="home-trash"><summary>{title}</summary><p class="af-small af-muted">{why}</p>'
    '<ul class="af-runs">{rows}</ul></details>'
)
_TRASHED = Markup(
    '<li id="trash-{id}"><strong>{name}</strong><span class="af-small af-muted">{left}</span>'
    '<span class="af-row acts">{acts}</span></li>'
)


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

    board.action(act, outputs=[board, ui.place], show_progress="hidden", api_visibility="private")
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
    text = ui.text
    cards = ui.services.projects.list()
    new = button(
        text("home.new"),
        "create",
        kind="primary",
        elem_id="home-new",
        ask=text("home.new_ask"),
        input=text("home.new_name"),
        yes=text("home.new_yes"),
        no=text("common.cancel"),
    )
    sample = button(text("home.sample"), "sample", elem_id="home-sample")
    hero = _HERO.format(title=text("home.title"), why=text("home.why"), buttons=join([new, sample]))
    deleted = _trash(ui)
    if not cards:
        return wrapped(hero, empty_state(Markup(theme.logo()), text("home.empty_title"), text("home.empty")), deleted)
    heading = Markup('<h2 style="padding-top:20px">{}</h2>').format(text("home.projects"))
    grid = Markup('<div class="af-grid">{}</div>').format(join(_card(ui, card) for card in cards))
    return wrapped(hero, heading, grid, deleted)


def _trash(ui: Ui) -> Markup:
    """What was deleted and can be restored, with the way back at once for a moment; nothing where nothing was."""
    text, projects = ui.text, ui.services.projects.trash()
    if not projects:
        return EMPTY
    rows = join(_trashed(text, project) for project in projects)
    newest = projects[0]
    toast = undo_toast(text, text("home.deleted", name=newest.name), newest.deleted_at or 0.0, id=newest.id)
    return _TRASH.format(title=text("home.trash", n=len(projects)), why=text("home.trash_why"), rows=rows) + toast


def _trashed(text: Catalog, project: Project) -> Markup:
    ask, detail = text("home.erase_ask", name=project.name), text("home.erase_detail")
    acts = [
        button(text("home.restore"), "restore", kind="small", id=project.id),
        danger_button(text, text("home.erase"), "erase", ask, detail, id=project.id),
    ]
    left = text("home.days_left", n=max(1, days_left(project)))
    return _TRASHED.format(id=project.id, name=project.name, left=left, acts=join(acts))


def _card(ui: Ui, card: ProjectCard) -> Markup:
    text, project = ui.text, card.project
    runs = EMPTY
    if card.runs:
        rows = join(_run(ui, project.id, run) for run in card.runs[:_RUNS_SHOWN])
        runs = Markup('<ul class="af-runs" aria-label="{}">{}</ul>').format(text("home.runs"), rows)
    rename = button(
        text("home.rename"),
        "rename",
        kind="quiet small",
        id=project.id,
        ask=text("home.rename_ask"),
        input=project.name,
        yes=text("common.save"),
        no=text("common.cancel"),
    )
    ask, detail = text("home.delete_ask", name=project.name), text("home.delete_detail")
    delete = danger_button(text, text("home.delete"), "delete", ask, detail, id=project.id)
    place = _resume(card)
    return _CARD.format(
        id=project.id,
        href=place.href,
        name=project.name,
        model_label=text("home.model"),
        model=card.model_name or text("home.no_model"),
        examples_label=text("home.examples"),
        examples=text.number(card.examples) if card.examples else text("home.no_examples"),
        runs=runs,
        open=link(text("home.open"), place, kind="small"),
        rename=rename,
        delete=delete,
    )


def _resume(card: ProjectCard) -> Place:
    """The step where the person left off: the first that is not done."""
    project = card.project
    if card.runs:
        return Place(project.id, "train")
    if not project.model_id:
        return Place(project.id, "model")
    return Place(project.id, "train" if card.examples else "examples")


def _run(ui: Ui, project_id: str, run: RunCard) -> Markup:
    place = Place(project_id, "train", run.id)
    state = state_badge(ui.text, run.state, run.fraction)
    return _RUN.format(href=place.href, name=run.name, state=state, time=when(ui.text, run.created_at))
