"""Step 5: demo links for visitors, and downloads for developers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.project import Link
from studio.domain.run import RunView
from studio.services.exports import ExportProgress, ExportState
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
    notice,
    problem_notice,
    say,
    when,
    wrapped,
)
from studio.web.ui.pages.tuned import chosen_run, held_out_questions, nothing_tuned, run_choices, tuned_runs
from studio.web.ui.session import Place

_QUESTIONS: Final = 3
_ICON: Final = (
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><circle cx="12" cy="24" r="5"/><circle cx="35" cy="12" r="5" stroke="var(--af-accent)"/>'
    '<circle cx="35" cy="36" r="5"/><path d="m17 22 13-7M17 26l13 7"/></svg>'
)
_LINK: Final = Markup(
    '<article class="af-card af-link" id="link-{token}"><div class="af-row af-between"><h3>{title}</h3>{state}</div>'
    '<code class="af-address" data-address="{path}">{path}</code>'
    '<p class="af-small af-muted">{counts} · {time}</p><div class="af-row">{acts}</div></article>'
)
_OPEN: Final = Markup('<a class="af-button small" href="{}" target="_blank" rel="noopener">{}</a>')
_COPY: Final = Markup('<button type="button" class="af-button small" data-copy-path="{}" data-copied="{}">{}</button>')
_EXPORT: Final = Markup(
    '<article class="af-card" id="export-{kind}"><div><h3>{name}</h3><p class="af-muted af-small">{about}</p></div>'
    '<div class="af-stack af-push">{state}</div></article>'
)
_DOWNLOAD: Final = Markup('<a class="af-button" id="download-{}" href="./gradio_api/file={}" download>{}</a>')


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    body: Any
    run: Any
    title: Any
    questions: tuple[Any, ...]
    create: Any
    links: Any
    downloads: Any
    timer: Any

    @property
    def shown(self) -> list[Any]:
        form = [self.needs, self.body, self.run, self.title, *self.questions]
        return [*form, self.links, self.downloads, self.timer]


def build_share(ui: Ui) -> Page:
    """The form of a new link, the links there are, and the downloads."""
    with gr.Column(visible=False, elem_id="page-share") as column:
        ui.html(value=lead(ui.text, "share"))
        parts = _layout(ui)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    _connect(ui, parts)
    return Page(column, tuple(parts.shown), show)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    needs = ui.html(elem_id="share-needs")
    with gr.Column(visible=False) as body:
        ui.html(value=wrapped(Markup("<h2>{}</h2>").format(text("share.new"))))
        run = gr.Dropdown(label=text("share.run"), elem_id="share-run", allow_custom_value=True)
        title = gr.Textbox(label=text("share.name"), max_length=120, elem_id="share-title")
        with gr.Row():
            questions = tuple(
                gr.Textbox(
                    label=text("share.question", n=number),
                    lines=2,
                    max_length=300,
                    min_width=220,
                    elem_id=f"share-question-{number}",
                )
                for number in range(1, _QUESTIONS + 1)
            )
        create = gr.Button(text("share.create"), variant="primary", size="lg", elem_id="share-create")
        links = ui.actions(elem_id="share-links")
        downloads = ui.actions(elem_id="share-downloads")
    timer = gr.Timer(1.5, active=False)
    return _Parts(needs, body, run, title, questions, create, links, downloads, timer)


def _connect(ui: Ui, parts: _Parts) -> None:
    services = ui.services

    @friendly(ui.text)
    def create(query: str, run_id: str, title: str, *questions: str) -> dict[Any, Any]:
        asked = [question.strip() for question in questions if question.strip()]
        services.links.create(run_id, title, asked, ui.text.locale)
        say(ui.text, "share.created")
        return {parts.links: _links(ui, tuned_runs(ui, Place.parse(query).project))}

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        data = event_data(event)
        if data.get("action") == "revoke":
            services.links.revoke(data["token"])
        elif data.get("action") == "reopen":
            services.links.reopen(data["token"])
        return {parts.links: _links(ui, tuned_runs(ui, Place.parse(query).project))}

    @friendly(ui.text)
    def prepare(run_id: str, event: gr.EventData) -> dict[Any, Any]:
        services.exports.start(run_id, event_data(event)["format"])
        return _exports(ui, parts, run_id)

    @friendly(ui.text)
    def tick(run_id: str) -> dict[Any, Any]:
        return _exports(ui, parts, run_id)

    @friendly(ui.text)
    def change_run(query: str, run_id: str) -> str:
        return Place.parse(query).at("share", run_id).move

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    form = [ui.place, parts.run, parts.title, *parts.questions]
    parts.create.click(create, form, [parts.links], api_visibility="private")
    parts.links.action(act, [ui.place], [parts.links], **quiet)
    parts.downloads.action(prepare, [parts.run], [parts.downloads, parts.timer], **quiet)
    parts.timer.tick(tick, [parts.run], [parts.downloads, parts.timer], **quiet)
    parts.run.input(change_run, [ui.place, parts.run], [ui.place], **quiet)


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    views = tuned_runs(ui, place.project)
    run = chosen_run(place, views)
    if run is None:
        needs = nothing_tuned(ui, place, "share", _ICON)
        return {parts.needs: needs, parts.body: gr.Column(visible=False), parts.timer: gr.Timer(active=False)}
    suggested = [*held_out_questions(ui, run.id, _QUESTIONS), *[""] * _QUESTIONS][:_QUESTIONS]
    return {
        parts.needs: "",
        parts.body: gr.Column(visible=True),
        parts.run: run_choices(views, run),
        parts.title: ui.services.projects.get(place.project).name,
        **dict(zip(parts.questions, suggested, strict=True)),
        parts.links: _links(ui, views),
        **_exports(ui, parts, run.id),
    }


def _links(ui: Ui, views: list[RunView]) -> str:
    text = ui.text
    title = Markup('<h2 class="af-space">{}</h2>').format(text("share.links"))
    links = [link for view in views for link in ui.services.links.list(view.id)]
    links.sort(key=lambda link: -link.created_at)
    reach = notice(text("share.reach"))
    if not links:
        empty = Markup('<p class="af-muted">{}</p>').format(text("share.links_none"))
        return wrapped(title, empty, reach)
    cards = Markup('<div class="af-grid">{}</div>').format(join(_link(ui, link) for link in links))
    return wrapped(title, cards, reach)


def _link(ui: Ui, link: Link) -> Markup:
    text, public = ui.text, ui.services.links.public_address
    path = f"{public}/d/{link.token}" if public else f"../d/{link.token}"
    counts = f"{text('share.visits', n=link.visits)} · {text('share.answers', n=link.answers)}"
    if link.is_open:
        ask, detail = text("share.revoke_ask", title=link.title), text("share.revoke_detail")
        off = danger_button(text, text("share.revoke"), "revoke", ask, detail, stay="ui.cancel", token=link.token)
        copy = _COPY.format(path, text("ui.copied"), text("ui.copy"))
        acts = [copy, _OPEN.format(path, text("share.open")), off]
    else:
        acts = [button(text("share.reopen"), "reopen", kind="small", token=link.token)]
    return _LINK.format(
        token=link.token,
        title=link.title,
        state=badge(text("share.on"), "good") if link.is_open else badge(text("share.off")),
        path=path,
        counts=counts,
        time=when(text, link.created_at),
        acts=join(acts),
    )


def _exports(ui: Ui, parts: _Parts, run_id: str) -> dict[Any, Any]:
    text, kinds = ui.text, ui.services.exports.kinds()
    states = {kind: ui.services.exports.progress(run_id, kind) for kind in kinds}
    going = any(state.state is ExportState.RUNNING for state in states.values())
    head = Markup('<h2 class="af-space">{}</h2><p class="af-muted">{}</p>')
    cards = join(_export(ui, run_id, kind, state) for kind, state in states.items())
    html = wrapped(
        head.format(text("share.downloads"), text("share.downloads_why")),
        Markup('<div class="af-grid af-fit">{}</div>').format(cards),
    )
    return {parts.downloads: html, parts.timer: gr.Timer(active=going)}


def _export(ui: Ui, run_id: str, kind: str, progress: ExportProgress) -> Markup:
    text = ui.text
    shown = [problem_notice(text, progress.problem)] if progress.problem else []
    path = ui.services.exports.path(run_id, kind) if progress.state is ExportState.READY else None
    if path is not None:
        label = text("share.download", size=text.size(progress.size))
        shown.append(_DOWNLOAD.format(kind, path.resolve(), label))
    elif progress.state is ExportState.RUNNING:
        label = text(f"export.phase.{progress.phase}") if progress.phase else text("share.preparing")
        line = Markup('<p class="af-small af-muted" role="status">{}</p>').format(label)
        shown.append(join([bar(progress.fraction, label, going=True), line]))
    else:
        shown.append(button(text("share.prepare"), "export", elem_id=f"share-export-{kind}", format=kind))
    about = text(f"export.{kind}.about")
    return _EXPORT.format(kind=kind, name=text(f"export.{kind}.name"), about=about, state=join(shown) or EMPTY)
