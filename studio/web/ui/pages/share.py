"""Step 5: demo links for visitors, and downloads for developers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from studio.domain.project import ChosenBy
from studio.processes.job_registry import Job
from studio.services.links import MAX_QUESTION, MAX_QUESTIONS
from studio.services.publication import PublicationState, Reach
from studio.web.ui.components import (
    EMPTY,
    Page,
    Ui,
    bar,
    button,
    event_data,
    friendly,
    join,
    lead,
    problem_notice,
    say,
    wrapped,
)
from studio.web.ui.pages.share_api import ApiSection, build_api
from studio.web.ui.pages.share_view import render_links, render_reach
from studio.web.ui.pages.tuned import best_run, chosen_run, nothing_tuned, run_choices, tuned_runs
from studio.web.ui.session import Place

_ICON: Final = (
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><circle cx="12" cy="24" r="5"/><circle cx="35" cy="12" r="5" stroke="var(--af-accent)"/>'
    '<circle cx="35" cy="36" r="5"/><path d="m17 22 13-7M17 26l13 7"/></svg>'
)
_PER_HOUR: Final = (20, 100, 500)  # questions that a link may be limited to
_EXPORT: Final = Markup(
    '<article class="af-card" id="export-{kind}"><div><h3>{name}</h3><p class="af-muted af-small">{about}</p></div>'
    '<div class="af-stack af-push">{state}</div></article>'
)
_MORE: Final = Markup('<details class="af-small"{}><summary>{}</summary><div class="af-stack">{}</div></details>')
_PRECISION: Final = Markup("<div><p>{}</p>{}</div>")
_DOWNLOAD: Final = Markup('<a class="af-button" id="download-{}" href="./gradio_api/file={}" download>{}</a>')


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    body: Any
    run: Any
    title: Any
    questions: tuple[Any, ...]
    before: Any
    days: Any
    per_hour: Any
    create: Any
    reach: Any
    links: Any
    downloads: Any
    api: ApiSection
    timer: Any

    @property
    def shown(self) -> list[Any]:
        form = [self.needs, self.body, self.run, self.title, *self.questions]
        return [*form, *self.going, self.downloads, *self.api.outputs]

    @property
    def going(self) -> list[Any]:
        """What changes by itself while a place is being opened or questions are being asked."""
        return [self.reach, self.links, self.timer]


def build_share(ui: Ui) -> Page:
    """The form of a new link, how far links reach, the links there are, and the downloads."""
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
        before = gr.Checkbox(
            value=True, label=text("share.before"), info=text("share.before_info"), elem_id="share-before"
        )
        with gr.Row():
            days = gr.Dropdown(
                [(text("share.days.never"), 0), (text("share.days.day"), 1), (text("share.days.week"), 7)],
                value=0,
                label=text("share.days"),
                elem_id="share-days",
            )
            hourly = [(text("share.per_hour.none"), 0), *((text.number(count), count) for count in _PER_HOUR)]
            per_hour = gr.Dropdown(hourly, value=0, label=text("share.per_hour"), elem_id="share-per-hour")
        with gr.Accordion(text("share.questions"), open=False, elem_id="share-questions"), gr.Row():
            questions = tuple(
                gr.Textbox(
                    label=text("share.question", n=number),
                    lines=2,
                    max_length=MAX_QUESTION,
                    placeholder=text("share.question_left"),
                    min_width=220,
                    elem_id=f"share-question-{number}",
                )
                for number in range(1, MAX_QUESTIONS + 1)
            )
        create = gr.Button(text("share.create"), variant="primary", size="lg", elem_id="share-create")
        reach = ui.actions(elem_id="share-reach", keeps_focus=True)
        links = ui.actions(elem_id="share-links")
        downloads = ui.actions(elem_id="share-downloads")
        api = build_api(ui)
    timer = gr.Timer(1.5, active=False)
    return _Parts(
        needs, body, run, title, questions, before, days, per_hour, create, reach, links, downloads, api, timer
    )


def _connect(ui: Ui, parts: _Parts) -> None:
    services = ui.services

    @friendly(ui.text)
    def create(
        query: str, run_id: str, title: str, before: bool, days: int, per_hour: int, *questions: str
    ) -> dict[Any, Any]:
        asked = [question.strip() for question in questions if question.strip()]
        chosen = ChosenBy.OWNER if asked else ChosenBy.PLACE
        link = services.links.create(
            run_id,
            title,
            asked or services.suggestions.held_out(run_id, MAX_QUESTIONS),
            ui.text.locale,
            shows_before=before,
            days=days or None,
            per_hour=per_hour or None,
            chosen_by=chosen,
        )
        if not asked:
            services.suggestions.choose(link)
        say(ui.text, "share.created")
        return _going(ui, parts, query, run_id)

    @friendly(ui.text)
    def act(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        data = event_data(event)
        acts: dict[str, Callable[[str], object]] = {
            "revoke": services.links.revoke,
            "reopen": services.links.reopen,
            "delete": services.links.delete,
            "hide": lambda token: services.links.show_before(token, False),
            "show": lambda token: services.links.show_before(token, True),
        }
        acts[data["action"]](data["token"])
        return _going(ui, parts, query, run_id)

    @friendly(ui.text)
    def move(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        asked = event_data(event)
        services.publication.choose(Reach(asked["reach"]), asked.get("host", ""))
        return _going(ui, parts, query, run_id)

    @friendly(ui.text)
    def prepare(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        services.exports.start(run_id, event_data(event)["format"])
        return {parts.downloads: _exports(ui, run_id), parts.timer: gr.Timer(active=True)}

    @friendly(ui.text)
    def tick(query: str, run_id: str) -> dict[Any, Any]:
        return {parts.downloads: _exports(ui, run_id), **_going(ui, parts, query, run_id)}

    @friendly(ui.text)
    def change_run(query: str, run_id: str) -> str:
        return Place.parse(query).at("share", run_id).move

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    where = [ui.place, parts.run]
    form = [*where, parts.title, parts.before, parts.days, parts.per_hour, *parts.questions]
    parts.create.click(create, form, parts.going, api_visibility="private")
    parts.links.action(act, where, parts.going, **quiet)
    parts.reach.action(move, where, parts.going, **quiet)
    parts.downloads.action(prepare, where, [parts.downloads, parts.timer], **quiet)
    parts.timer.tick(tick, where, [parts.downloads, *parts.going], **quiet)
    parts.run.input(change_run, where, [ui.place], **quiet)


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    views = tuned_runs(ui, place.project)
    best = best_run(ui, views)
    run = chosen_run(place, views, best)
    if run is None:
        needs = nothing_tuned(ui, place, "share", _ICON)
        return {parts.needs: needs, parts.body: gr.Column(visible=False), parts.timer: gr.Timer(active=False)}
    return {
        parts.needs: "",
        parts.body: gr.Column(visible=True),
        parts.run: run_choices(ui, views, run, best),
        parts.title: ui.services.projects.get(place.project).name,
        **dict.fromkeys(parts.questions, ""),
        parts.downloads: _exports(ui, run.id),
        **parts.api.render(run.id),
        **_going(ui, parts, place.query, run.id),
    }


def _going(ui: Ui, parts: _Parts, query: str, run_id: str) -> dict[Any, Any]:
    """Links and how far they reach, and whether the page has to look again by itself."""
    services, views = ui.services, tuned_runs(ui, Place.parse(query).project)
    is_going = (
        services.publication.current().state is PublicationState.STARTING
        or any(services.suggestions.is_choosing(link.token) for view in views for link in services.links.list(view.id))
        or any(
            (job := services.exports.progress(run_id, kind)) is not None and job.is_active
            for kind in services.exports.kinds()
        )
    )
    return {
        parts.reach: render_reach(ui),
        parts.links: render_links(ui, views),
        parts.timer: gr.Timer(active=is_going),
    }


def _exports(ui: Ui, run_id: str) -> str:
    text, kinds = ui.text, ui.services.exports.kinds()
    states = {kind: ui.services.exports.progress(run_id, kind) for kind in kinds}
    head = Markup('<h2 class="af-space">{}</h2><p class="af-muted">{}</p>')
    cards = join(_export(ui, run_id, kind, states) for kind in kinds if "_" not in kind)
    return wrapped(
        head.format(text("share.downloads"), text("share.downloads_why")),
        Markup('<div class="af-grid af-fit">{}</div>').format(cards),
    )


def _export(ui: Ui, run_id: str, kind: str, states: Mapping[str, Job | None]) -> Markup:
    """The card of a format; formats that differ from it in their precision only are folded away in it."""
    text = ui.text
    state = _export_state(ui, run_id, kind, states[kind])
    others = {other: found for other, found in states.items() if other.startswith(f"{kind}_")}
    if others:
        rows = join(
            _PRECISION.format(text(f"share.export.{other}.name"), _export_state(ui, run_id, other, found))
            for other, found in others.items()
        )
        is_open = any(found is not None for found in others.values())
        state = join([state, _MORE.format(Markup(" open") if is_open else "", text("share.export.more"), rows)])
    about = text(f"share.export.{kind}.about")
    return _EXPORT.format(kind=kind, name=text(f"share.export.{kind}.name"), about=about, state=state)


def _export_state(ui: Ui, run_id: str, kind: str, job: Job | None) -> Markup:
    """The button that prepares a download, how far it is, or the download."""
    text = ui.text
    path = ui.services.exports.path(run_id, kind)
    shown = [problem_notice(text, job.problem)] if job and job.problem and path is None else []
    if path is not None:
        label = text("share.download", size=text.size(path.stat().st_size))
        shown.append(_DOWNLOAD.format(kind, quote(path.resolve().as_posix(), safe="/:"), label))
    elif job is not None and job.is_active:
        label = text(f"share.export.phase.{job.stage}") if job.stage else text("share.preparing")
        line = Markup('<p class="af-small af-muted" role="status">{}</p>').format(label)
        shown.append(join([bar(job.fraction, label, going=True), line]))
    else:
        shown.append(button(text("share.prepare"), "export", elem_id=f"share-export-{kind}", format=kind))
    return join(shown) or EMPTY
