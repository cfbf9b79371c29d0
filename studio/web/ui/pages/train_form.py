"""The settings of a training: presets, expert fields, and the recipe that they make."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.problem import Problem
from studio.domain.recipe import Method, Recipe, parse_recipe
from studio.services.offers import PresetOffer
from studio.web.ui.components import Ui, wrapped
from studio.web.ui.session import Place

NUMBERS: Final = (
    "rank",
    "learning_rate",
    "epochs",
    "batch_size",
    "max_length",
    "last_layers",
    "dropout",
    "weight_decay",
    "seed",
)
_WHOLE: Final = frozenset({"rank", "batch_size", "max_length", "last_layers", "seed"})


def build_expert(ui: Ui) -> tuple[Any, tuple[Any, ...]]:
    """The collapsed panel: the method, and a field for each of :data:`NUMBERS`."""
    text = ui.text
    with gr.Accordion(text("ui.expert"), open=False, elem_id="train-expert"):
        ui.html(value=wrapped(Markup('<p class="af-muted af-small">{}</p>').format(text("train.expert_why"))))
        methods = [(text("train.method.auto"), ""), *((text(f"train.method.{m.value}"), m.value) for m in Method)]
        method = gr.Dropdown(
            choices=methods,
            value="",
            label=text("train.set.method"),
            info=text("train.set.method_info"),
            elem_id="train-method",
        )
        numbers = []
        for start in range(0, len(NUMBERS), 3):
            with gr.Row(equal_height=True):
                numbers += [_number(ui, name) for name in NUMBERS[start : start + 3]]
    return method, tuple(numbers)


def _number(ui: Ui, name: str) -> Any:
    label, info = ui.text(f"train.set.{name}"), ui.text(f"train.set.{name}_info")
    elem_id = f"train-{name.replace('_', '-')}"
    # A text box: Gradio's number box turns an empty field into 0.
    return gr.Textbox(label=label, info=info, elem_id=elem_id, min_width=200, max_lines=1)


def read_recipe(ui: Ui, place: Place, settings: tuple[Any, ...]) -> tuple[Recipe | None, list[Any]]:
    """The recipe that the form says. What is left empty stays open for the preset."""
    preset, method, *numbers = settings
    project = ui.services.projects.get(place.project)
    values: dict[str, Any] = {"model": project.model_id or "", "preset": preset, "method": method or None}
    values |= {name: _parsed(name, text) for name, text in zip(NUMBERS, numbers, strict=True) if text and text.strip()}
    return parse_recipe(values)


def _parsed(name: str, text: str) -> float | str:
    """The number that a person wrote, with a comma or a point; the text itself where it is none."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return text.strip()
    return int(number) if name in _WHOLE and number.is_integer() else number


def offer_label(ui: Ui, offer: PresetOffer) -> str:
    """A preset in three lines: its name, what it is for, what it takes here."""
    text = ui.text
    lines = (
        text(f"run.preset.{offer.preset.value}"),
        text(f"run.preset.{offer.preset.value}.what"),
        text("train.preset_cost", time=text.duration(offer.seconds), memory=text.size(offer.memory_bytes)),
    )
    return "\n".join(lines)


def decided_label(ui: Ui, value: Any) -> str:
    """What stands in an empty field: the value that the preset decides."""
    shown = ui.text("train.expert_off") if value is None else f"{value:g}"
    return ui.text("train.expert_auto", value=shown)


def named_field(ui: Ui, problem: Problem) -> Problem:
    """The problem with the label of its field in its sentence, in place of the field's name in a recipe."""
    key = f"train.set.{problem.params.get('field')}"
    if key not in ui.text.entries:
        return problem
    return problem.model_copy(update={"params": {**problem.params, "field": ui.text(key)}})
