"""The expert settings: a field each, in groups, explained in plain words, with their problems shown where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.problem import Problem
from studio.domain.recipe import Method, Precision, Recipe, Schedule, parse_recipe
from studio.web.ui.components import Ui, join, problem_notice, wrapped
from studio.web.ui.session import Place

_MODULES: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_YES, _NO = "yes", "no"


@dataclass(frozen=True)
class Setting:
    """A field of the form.

    Args:
        kind: ``number``, ``whole``, ``numbers``, ``choice``, ``names`` or ``yes_no``.
        choices: of a ``choice``.
    """

    name: str
    kind: str = "number"
    choices: tuple[StrEnum, ...] = ()

    @property
    def elem_id(self) -> str:
        return f"train-{self.name.replace('_', '-')}"


GROUPS: Final[dict[str, tuple[Setting, ...]]] = {
    "change": (
        Setting("method", "choice", tuple(Method)),
        Setting("rank", "whole"),
        Setting("alpha"),
        Setting("target_modules", "names"),
        Setting("last_layers", "whole"),
        Setting("layers", "numbers"),
    ),
    "practice": (
        Setting("learning_rate"),
        Setting("schedule", "choice", tuple(Schedule)),
        Setting("warmup_ratio"),
        Setting("epochs"),
        Setting("batch_size", "whole"),
        Setting("max_length", "whole"),
    ),
    "by_heart": (
        Setting("dropout"),
        Setting("weight_decay"),
        Setting("label_smoothing"),
        Setting("neftune"),
        Setting("augment", "yes_no"),
        Setting("patience", "whole"),
    ),
    "machine": (
        Setting("micro_batch", "whole"),
        Setting("gradient_checkpointing", "yes_no"),
        Setting("precision", "choice", tuple(Precision)),
        Setting("evaluations", "whole"),
        Setting("seed", "whole"),
    ),
}
SETTINGS: Final = tuple(setting for group in GROUPS.values() for setting in group)


def build_expert(ui: Ui) -> tuple[Any, tuple[Any, ...]]:
    """The collapsed panel; returns it with the fields in the order of :data:`SETTINGS`."""
    text = ui.text
    fields = []
    with gr.Accordion(text("common.expert"), open=False, elem_id="train-expert") as panel:
        ui.html(value=wrapped(Markup('<p class="af-muted af-small">{}</p>').format(text("train.expert_why"))))
        for group, settings in GROUPS.items():
            ui.html(value=wrapped(Markup('<h3 class="af-group">{}</h3>').format(text(f"train.setting.group.{group}"))))
            for start in range(0, len(settings), 3):
                with gr.Row(equal_height=True):
                    fields += [_field(ui, setting) for setting in settings[start : start + 3]]
    return panel, tuple(fields)


def _field(ui: Ui, setting: Setting) -> Any:
    common = {
        "label": setting_name(ui, setting.name),
        "info": setting_info(ui, setting.name),
        "elem_id": setting.elem_id,
        "min_width": 200,
    }
    match setting.kind:
        case "choice" | "yes_no":
            return gr.Dropdown(choices=_choices(ui, setting), value="", filterable=False, **common)
        case "names":
            return gr.Dropdown(choices=list(_MODULES), value=[], multiselect=True, allow_custom_value=True, **common)
        case _:  # a text box: Gradio's number box turns an empty field into 0
            return gr.Textbox(max_lines=1, **common)


def _choices(ui: Ui, setting: Setting) -> list[tuple[str, str]]:
    options = (
        [_YES, _NO] if setting.kind == "yes_no" else [str(choice) for choice in setting.choices if choice != "auto"]
    )
    return [
        (ui.text("train.setting.auto"), ""),
        *((shown_value(ui, setting.name, option), option) for option in options),
    ]


def setting_name(ui: Ui, name: str) -> str:
    """What a person calls a field of a recipe."""
    key = f"train.setting.{name}"
    return ui.text(key) if key in ui.text.entries else name


def setting_info(ui: Ui, name: str) -> str:
    """The sentence that explains a field."""
    return ui.text(f"train.setting.{name}_info")


def shown_value(ui: Ui, name: str, value: Any) -> str:
    """A value of a recipe as a person reads it."""
    text = ui.text
    if value is None or value == () or value == "":
        return text("train.setting.all" if name in ("layers", "last_layers", "target_modules") else "train.expert_off")
    if isinstance(value, bool) or value in (_YES, _NO):
        return text(f"train.setting.{_YES if value in (True, _YES) else _NO}")
    if (key := f"train.setting.{name}.{value}") in text.entries:
        return text(key)
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return shown if text.locale == "en" or not isinstance(value, float) else shown.replace(".", ",")


def read_recipe(ui: Ui, place: Place, settings: Sequence[Any]) -> tuple[Recipe | None, list[Problem]]:
    """The recipe that the form says, or all its problems. What is left empty stays open for the preset."""
    preset, *values = settings
    project = ui.services.projects.get(place.project)
    found: dict[str, Any] = {"model": project.model_id or "", "preset": preset}
    for setting, value in zip(SETTINGS, values, strict=True):
        parsed = _parsed(setting, value)
        if parsed is not None:
            found[setting.name] = parsed
    return parse_recipe(found)


def _parsed(setting: Setting, value: Any) -> Any:
    """What a person wrote as a value of a recipe; None for nothing, the text itself where it cannot be read."""
    if setting.kind == "names":
        return tuple(str(name).strip() for name in value or () if str(name).strip()) or None
    written = str(value or "").strip()
    if not written:
        return None
    match setting.kind:
        case "yes_no":
            return written == _YES
        case "choice":
            return written
        case "numbers":
            return _numbers(written)
        case _:
            number = _number(written)
            whole = setting.kind == "whole" and isinstance(number, float) and number.is_integer()
            return int(number) if whole else number


def _number(written: str) -> float | str:
    """The number that a person wrote, with a comma or a point."""
    try:
        return float(written.replace(",", "."))
    except ValueError:
        return written


def _numbers(written: str) -> tuple[int, ...] | str:
    """``0, 3-5`` as 0, 3, 4, 5; the text itself where it is not that."""
    found: list[int] = []
    for part in written.replace(";", ",").split(","):
        first, _, last = part.strip().replace("–", "-").partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or len(first) > 4 or len(last) > 4:
            return written
        found += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(found))


def written_values(recipe: Recipe) -> list[Any]:
    """The values of the fields that say what a recipe says, in the order of :data:`SETTINGS`."""
    return [_written(setting, getattr(recipe, setting.name)) for setting in SETTINGS]


def _written(setting: Setting, value: Any) -> Any:
    if setting.kind == "names":
        return list(value or ())
    if value is None or value == "auto":
        return ""
    match setting.kind:
        case "yes_no":
            return _YES if value else _NO
        case "numbers":
            return ", ".join(str(part) for part in value)
        case "choice":
            return str(value)
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)


def field_updates(ui: Ui, fields: Sequence[Any], decided: Recipe | None, problems: Sequence[Problem]) -> dict[Any, Any]:
    """What every field shows: the value that the preset decides, and what is wrong with what was written.

    Args:
        decided: the recipe with every choice made; None leaves the values as they are shown.
    """
    wrong: dict[str, list[str]] = {}
    for problem in problems:
        wrong.setdefault(problem.field or "", []).append(ui.text.problem(named_field(ui, problem)))
    updates: dict[Any, Any] = {}
    for setting, field in zip(SETTINGS, fields, strict=True):
        sentences = wrong.get(setting.name)
        shown: dict[str, Any] = {
            "info": " ".join(sentences) if sentences else setting_info(ui, setting.name),
            "elem_classes": ["af-wrong"] if sentences else [],
        }
        if decided is not None and setting.kind in ("number", "whole", "numbers"):
            value = shown_value(ui, setting.name, getattr(decided, setting.name))
            shown["placeholder"] = ui.text("train.expert_auto", value=value)
        updates[field] = gr.update(**shown)
    return updates


def problem_list(ui: Ui, problems: Sequence[Problem]) -> str:
    """Every problem that speaks against the start, in sentences."""
    return wrapped(join(problem_notice(ui.text, named_field(ui, problem)) for problem in problems)) if problems else ""


def named_field(ui: Ui, problem: Problem) -> Problem:
    """The problem with the label of its field in its sentence, in place of the field's name in a recipe."""
    name = str(problem.params.get("field", "")).split(".")[0]
    if not any(setting.name == name for setting in SETTINGS):
        return problem
    return problem.model_copy(update={"params": {**problem.params, "field": setting_name(ui, name)}})
