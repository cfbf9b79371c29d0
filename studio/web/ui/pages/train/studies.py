"""Find the best settings for me, and cross-validation: how long, a plot while it works, a plain sentence at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.run import RunState
from studio.domain.study import StudyKind, StudyView, TrialState
from studio.web.ui.charts import folds_chart, search_chart
from studio.web.ui.components import (
    EMPTY,
    Ui,
    bar,
    button,
    danger_button,
    friendly,
    join,
    problem_notice,
    state_badge,
    when,
    wrapped,
)
from studio.web.ui.pages.train.fields import setting_name, shown_value
from studio.web.ui.pages.train.setup import Setup, checked_recipe, quiet, show_problems
from studio.web.ui.session import Place

_MINUTES: Final = "20"
_FOLDS: Final = "5"
_CARD: Final = Markup(
    '<section class="af-card" id="study-{id}" data-state="{state}" aria-label="{name}">'
    '<div class="af-row af-between"><div class="af-row"><h3>{name}</h3><span data-part="study-badge-{id}">{badge}</span>'
    '{time}</div><div class="af-row af-controls">{controls}</div></div><div data-part="study-{id}">{body}</div></section>'
)
_OLDER: Final = Markup("<details id='train-older-studies'><summary>{}</summary>{}</details>")


@dataclass(frozen=True)
class Studies:
    """The components of the section."""

    panel: Any
    minutes: Any
    search: Any
    folds: Any
    check: Any
    shown: Any

    @property
    def outputs(self) -> tuple[Any, ...]:
        return (self.panel, self.shown)


def build_studies(ui: Ui) -> Studies:
    """Two questions to ask before a long run, each with one number and one button."""
    text = ui.text
    with gr.Accordion(text("train.study.title"), open=False, visible=False, elem_id="train-lab") as panel, gr.Row():
        with gr.Column(min_width=280, elem_classes="af-plain"):
            ui.html(value=_question(ui, "search"))
            minutes = gr.Textbox(_MINUTES, label=text("train.study.minutes"), max_lines=1, elem_id="search-minutes")
            search = gr.Button(text("train.study.search_start"), elem_id="search-start")
        with gr.Column(min_width=280, elem_classes="af-plain"):
            ui.html(value=_question(ui, "folds"))
            folds = gr.Textbox(_FOLDS, label=text("train.study.folds"), max_lines=1, elem_id="folds-count")
            check = gr.Button(text("train.study.folds_start"), elem_id="folds-start")
    shown = ui.actions(elem_id="train-studies")
    return Studies(panel, minutes, search, folds, check, shown)


def connect_studies(ui: Ui, studies: Studies, setup: Setup) -> None:
    """The two starts. What was found is acted on by the page."""
    services = ui.services.studies

    def starting(begin: Any) -> Any:
        @friendly(ui.text)
        def start(query: str, number: str, *settings: Any) -> dict[Any, Any]:
            place = Place.parse(query)
            recipe, problems = checked_recipe(ui, place, settings)
            if recipe is None:
                return show_problems(ui, setup, problems)
            begin(place.project, recipe, number)
            return {ui.place: place.again, setup.problems: ""}

        return start

    def search(project: str, recipe: Any, number: str) -> None:
        services.start_search(project, recipe, _number(number), ui.text.locale)

    def folds(project: str, recipe: Any, number: str) -> None:
        services.start_folds(project, recipe, round(_number(number)), ui.text.locale)

    outputs = [ui.place, setup.problems, setup.expert, *setup.fields]
    studies.search.click(starting(search), [ui.place, studies.minutes, *setup.inputs], outputs, **quiet(ui))
    studies.check.click(starting(folds), [ui.place, studies.folds, *setup.inputs], outputs, **quiet(ui))


def render_studies(ui: Ui, project_id: str) -> str:
    """The newest study in full, the older ones folded away."""
    found = ui.services.studies.list(project_id)
    if not found:
        return ""
    cards = [_card(ui, view) for view in found]
    older = EMPTY
    if len(cards) > 1:
        label = ui.text("train.study.older", n=len(cards) - 1)
        older = _OLDER.format(label, Markup('<div class="af-stack">{}</div>').format(join(cards[1:])))
    return wrapped(cards[0], older)


def study_parts(ui: Ui, project_id: str) -> dict[str, str]:
    """What changes while a study works, by name of the part."""
    parts = {}
    for view in ui.services.studies.list(project_id):
        if not view.state.is_over:
            parts[f"study-badge-{view.id}"] = str(state_badge(ui.text, view.state, view.progress))
            parts[f"study-{view.id}"] = str(_body(ui, view))
    return parts


def _question(ui: Ui, kind: str) -> str:
    text = ui.text
    html = Markup('<h3>{}</h3><p class="af-muted af-small">{}</p>')
    return wrapped(html.format(text(f"train.study.{kind}_title"), text(f"train.study.{kind}_why")))


def _card(ui: Ui, view: StudyView) -> Markup:
    return _CARD.format(
        id=view.id,
        state=view.state.value,
        name=view.name,
        badge=state_badge(ui.text, view.state, view.progress),
        time=when(ui.text, view.created_at),
        controls=join(_controls(ui, view)),
        body=_body(ui, view),
    )


def _body(ui: Ui, view: StudyView) -> Markup:
    text = ui.text
    sentences = [Markup('<p class="af-reading" role="status">{}</p>').format(_sentence(ui, a)) for a in view.advice[:1]]
    sentences += [Markup("<p>{}</p>").format(_sentence(ui, advice)) for advice in view.advice[1:]]
    parts: list[Any] = []
    if not view.state.is_over:
        parts.append(bar(view.progress, text("train.study.progress"), going=True))
        if view.seconds_left is not None and view.state is RunState.RUNNING:
            left = text("train.left", time=text.duration(view.seconds_left))
            parts.append(Markup('<p class="af-small af-muted">{}</p>').format(left))
    if view.problem:
        parts.append(problem_notice(text, view.problem))
    scored = [trial for trial in view.trials if trial.scores]
    if scored:
        chart = search_chart if view.kind is StudyKind.SEARCH else folds_chart
        parts.append(chart(text, view, [_named(ui, view, trial.number) for trial in view.trials]))
    if view.kind is StudyKind.SEARCH and view.recommendation:
        parts.append(_settings(ui, view))
    return Markup('<div class="af-stack">{}</div>').format(join([*sentences, *parts]))


def _sentence(ui: Ui, advice: Any) -> str:
    return ui.text(advice.key, **advice.params)


def _named(ui: Ui, view: StudyView, number: int) -> str:
    """A trial in words: its settings, or the part that it was asked."""
    if view.kind is StudyKind.FOLDS:
        return ui.text("train.study.part", n=number)
    settings = next(trial.settings for trial in view.trials if trial.number == number)
    return " · ".join(
        f"{setting_name(ui, name)} {shown_value(ui, name, getattr(settings, name))}"
        for name in ("learning_rate", "rank", "epochs")
    )


def _settings(ui: Ui, view: StudyView) -> Markup:
    """The recommended settings, beside the present ones."""
    found = view.recommendation
    assert found is not None
    rows = []
    for name in ("learning_rate", "rank", "epochs"):
        now, better = getattr(view.recipe, name), getattr(found.settings, name)
        rows.append(
            Markup('<div{}><dt>{}</dt><dd>{}</dd><span class="af-small af-muted">{}</span></div>').format(
                Markup(' class="changed"') if now != better else EMPTY,
                setting_name(ui, name),
                shown_value(ui, name, better),
                ui.text("train.study.was", value=shown_value(ui, name, now))
                if now != better
                else ui.text("train.study.same"),
            )
        )
    return Markup('<dl class="af-stats">{}</dl>').format(join(rows))


def _controls(ui: Ui, view: StudyView) -> list[Markup]:
    text = ui.text
    shown = []
    if view.kind is StudyKind.SEARCH and view.recommendation:
        shown.append(button(text("train.study.use"), "use", kind="primary small", elem_id="study-use", id=view.id))
        trial = next((t for t in view.trials if t.number == view.recommendation.trial), None)
        if view.state.is_over and trial and trial.state is TrialState.FINISHED:
            shown.append(button(text("train.study.keep"), "keep", kind="small", elem_id="study-keep", id=view.id))
    if view.state in (RunState.QUEUED, RunState.STARTING, RunState.RUNNING):
        shown.append(button(text("train.study.stop"), "stop", kind="small", id=view.id))
    if view.state.can_go_on:
        shown.append(button(text("train.live.resume"), "resume", kind="small", id=view.id))
    if view.state.is_over:
        ask, detail = text("train.run_delete_ask", name=view.name), text("train.study.delete_detail")
        shown.append(danger_button(text, text("train.run_delete"), "delete", ask, detail, id=view.id))
    return shown


def _number(written: str) -> float:
    """The number that a person wrote; 0, which the service refuses in a sentence, where it is none."""
    try:
        return float(str(written).strip().replace(",", "."))
    except ValueError:
        return 0.0
