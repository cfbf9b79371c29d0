"""Step 3: choose how much time to give, start, and watch it learn. Nothing here owns a run: a timer reads the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.problem import Severity
from studio.domain.recipe import Preset, Recipe
from studio.domain.run import RunState, RunView
from studio.errors import AfinaError
from studio.web.ui.charts import loss_chart
from studio.web.ui.components import (
    Page,
    Ui,
    empty_state,
    event_data,
    friendly,
    join,
    lead,
    link,
    next_link,
    problem_notice,
    wrapped,
)
from studio.web.ui.pages.train_form import NUMBERS, build_expert, decided_label, named_field, offer_label, read_recipe
from studio.web.ui.pages.train_view import render_answers, render_live, render_runs
from studio.web.ui.session import Place

_MEASURING: Final = "measuring"
_SECONDS: Final = 2.0  # a page that redraws every second takes the cores from the run it shows
_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' stroke-linejoin="round" aria-hidden="true"><path d="M6 40h36M8 12c6 0 6 18 14 20s10 2 18 2"/>'
    '<circle cx="40" cy="34" r="3" fill="var(--af-accent)" stroke="none"/></svg>'
)


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    live_panel: Any
    live: Any
    chart: Any
    answers: Any
    stop: Any
    resume: Any
    setup: Any
    preset: Any
    about: Any
    method: Any
    numbers: tuple[Any, ...]
    problems: Any
    start: Any
    runs: Any
    foot: Any
    timer: Any
    seen: Any

    @property
    def read(self) -> list[Any]:
        """What the timer may change."""
        return [
            self.live, self.chart, self.answers, self.stop, self.resume, self.runs, self.foot, self.timer, self.seen,
        ]  # fmt: skip

    @property
    def settings(self) -> list[Any]:
        return [self.preset, self.method, *self.numbers]

    @property
    def shown(self) -> list[Any]:
        setup = [
            self.needs,
            self.live_panel,
            self.setup,
            self.preset,
            self.about,
            *self.numbers,
            self.problems,
            self.start,
        ]
        return [*setup, *self.read]


def build_train(ui: Ui) -> Page:
    """Presets with minutes and memory, expert settings, the live view, and the runs of the project."""
    with gr.Column(visible=False, elem_id="page-train") as column:
        ui.html(value=lead(ui.text, "train"))
        parts = _layout(ui)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    _connect_setup(ui, parts)
    _connect_live(ui, parts)
    return Page(column, tuple(parts.shown), show)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    needs = ui.html(elem_id="train-needs")
    with gr.Column(visible=False) as live_panel:
        live = ui.html(elem_id="train-status")
        with gr.Row(elem_classes="af-toolbar"):
            stop = gr.Button(text("train.stop"), elem_id="train-stop", visible=False)
            resume = gr.Button(text("train.resume"), elem_id="train-resume", visible=False)
        chart = gr.Plot(label=text("train.chart.title"), elem_id="train-chart", elem_classes="af-chart")
        answers = ui.html(elem_id="train-answers")
    with gr.Accordion(text("train.new"), open=True, visible=False, elem_id="train-setup") as setup:
        preset = gr.Radio(
            choices=[(text(f"run.preset.{preset.value}"), preset.value) for preset in Preset],
            value=Preset.BALANCED.value,
            label=text("train.preset_label"),
            elem_id="train-preset",
            elem_classes="af-presets",
        )
        about = ui.html(elem_id="train-about")
        method, numbers = build_expert(ui)
        problems = ui.html(elem_id="train-problems")
        start = gr.Button(text("train.start"), variant="primary", size="lg", elem_id="train-start")
    runs = ui.actions(elem_id="train-runs")
    foot = ui.html()
    timer = gr.Timer(_SECONDS, active=False)
    seen = gr.State("")
    return _Parts(
        needs, live_panel, live, chart, answers, stop, resume, setup, preset, about, method, numbers, problems, start,
        runs, foot, timer, seen,
    )  # fmt: skip


def _connect_setup(ui: Ui, parts: _Parts) -> None:
    """The settings: what they would take, and the start."""
    runs = ui.services.runs

    @friendly(ui.text)
    def estimate(query: str, *settings: Any) -> dict[Any, Any]:
        recipe, _ = read_recipe(ui, Place.parse(query), settings)
        return _offers(ui, parts, Place.parse(query), recipe) if recipe else gr.skip()

    @friendly(ui.text)
    def begin(query: str, *settings: Any) -> dict[Any, Any]:
        place = Place.parse(query)
        recipe, problems = read_recipe(ui, place, settings)
        found = problems if recipe is None else runs.problems(recipe, place.project)
        if recipe is None or any(problem.severity is Severity.ERROR for problem in found):
            return {
                parts.problems: wrapped(join(problem_notice(ui.text, named_field(ui, problem)) for problem in found))
            }
        run_id = runs.start(place.project, recipe, locale=ui.text.locale)
        return {ui.place: place.at("train", run_id).move, parts.problems: ""}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    inputs = [ui.place, *parts.settings]
    changes = [parts.preset.input, parts.method.input, *(number.blur for number in parts.numbers)]
    gr.on(changes, estimate, inputs, [parts.preset, parts.about, *parts.numbers], trigger_mode="always_last", **quiet)
    parts.start.click(begin, inputs, [ui.place, parts.problems], api_visibility="private")


def _connect_live(ui: Ui, parts: _Parts) -> None:
    """The reading of a run, and the buttons that act on it."""
    runs = ui.services.runs

    @friendly(ui.text)
    def tick(query: str, seen: str, *settings: Any) -> dict[Any, Any]:
        place = Place.parse(query)
        updates = _read(ui, parts, place, seen)
        if updates and not _going(ui, place):
            return {ui.place: place.move}  # once more in full: the form opens again, the steps get their ticks
        if updates and _MEASURING in seen and _MEASURING not in updates[parts.seen]:
            recipe, _ = read_recipe(ui, place, settings)
            updates |= _offers(ui, parts, place, recipe) if recipe else {}
        return updates or gr.skip()

    def acting(what: Any) -> Any:
        @friendly(ui.text)
        def act(query: str) -> dict[Any, Any]:
            place = Place.parse(query)
            view = _shown_run(ui, place)
            if view is not None:
                what(view.id)
            return _render(ui, parts, place)

        return act

    @friendly(ui.text)
    def change(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, data = Place.parse(query), event_data(event)
        if data.get("action") == "delete":
            runs.delete(data["id"])
            if place.run == data["id"]:
                return {ui.place: place.at("train", "").move}
        return _render(ui, parts, place)

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    outputs = [ui.place, *parts.shown]
    parts.timer.tick(tick, [ui.place, parts.seen, *parts.settings], outputs, **quiet)
    parts.stop.click(acting(runs.stop), [ui.place], parts.shown, **quiet)
    parts.resume.click(acting(runs.resume), [ui.place], parts.shown, **quiet)
    parts.runs.action(change, [ui.place], outputs, **quiet)


def _shown_run(ui: Ui, place: Place) -> RunView | None:
    """The run that is looked at: the one in the address, or the newest."""
    if place.run:
        view = ui.services.runs.view(place.run)
        if view.project_id == place.project:
            return view
    return next(iter(ui.services.runs.list(place.project)), None)


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    project = ui.services.projects.get(place.project)
    missing = _missing(ui, place, project.model_id)
    view = _shown_run(ui, place)
    ready = missing == ""
    if ready and project.model_id:
        ui.services.runs.measure(project.model_id)
    updates = {
        parts.needs: missing,
        parts.live_panel: gr.Column(visible=view is not None),
        parts.setup: gr.Accordion(visible=ready, open=view is None or view.state.is_over),
        parts.problems: "",
        parts.start: gr.Button(variant="secondary" if _is_tuned(view) else "primary"),
        **_read(ui, parts, place, ""),
    }
    return updates | (_offers(ui, parts, place, Recipe(model=project.model_id)) if ready and project.model_id else {})


def _missing(ui: Ui, place: Place, model_id: str | None) -> str:
    """What has to be done before training, with the way there; empty when nothing is."""
    text, name = ui.text, ""
    if not model_id:
        return _empty(ui, "need_model", place.at("model"))
    try:
        name = ui.services.models.get(model_id).name
    except AfinaError:
        return _empty(ui, "need_model", place.at("model"))
    if not ui.services.models.is_installed(model_id):
        to_models = link(text("train.need_model_button"), place.at("model"), kind="primary")
        sentence = text("train.need_download", name=name)
        return wrapped(empty_state(_ICON, text("train.need_download_title"), sentence, to_models))
    if ui.services.datasets.current(place.project) is None:
        return _empty(ui, "need_examples", place.at("examples"))
    return ""


def _empty(ui: Ui, key: str, to: Place) -> str:
    text = ui.text
    way = link(text(f"train.{key}_button"), to, kind="primary")
    return wrapped(empty_state(_ICON, text(f"train.{key}_title"), text(f"train.{key}"), way))


def _offers(ui: Ui, parts: _Parts, place: Place, recipe: Recipe) -> dict[Any, Any]:
    """The presets with what each takes here, and what they decide where a field is empty."""
    text = ui.text
    offers = ui.services.runs.offers(place.project, recipe.model, recipe)
    chosen = next(offer for offer in offers if offer.preset is recipe.preset)
    counts = Markup('<p class="af-small af-muted">{}</p>').format(
        text("train.measured" if chosen.measured else "train.measuring")
    )
    minor = [p for p in ui.services.runs.problems(recipe, place.project) if p.severity is not Severity.ERROR]
    placeholders = [gr.Textbox(placeholder=decided_label(ui, getattr(chosen.recipe, name))) for name in NUMBERS]
    return {
        parts.preset: gr.Radio(choices=[(offer_label(ui, offer), offer.preset.value) for offer in offers]),
        parts.about: wrapped(counts, join(problem_notice(text, found) for found in minor)),
        **dict(zip(parts.numbers, placeholders, strict=True)),
    }


def _read(ui: Ui, parts: _Parts, place: Place, seen: str) -> dict[Any, Any]:
    """One reading of the disk: what changed since ``seen``. Empty when nothing did."""
    drawn_before, _, told_before = seen.partition("#")
    views = ui.services.runs.list(place.project)
    view = _shown_run(ui, place)
    measuring = _is_measuring(ui, place)
    signature = "|".join([view.id if view else "", _MEASURING if measuring else "", *map(_signature, views)])
    if signature == told_before:
        return {}
    drawn = _drawn(view) if view else ""
    updates: dict[Any, Any] = {
        parts.runs: render_runs(ui, place, views, view),
        parts.foot: _foot(ui, place, view),
        parts.timer: gr.Timer(active=_going(ui, place)),
        parts.seen: f"{drawn}#{signature}",
    }
    if view is None:
        return updates
    if drawn != drawn_before:
        updates[parts.chart] = gr.Plot(value=loss_chart(ui.text, view), visible=bool(view.progress.train_loss))
        updates[parts.answers] = render_answers(ui, view)
    stoppable = view.state in (RunState.QUEUED, RunState.STARTING, RunState.RUNNING)
    return updates | {
        parts.live: render_live(ui, view),
        parts.stop: gr.Button(visible=stoppable),
        parts.resume: gr.Button(visible=view.state in (RunState.STOPPED, RunState.FAILED)),
    }


def _is_measuring(ui: Ui, place: Place) -> bool:
    model_id = ui.services.projects.get(place.project).model_id
    return ui.services.runs.is_measuring(model_id) if model_id else False


def _going(ui: Ui, place: Place) -> bool:
    """Whether something is under way that the screen should follow."""
    return _is_measuring(ui, place) or any(not view.state.is_over for view in ui.services.runs.list(place.project))


def _drawn(view: RunView) -> str:
    """What the chart and the answers show. Drawn anew at every step they would take the cores from the run."""
    progress = view.progress
    share = 40 * progress.step // max(1, progress.total_steps)
    answers = (progress.answers_step, len(progress.first_answers))
    return f"{view.id},{min(progress.step, 5)},{share},{len(progress.held_out_loss)},{answers},{view.state.is_over}"


def _signature(view: RunView) -> str:
    progress = view.progress
    state = (view.id, view.name, view.state, view.queue_position, progress.phase, progress.step, progress.last_event_at)
    return ",".join(map(str, state))


def _is_tuned(view: RunView | None) -> bool:
    return bool(view and view.result and view.result.adapter)


def _foot(ui: Ui, place: Place, view: RunView | None) -> str:
    tuned = _is_tuned(view)
    hint = ui.text("train.next_hint" if tuned else "train.next_open")
    to = place.at("compare", view.id if view and tuned else "")
    return next_link(ui.text, to, "train.next", primary=tuned, hint=hint)
