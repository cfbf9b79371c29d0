"""Step 1: the base models, whether they suit this computer, and their installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.model import BaseModelCard, BrokenCard, Fit, FitBadge, SourceKind
from studio.errors import AfinaError
from studio.processes.job_registry import Job
from studio.web.ui.components import (
    EMPTY,
    Page,
    Ui,
    badge,
    bar,
    button,
    danger_button,
    event_data,
    friendly,
    join,
    lead,
    next_link,
    problem_notice,
    say,
    wrapped,
)
from studio.web.ui.session import Place

_BATCH, _LENGTH = 8, 128  # what the badge is worked out for
_FIT_KINDS: Final = {FitBadge.RUNS_WELL: "good", FitBadge.SLOW: "warn", FitBadge.TOO_BIG: "bad"}
_ADDED: Final = (SourceKind.HUB, SourceKind.FOLDER)
_LANGUAGES_SHOWN: Final = 6
_CARD: Final = Markup(
    '<article class="af-card {chosen}" id="model-card-{id}"><div class="af-row">{badges}</div>'
    "<div><h2>{name}</h2>{good_at}</div>"
    '<dl class="af-facts">{facts}</dl>{sums}<div class="af-stack af-push">{state}</div></article>'
)
_FACT: Final = Markup("<dt>{}</dt><dd>{}</dd>")
_SUMS: Final = Markup(
    '<details id="sums-{id}"><summary>{title}</summary><p class="af-small af-muted">{about}</p>'
    '<table class="af-sums"><tbody>{rows}</tbody></table></details>'
)
_SUM: Final = Markup('<tr><td>{}<br><span class="af-muted">{}</span></td><td>{}</td></tr>')


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
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    board.action(act, inputs=[ui.place], outputs=[ui.place], **quiet)
    timer.tick(tick, inputs=[ui.place], outputs=[ui.place, *outputs], **quiet)
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
    broken = (_broken_card(ui, card) for card in ui.services.models.broken())
    cards = join([*(_card(ui, card, chosen) for card in _cards(ui)), *broken])
    return wrapped(Markup('<div class="af-grid af-fit">{}</div>').format(cards))


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


def _card(ui: Ui, card: BaseModelCard, chosen: str | None) -> Markup:
    text = ui.text
    fit = ui.services.models.fit(card.id, batch=_BATCH, length=_LENGTH)
    badges = [badge(text(f"model.fit.{fit.badge.value}"), _FIT_KINDS[fit.badge])]
    if text.locale in card.recommended_for:
        badges.append(badge(text("model.recommended"), "good"))
    if card.id == chosen:
        badges.append(badge(f"✓ {text('model.chosen')}", "good"))
    good_at = EMPTY
    if card.good_at:
        good_at = Markup('<p class="af-muted">{}</p>').format(text(card.good_at))
    return _CARD.format(
        id=card.id,
        chosen="chosen" if card.id == chosen else "",
        badges=join(badges),
        name=card.name,
        good_at=good_at,
        facts=_facts(ui, card),
        sums=_sums(ui, card, fit),
        state=_state(ui, card, chosen, fit),
    )


def _broken_card(ui: Ui, card: BrokenCard) -> Markup:
    """A model of which only its name, what is wrong and its removal are shown."""
    return _CARD.format(
        id=card.id,
        chosen="",
        badges=badge(ui.text("model.broken"), "bad"),
        name=card.name,
        good_at=problem_notice(ui.text, card.problem),
        facts=EMPTY,
        sums=EMPTY,
        state=_remove_button(ui, card),
    )


def _facts(ui: Ui, card: BaseModelCard) -> Markup:
    text = ui.text
    millions = text.number(card.parameters / 1e6)
    size = text("model.size_short", parameters=millions)
    if card.download_bytes:
        size = text("model.size_value", parameters=millions, download=text.size(card.download_bytes))
    licence: str = card.licence.name or text("model.languages_unknown")
    if card.licence.url:
        html = Markup('<a href="{}" target="_blank" rel="noreferrer">{}</a>')
        licence = html.format(card.licence.url, card.licence.name)
    facts = [
        (text("model.size"), size),
        (text("model.languages"), _languages(ui, card)),
        (text("model.licence"), licence),
    ]
    if used := ui.services.models.disk_bytes(card.id):
        facts.append((text("model.disk"), text.size(used)))
    return join(_FACT.format(*fact) for fact in facts)


def _languages(ui: Ui, card: BaseModelCard) -> str:
    if not card.languages:
        return ui.text("model.languages_unknown")
    names = [ui.text(key) if (key := f"model.language.{code}") in ui.text.entries else code for code in card.languages]
    shown = ", ".join(names[:_LANGUAGES_SHOWN])
    more = len(names) - _LANGUAGES_SHOWN
    return ui.text("model.languages_more", names=shown, n=more) if more > 0 else shown


def _sums(ui: Ui, card: BaseModelCard, fit: Fit) -> Markup:
    text = ui.text
    device = text("model.device.cpu" if fit.device == "cpu" else "model.device.gpu")
    rows = [_SUM.format(text(f"model.memory.{part.name}"), part.formula, text.size(part.bytes)) for part in fit.parts]
    rows.append(_SUM.format(text("model.sums_needed"), "", text.size(fit.needed_bytes)))
    rows.append(_SUM.format(text("model.sums_free", device=device), "", text.size(fit.free_bytes)))
    about = text("model.sums_for", batch=_BATCH, length=_LENGTH)
    return _SUMS.format(id=card.id, title=text("model.sums"), about=about, rows=join(rows))


def _state(ui: Ui, card: BaseModelCard, chosen: str | None, fit: Fit) -> Markup:
    """The foot of a card: the button to use it, or how far its download is."""
    if (job := _job(ui, card)) is not None:
        label = _progress_label(ui, job)
        line = Markup('<p class="af-small af-muted" role="status">{}</p>').format(label)
        parts = [bar(job.fraction, label, going=True), line]
        if not job.is_cancelling:
            name = f"model-cancel-{card.id}"
            parts.append(button(ui.text("model.cancel"), "cancel", kind="small", elem_id=name, id=card.id))
        return join(parts)
    ready, ended = ui.services.models.is_installed(card.id), ui.services.models.install_progress(card.id)
    problem = ended.problem if ended is not None else None
    parts = [problem_notice(ui.text, problem)] if problem else []
    if ready and card.id == chosen and ui.services.models.accepted(card.id):
        parts.append(badge(ui.text("model.ready")))
    else:
        parts.append(_use_button(ui, card, ready, chosen, failed=bool(problem), fit=fit))
    if card.source in _ADDED or ui.services.models.disk_bytes(card.id):
        parts.append(_remove_button(ui, card))
    return join(parts)


def _remove_button(ui: Ui, card: BaseModelCard | BrokenCard) -> Markup:
    """Takes a model from the disk; one that a person added from the list, too."""
    text, name = ui.text, f"model-remove-{card.id}"
    detail = text("model.remove_folder" if card.source is SourceKind.FOLDER else "model.remove_hub")
    label, ask = text("model.remove"), text("model.remove_ask", name=card.name)
    if card.source not in _ADDED:
        label, ask = text("model.free"), text("model.free_ask", name=card.name)
        detail = text("model.free_detail", size=text.size(ui.services.models.disk_bytes(card.id)))
    return danger_button(text, label, "remove", ask, detail, elem_id=name, id=card.id)


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


def _use_button(ui: Ui, card: BaseModelCard, ready: bool, chosen: str | None, *, failed: bool, fit: Fit) -> Markup:
    text = ui.text
    label = text("model.use" if ready else "model.try_again" if failed else "model.install")
    terms = {}
    if not ui.services.models.accepted(card.id):
        if ready and card.id == chosen:  # all that is left to do
            label = text("model.accept")
        terms = {
            "ask": text("model.accept_ask", name=card.name),
            "detail": text("model.accept_detail", licence=card.licence.name),
            "link": card.licence.url,
            "yes": text("model.accept_yes"),
            "no": text("common.cancel"),
        }
    first_choice = not chosen and text.locale in card.recommended_for and fit.badge is not FitBadge.TOO_BIG
    kind = "primary" if first_choice else ""
    return button(label, "use", kind=kind, elem_id=f"model-use-{card.id}", id=card.id, **terms)
