"""The train screen as a whole. Nothing here owns a run: the browser asks for a reading of the disk now and then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from studio.domain.recipe import Recipe
from studio.domain.run import RunState, RunView
from studio.domain.study import is_study
from studio.web.ui.components import Page, Ui, event_data, friendly, lead, next_link, state_badge
from studio.web.ui.events import in_turn, when_changed
from studio.web.ui.pages.train.live import keys_of, live_parts, render_live, wait_for
from studio.web.ui.pages.train.queue import render_queue, target_of
from studio.web.ui.pages.train.runs import render_runs, ticked
from studio.web.ui.pages.train.setup import (
    Setup,
    build_setup,
    connect_setup,
    fill,
    missing,
    quiet,
    show_offers,
)
from studio.web.ui.pages.train.studies import Studies, build_studies, connect_studies, render_studies, study_parts
from studio.web.ui.session import Place


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    live: Any
    setup: Setup
    is_open: Any  # whether the form is unfolded, and for which run
    studies: Studies
    queue: Any
    runs: Any
    foot: Any

    @property
    def outputs(self) -> tuple[Any, ...]:
        form = (*self.setup.outputs, self.is_open)
        return (self.needs, self.live, *form, *self.studies.outputs, self.queue, self.runs, self.foot)


@dataclass(frozen=True)
class _Now:
    """One reading of the disk, which everything on the page is made from."""

    views: Sequence[RunView]
    queue: Sequence[RunView]
    shown: RunView | None
    studies: Sequence[Any]
    measuring: bool

    @property
    def shape(self) -> str:
        """What the page as a whole is made from: while it stays the same, parts of the live card are patched only."""
        runs = [f"{view.id},{view.name},{_settled(view)}" for view in self.views]
        queue = [f"{view.id},{_settled(view)}" for view in self.queue]
        studies = [f"{study.id},{study.state},{study.recommendation is not None}" for study in self.studies]
        shown = self.shown.id if self.shown else ""
        whole = "|".join([shown, str(self.measuring), *runs, "queue", *queue, "studies", *studies])
        return hashlib.blake2b(whole.encode(), digest_size=9).hexdigest()

    @property
    def wait(self) -> int:
        busy = self.measuring or any(view.state is not RunState.PAUSED for view in self.queue)
        return wait_for(self.shown, busy=busy)


def build_train(ui: Ui) -> Page:
    """The run that is looked at, the form, experiments, the queue, and the runs of the project."""
    with gr.Column(visible=False, elem_id="page-train") as column:
        ui.html(value=lead(ui.text, "train"))
        needs = ui.html(elem_id="train-needs")
        live = _live(ui)
        queue = ui.actions(elem_id="train-queue", keeps_focus=True)
        setup = build_setup(ui)
        studies = build_studies(ui)
        runs = ui.actions(elem_id="train-runs", keeps_focus=True)
        foot = ui.html()
        parts = _Parts(needs, live, setup, gr.State(()), studies, queue, runs, foot)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    def fill(place: Place) -> dict[Any, Any]:
        is_ready = missing(ui, place, ui.services.projects.get(place.project).model_id) == ""
        panel = gr.Accordion(visible=is_ready, open=_is_unfolded(_shown_run(ui, place)))
        return {setup.panel: panel}

    connect_setup(ui, setup)
    connect_studies(ui, studies, setup)
    _connect(ui, parts)
    return Page(column, parts.outputs, show, fill)


def _live(ui: Ui) -> Any:
    """The card of the run. The browser reads what changed by itself, and not at all while nobody looks."""

    def read(asked: dict[str, Any]) -> dict[str, Any]:
        return _read(
            ui, Place.parse(str(asked.get("query", ""))), dict(asked.get("keys") or {}), str(asked.get("shape"))
        )

    def prepare(asked: dict[str, Any]) -> None:
        """Somebody is about to start: a worker does its imports meanwhile."""
        place = Place.parse(str(asked.get("query", "")))
        if missing(ui, place, ui.services.projects.get(place.project).model_id) == "":
            ui.services.runs.prepare()

    return gr.HTML(
        "",
        elem_id="train-status",
        js_on_load="afina.live(element, trigger, watch, server); /* raises 'action' */",
        apply_default_css=False,
        server_functions=[read, prepare],
    )


def _read(ui: Ui, place: Place, keys: dict[str, str], shape: str) -> dict[str, Any]:
    """What changed on the page since the browser looked last.

    Returns:
        ``moved`` where the page has to be made anew, else ``parts`` with HTML by name, the new ``keys``, the ``state`` of
        the run, and ``wait`` in milliseconds; 0 ends the looking.
    """
    now = _look(ui, place)
    if now.shape != shape:
        return {"moved": True, "wait": 2000}
    parts = study_parts(ui, place.project)
    keys_now: dict[str, str] = {}
    if now.shown is not None:
        parts |= live_parts(ui, now.shown, keys)
        keys_now = keys_of(now.shown)
    for view in now.views:
        if not view.state.is_over:
            parts[f"badge-{view.id}"] = str(state_badge(ui.text, view.state, view.fraction))
    state = now.shown.state.value if now.shown else ""
    return {"moved": False, "parts": parts, "keys": keys_now, "state": state, "wait": now.wait}


def _connect(ui: Ui, parts: _Parts) -> None:
    """The buttons of the cards and lists."""

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        return _perform(ui, parts, Place.parse(query), event_data(event))

    def unfold(query: str) -> dict[Any, Any]:
        return {parts.setup.panel: gr.Accordion(open=_is_unfolded(_shown_run(ui, Place.parse(query))))}

    outputs = [ui.place, *parts.outputs]
    for component in (parts.live, parts.queue, parts.runs, parts.studies.shown):
        # A place in the queue is moved by id: a second click is no repetition of the first.
        options = in_turn("queue") if component is parts.queue else {}
        component.action(act, [ui.place], outputs, **options, **quiet(ui))
    when_changed(ui.text, parts.is_open, unfold, [ui.place], [parts.setup.panel])


def _perform(ui: Ui, parts: _Parts, place: Place, data: dict[str, str]) -> dict[Any, Any]:
    """Does what a button says, and shows the page as it is then."""
    runs, studies = ui.services.runs, ui.services.studies
    run_id = data.get("id", "")
    if not run_id and (view := _shown_run(ui, place)) is not None:
        run_id = view.id
    match data.get("action"):
        case "tick":
            place = replace(place, beside=ticked(place, _runs(ui, place), run_id))
            return {ui.place: place.query, parts.runs: _runs_section(ui, place)}
        case "use":
            return fill(ui, parts.setup, studies.recipe(run_id))
        case "repeat":
            return fill(ui, parts.setup, runs.view(run_id).recipe)
        case "rename":
            runs.rename(run_id, data.get("text", ""))
        case "keep":
            return {ui.place: place.at("train", studies.keep(run_id, locale=ui.text.locale)).move}
        case "up" | "down" as way:
            target = target_of(runs.queue(), run_id, way == "up")
            runs.move(run_id, target)
        case "delete" if is_study(run_id):
            studies.delete(run_id)
        case "delete":
            runs.delete(run_id)
            if place.run == run_id:
                return {ui.place: place.at("train", "").move}
        case "stop" | "pause" | "resume" | "cancel" as verb:
            getattr(runs, verb)(run_id)
        case _:  # the page has changed under the browser: everything anew, header and steps too
            pass
    return {ui.place: place.again}


def _look(ui: Ui, place: Place) -> _Now:
    views = _runs(ui, place)
    model_id = ui.services.projects.get(place.project).model_id
    measuring = ui.services.runs.estimates.is_measuring(model_id) if model_id else False
    shown = next((view for view in views if view.id == place.run), next(iter(views), None))
    return _Now(views, ui.services.runs.queue(), shown, ui.services.studies.list(place.project), measuring)


def _runs(ui: Ui, place: Place) -> list[RunView]:
    return [view for view in ui.services.runs.list(place.project) if not is_study(view.id)]


def _shown_run(ui: Ui, place: Place) -> RunView | None:
    """The run that is looked at: the one in the address, or the newest."""
    return _look(ui, place).shown


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    project = ui.services.projects.get(place.project)
    needed = missing(ui, place, project.model_id)
    ready = needed == "" and bool(project.model_id)
    if ready and project.model_id:
        ui.services.runs.measure(project.model_id)
    offers = show_offers(ui, parts.setup, place, Recipe(model=project.model_id)) if ready and project.model_id else {}
    now = _look(ui, place)  # after the offers: the page looks again when the count of tokens that they begin is done
    view = now.shown
    updates = {
        parts.needs: needed,
        parts.live: render_live(ui, view, now.shape, now.wait),
        parts.setup.panel: gr.Accordion(visible=ready),
        parts.is_open: (place.project, view.id if view else "", _is_unfolded(view)),
        parts.setup.problems: "",
        parts.setup.start: gr.Button(variant="secondary" if _is_tuned(view) else "primary"),
        parts.studies.panel: gr.Accordion(visible=ready),
        parts.studies.shown: render_studies(ui, place.project),
        parts.queue: render_queue(ui, place, now.queue, view),
        parts.runs: render_runs(ui, place, now.views, view),
        parts.foot: _foot(ui, place, view, now.views),
    }
    return updates | offers


def _is_unfolded(view: RunView | None) -> bool:
    """Whether the form is open: where no training goes on."""
    return view is None or view.state.is_over


def _runs_section(ui: Ui, place: Place) -> str:
    views = _runs(ui, place)
    return render_runs(
        ui, place, views, next((view for view in views if view.id == place.run), next(iter(views), None))
    )


def _settled(view: RunView) -> str:
    """The state; starting and running count as one, as the card shows them alike."""
    return "going" if view.state in (RunState.STARTING, RunState.RUNNING) else view.state.value


def _is_tuned(view: RunView | None) -> bool:
    return bool(view and view.result and view.result.adapter)


def _foot(ui: Ui, place: Place, view: RunView | None, views: Sequence[RunView]) -> str:
    tuned, ready = _is_tuned(view), next((each for each in views if _is_tuned(each)), None)
    hint = ui.text("train.next_hint" if tuned else "train.next_open")
    if ready is not None and not tuned:
        hint = ui.text("train.next_other", name=ready.name)
    to = place.at("compare", view.id if view and tuned else "")
    return next_link(ui.text, to, "train.next", primary=tuned, hint=hint)
