"""Find the best settings for me, and cross-validation: how long, a plot while it works, a plain sentence at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.study import StudyKind, StudyView, Trial, TrialState
from studio.web.ui.charts import folds_chart, search_chart
from studio.web.ui.components import EMPTY, Ui, friendly, render, state_badge, wrapped
from studio.web.ui.pages.train.fields import setting_name, shown_value
from studio.web.ui.pages.train.setup import Setup, checked_recipe, quiet, show_problems
from studio.web.ui.session import Place

_MINUTES: Final = "20"
_FOLDS: Final = "5"
_TRIED: Final = ("learning_rate", "rank", "epochs")


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
    return ui.render("train/studies", studies=found, body=partial(_body, ui), can_keep=_can_keep)


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


def _body(ui: Ui, view: StudyView) -> Markup:
    chart: Markup = EMPTY
    if any(trial.scores for trial in view.trials):
        draw = search_chart if view.kind is StudyKind.SEARCH else folds_chart
        chart = draw(ui.text, view, [_named(ui, view, trial) for trial in view.trials])
    return render(ui.text, "train/study", view=view, chart=chart, settings=_settings(ui, view))


def _named(ui: Ui, view: StudyView, trial: Trial) -> str:
    """A trial in words: its settings, or the part that it was asked."""
    if view.kind is StudyKind.FOLDS:
        return ui.text("train.study.part", n=trial.number)
    shown = (f"{setting_name(ui, name)} {shown_value(ui, name, getattr(trial.settings, name))}" for name in _TRIED)
    return " · ".join(shown)


def _settings(ui: Ui, view: StudyView) -> list[tuple[str, str, str, bool]]:
    """Of each recommended setting its name, the present and the better value, and whether they differ."""
    if view.kind is not StudyKind.SEARCH or view.recommendation is None:
        return []
    rows = []
    for name in _TRIED:
        now, better = getattr(view.recipe, name), getattr(view.recommendation.settings, name)
        rows.append((setting_name(ui, name), shown_value(ui, name, now), shown_value(ui, name, better), now != better))
    return rows


def _can_keep(view: StudyView) -> bool:
    """Whether the recommended trial was taken to its end."""
    chosen = view.recommendation.trial if view.recommendation else None
    return any(trial.number == chosen and trial.state is TrialState.FINISHED for trial in view.trials)


def _number(written: str) -> float:
    """The number that a person wrote; 0, which the service refuses in a sentence, where it is none."""
    try:
        return float(str(written).strip().replace(",", "."))
    except ValueError:
        return 0.0
