"""Step 1: the base models, whether they suit this computer, and their installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.model import BaseModelCard
from studio.errors import AfinaError
from studio.processes.job_registry import Job
from studio.web.ui.components import QUIET, Page, Ui, event_data, friendly, lead, next_link, say, wrapped
from studio.web.ui.session import Place

_BATCH, _LENGTH = 8, 128  # what the badge is worked out for
_LANGUAGES_SHOWN: Final = 6


def build_model(ui: Ui) -> Page:
    """Cards of base models, and a panel to add others."""
    text = ui.text
    with gr.Column(visible=False, elem_id="page-model") as column:
        ui.html(value=lead(text, "model"))
        board = ui.actions(elem_id="model-board")
        with gr.Accordion(text("model.add"), open=False, elem_id="model-add"):
            ui.html(value=wrapped(Markup('<p class="af-muted">{}</p>').format(text("model.add_why"))))
            with gr.Row():
                repo = gr.Textbox(label=text("model.hub_id"), info=text("model.hub_id_info"), elem_id="model-hub-id")
                token = gr.Textbox(
                    label=text("model.hub_token"),
                    info=text("model.hub_token_info"),
                    type="password",
                    elem_id="model-hub-token",
                )
            add_hub = gr.Button(text("model.hub_add"), elem_id="model-hub-add")
            folder = gr.Textbox(label=text("model.folder"), info=text("model.folder_info"), elem_id="model-folder")
            add_folder = gr.Button(text("model.folder_add"), elem_id="model-folder-add")
        foot = ui.html()
        timer = gr.Timer(1.0, active=False)

    def show(place: Place) -> dict[Any, Any]:
        going = any(_job(ui, card) is not None for card in _cards(ui))
        return {board: _render(ui, place), foot: _foot(ui, place), timer: gr.Timer(active=going)}

    @friendly(text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(query)
        _perform(ui, place, event_data(event))
        return {ui.place: place.again}

    @friendly(text)
    def tick(query: str) -> dict[Any, Any]:
        place = Place.parse(query)
        updates = show(place)
        return updates if updates[timer].active else {ui.place: place.again}

    @friendly(text)
    def from_hub(query: str, repo_id: str, secret: str) -> dict[Any, Any]:
        card = ui.services.models.add_hub(repo_id, secret or None)
        say(text, "model.added", name=card.name)
        return {**show(Place.parse(query)), repo: "", token: ""}

    @friendly(text)
    def from_folder(query: str, path: str) -> dict[Any, Any]:
        card = ui.services.models.add_folder(Path(path.strip()).expanduser())
        say(text, "model.added", name=card.name)
        return {**show(Place.parse(query)), folder: ""}

    outputs = [board, foot, timer]
    board.action(act, inputs=[ui.place], outputs=[ui.place], **QUIET)
    timer.tick(tick, inputs=[ui.place], outputs=[ui.place, *outputs], **QUIET)
    add_hub.click(from_hub, [ui.place, repo, token], [*outputs, repo, token], api_visibility="private")
    add_folder.click(from_folder, [ui.place, folder], [*outputs, folder], api_visibility="private")
    return Page(column, tuple(outputs), show)


def _cards(ui: Ui) -> list[BaseModelCard]:
    return ui.services.models.cards()


def _perform(ui: Ui, place: Place, data: dict[str, str]) -> None:
    models, model_id = ui.services.models, data.get("id", "")
    match data.get("action"):
        case "use":
            if not models.accepted(model_id):  # the dialog that led here showed the terms
                models.accept_licence(model_id)
            ui.services.projects.update(place.project, model_id=model_id)
            models.install(model_id)
        case "cancel":
            models.cancel_install(model_id)
        case "remove":
            name, freed = _name(ui, model_id), models.disk_bytes(model_id)
            models.remove(model_id)
            say(ui.text, "model.removed", name=name, size=ui.text.size(freed))


def _render(ui: Ui, place: Place) -> str:
    chosen = ui.services.projects.get(place.project).model_id
    models = [_shown(ui, card, is_chosen=card.id == chosen) for card in _cards(ui)]
    broken = ui.services.models.broken()
    return ui.render("model", models=models, broken=broken, any_chosen=bool(chosen), batch=_BATCH, length=_LENGTH)


def _foot(ui: Ui, place: Place) -> str:
    model_id = ui.services.projects.get(place.project).model_id
    hint = ui.text("model.next_open")
    if model_id:
        hint = ui.text("model.next_hint", name=_name(ui, model_id))
    return next_link(ui.text, place.at("examples"), "model.next", primary=bool(model_id), hint=hint)


def _name(ui: Ui, model_id: str) -> str:
    try:
        return ui.services.models.get(model_id).name
    except AfinaError:
        return model_id


def _shown(ui: Ui, card: BaseModelCard, *, is_chosen: bool) -> dict[str, Any]:
    """What the card of a model shows."""
    models = ui.services.models
    job = models.install_progress(card.id)
    return {
        "card": card,
        "fit": models.fit(card.id, batch=_BATCH, length=_LENGTH),
        "job": job,
        "going": _progress_label(ui, job) if job is not None else "",
        "languages": _languages(ui, card),
        "used": models.disk_bytes(card.id),
        "is_chosen": is_chosen,
        "is_ready": models.is_installed(card.id),
        "is_accepted": models.accepted(card.id),
    }


def _languages(ui: Ui, card: BaseModelCard) -> str:
    if not card.languages:
        return ui.text("model.languages_unknown")
    names = [ui.text(key) if (key := f"model.language.{code}") in ui.text.entries else code for code in card.languages]
    shown = ", ".join(names[:_LANGUAGES_SHOWN])
    more = len(names) - _LANGUAGES_SHOWN
    return ui.text("model.languages_more", names=shown, n=more) if more > 0 else shown


def _job(ui: Ui, card: BaseModelCard) -> Job | None:
    """The installation of a model that is under way."""
    job = ui.services.models.install_progress(card.id)
    return job if job is not None and job.is_active else None


def _progress_label(ui: Ui, job: Job) -> str:
    if job.is_cancelling:
        return ui.text("model.cancelling")
    if job.stage == "converting":
        return ui.text("model.converting")
    if not job.done:
        return ui.text("model.starting_download")
    return ui.text("model.installing", done=ui.text.size(job.done), total=ui.text.size(job.total))
