"""The form: how much time to give, the expert settings, and the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Preset, Recipe
from studio.errors import AfinaError
from studio.i18n.catalog import Catalog
from studio.services.runs.estimates import PresetOffer
from studio.web.ui.components import Ui, empty_state, friendly, join, link, problem_notice, wrapped
from studio.web.ui.pages.train.fields import (
    SETTINGS,
    build_expert,
    field_updates,
    problem_list,
    read_recipe,
    written_values,
)
from studio.web.ui.session import Place

_FAR_APART: Final = 1.3  # times the shortest time, from which on the longest is told as well
_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' stroke-linejoin="round" aria-hidden="true"><path d="M6 40h36M8 12c6 0 6 18 14 20s10 2 18 2"/>'
    '<circle cx="40" cy="34" r="3" fill="var(--af-accent)" stroke="none"/></svg>'
)


@dataclass(frozen=True)
class Setup:
    """The components of the form."""

    panel: Any
    preset: Any
    about: Any
    expert: Any
    fields: tuple[Any, ...]
    problems: Any
    start: Any

    @property
    def inputs(self) -> list[Any]:
        """What :func:`read_recipe` reads."""
        return [self.preset, *self.fields]

    @property
    def outputs(self) -> tuple[Any, ...]:
        return (self.panel, self.preset, self.about, self.expert, *self.fields, self.problems, self.start)


def quiet(ui: Ui) -> dict[str, Any]:
    """Options of an event that shows no progress, and notes it on one component instead of on all that it may change."""
    return {"show_progress": "hidden", "show_progress_on": [ui.place], "api_visibility": "private"}


def build_setup(ui: Ui) -> Setup:
    """Three presets with minutes and memory, the expert panel, and the button."""
    text = ui.text
    with gr.Accordion(text("train.new"), open=True, visible=False, elem_id="train-setup") as panel:
        preset = gr.Radio(
            choices=[(text(f"train.setting.preset.{preset.value}"), preset.value) for preset in Preset],
            value=Preset.BALANCED.value,
            label=text("train.preset_label"),
            elem_id="train-preset",
            elem_classes="af-presets",
        )
        about = ui.html(elem_id="train-about")
        expert, fields = build_expert(ui)
        problems = ui.html(elem_id="train-problems")
        start = gr.Button(text("train.start"), variant="primary", size="lg", elem_id="train-start")
    return Setup(panel, preset, about, expert, fields, problems, start)


def connect_setup(ui: Ui, setup: Setup) -> None:
    """What a change of a field shows, and the start."""
    runs = ui.services.runs

    @friendly(ui.text)
    def estimate(query: str, *settings: Any) -> dict[Any, Any]:
        place = Place.parse(query)
        recipe, problems = read_recipe(ui, place, settings)
        if recipe is None:
            return field_updates(ui, setup.fields, None, problems)
        return show_offers(ui, setup, place, recipe)

    @friendly(ui.text)
    def begin(query: str, *settings: Any) -> dict[Any, Any]:
        place = Place.parse(query)
        recipe, problems = checked_recipe(ui, place, settings)
        if recipe is None:
            return show_problems(ui, setup, problems)
        run_id = runs.start(place.project, recipe, locale=ui.text.locale)
        return {ui.place: place.at("train", run_id).move, setup.problems: ""}

    inputs = [ui.place, *setup.inputs]
    changes = [setup.preset.input]
    for setting, field in zip(SETTINGS, setup.fields, strict=True):
        changes.append(field.input if setting.kind in ("choice", "yes_no", "names") else field.blur)
    shown = [setup.preset, setup.about, *setup.fields]
    gr.on(changes, estimate, inputs, shown, trigger_mode="always_last", **quiet(ui))
    outputs = [ui.place, setup.problems, setup.expert, *setup.fields]
    setup.start.click(
        begin, inputs, outputs, **(quiet(ui) | {"show_progress": "minimal", "show_progress_on": [setup.problems]})
    )


def checked_recipe(ui: Ui, place: Place, settings: Sequence[Any]) -> tuple[Recipe | None, list[Problem]]:
    """The recipe of the form if a run can start with it, else all that speaks against it."""
    recipe, problems = read_recipe(ui, place, settings)
    found = problems if recipe is None else ui.services.runs.problems(recipe, place.project)
    if recipe is None or any(problem.severity is Severity.ERROR for problem in found):
        return None, found
    return recipe, found


def show_problems(ui: Ui, setup: Setup, problems: Sequence[Problem]) -> dict[Any, Any]:
    """Every problem at its field, and all of them above the button."""
    names = {setting.name for setting in SETTINGS}
    return {
        setup.problems: problem_list(ui, problems),
        setup.expert: gr.Accordion(open=True) if any(problem.field in names for problem in problems) else gr.skip(),
        **field_updates(ui, setup.fields, None, problems),
    }


def show_offers(ui: Ui, setup: Setup, place: Place, recipe: Recipe) -> dict[Any, Any]:
    """The presets with what each takes here, and what they decide where a field is empty."""
    text = ui.text
    offers = ui.services.runs.offers(place.project, recipe.model, recipe)
    chosen = next(offer for offer in offers if offer.preset is recipe.preset)
    counts = Markup('<p class="af-small af-muted">{}</p>').format(
        text("train.measured" if chosen.measured else "train.measuring")
    )
    problems = ui.services.runs.problems(recipe, place.project)
    minor = [problem for problem in problems if problem.severity is not Severity.ERROR]
    blocking = [problem for problem in problems if problem.severity is Severity.ERROR]
    return {
        setup.preset: gr.Radio(choices=[(_offer_label(ui, offer), offer.preset.value) for offer in offers]),
        setup.about: wrapped(counts, join(problem_notice(text, found) for found in minor)),
        **field_updates(ui, setup.fields, chosen.recipe, blocking),
    }


def fill(ui: Ui, setup: Setup, recipe: Recipe) -> dict[Any, Any]:
    """Writes the settings of a recipe into the form and opens it."""
    values = zip(setup.fields, written_values(recipe), strict=True)
    return {
        setup.panel: gr.Accordion(open=True),
        setup.expert: gr.Accordion(open=True),
        setup.preset: gr.Radio(value=recipe.preset.value),
        **{field: gr.update(value=value) for field, value in values},
    }


def missing(ui: Ui, place: Place, model_id: str | None) -> str:
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
    if ui.services.datasets.version(place.project) is None:
        return _empty(ui, "need_examples", place.at("examples"))
    return ""


def _empty(ui: Ui, key: str, to: Place) -> str:
    text = ui.text
    way = link(text(f"train.{key}_button"), to, kind="primary")
    return wrapped(empty_state(_ICON, text(f"train.{key}_title"), text(f"train.{key}"), way))


def _offer_label(ui: Ui, offer: PresetOffer) -> str:
    """A preset in three lines: its name, what it is for, what it takes here."""
    text = ui.text
    lines = (
        text(f"train.setting.preset.{offer.preset.value}"),
        text(f"train.setting.preset.{offer.preset.value}.what"),
        text("train.preset_cost", time=duration_between(text, offer), memory=text.size(offer.memory_bytes)),
    )
    return "\n".join(lines)


def duration_between(text: Catalog, offer: PresetOffer) -> str:
    """About how long a preset takes; from the least to the most where these are far apart."""
    if offer.seconds_most < _FAR_APART * offer.seconds:
        return text("train.about", time=text.duration(offer.seconds))
    return text.duration_between(offer.seconds, offer.seconds_most)
