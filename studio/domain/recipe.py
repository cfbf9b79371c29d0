"""A recipe: everything that decides what a run does. Screen, command line and API write the same one."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.domain.dataset import Mapping
from studio.domain.problem import Problem

SCHEMA_VERSION: Final = 1


class Method(StrEnum):
    """Which weights are tuned, and how."""

    LORA = "lora"
    DORA = "dora"
    RSLORA = "rslora"
    FULL = "full"
    LAST_LAYERS = "last_layers"  # all weights of the last layers, the others as they are
    QLORA = "qlora"  # LoRA on a base held in 4 bits; needs an NVIDIA card

    @property
    def tunes_whole_weights(self) -> bool:
        """Whether weights are changed as a whole, not by a small product beside them."""
        return self in (Method.FULL, Method.LAST_LAYERS)


class Preset(StrEnum):
    """How much time to give."""

    QUICK = "quick"
    BALANCED = "balanced"
    THOROUGH = "thorough"


class Schedule(StrEnum):
    """How the learning rate moves after warm-up."""

    COSINE = "cosine"
    LINEAR = "linear"
    CONSTANT = "constant"


class Precision(StrEnum):
    """Number format of the base weights and products. AUTO measures this machine and chooses."""

    AUTO = "auto"
    BF16 = "bf16"
    FP32 = "fp32"


class Recipe(BaseModel):
    """What to tune, on what, how. ``None`` means: as the preset decides for this model and this data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=SCHEMA_VERSION, ge=1)
    model: str = Field(min_length=1, description="Id of a base model, as `afina models` lists it.")
    data: tuple[str, ...] = Field(default=(), description="Files of examples, or `dataset:ID` for a stored version.")
    held_out: tuple[str, ...] = Field(default=(), description="Files of held-out examples; split off `data` if none.")
    columns: Mapping | None = Field(default=None, description="How tables of `data` are read; recognised if not given.")
    held_out_share: float | None = Field(
        default=None, ge=0.01, le=0.5, description="Share of `data` that is held out; as stored with it, else 0.15."
    )
    split_seed: int | None = Field(
        default=None, ge=0, lt=2**32, description="Draws the held-out examples; as stored with them, else `seed`."
    )
    system_prompt: str | None = Field(
        default=None, max_length=4000, description="Said to the model before each question."
    )
    preset: Preset = Preset.BALANCED
    method: Method | None = Field(default=None, description="LoRA, DoRA, rsLoRA, QLoRA, full tuning, last layers.")
    rank: int | None = Field(default=None, ge=1, le=512, description="Rank r of the LoRA update B A.")
    alpha: float | None = Field(
        default=None, gt=0, le=4096, description="LoRA scale: the update is multiplied by alpha / r."
    )
    dropout: float | None = Field(default=None, ge=0, lt=1, description="Dropout on the input of the LoRA update.")
    target_modules: tuple[str, ...] | None = Field(
        default=None, description="Linear layers to tune; all if none named."
    )
    last_layers: int | None = Field(default=None, ge=1, description="Tune only the last N layers; all if not set.")
    layers: tuple[int, ...] | None = Field(
        default=None, description="Numbers of the layers to tune, 0 is the first; all if not set."
    )
    learning_rate: float | None = Field(default=None, gt=0, le=1, description="Peak learning rate.")
    schedule: Schedule | None = None
    warmup_ratio: float | None = Field(default=None, ge=0, le=1, description="Share of the steps spent on warm-up.")
    weight_decay: float | None = Field(default=None, ge=0, le=1, description="Decoupled weight decay of AdamW.")
    epochs: float | None = Field(default=None, gt=0, le=1000, description="Passes over the training examples.")
    batch_size: int | None = Field(default=None, ge=1, le=1024, description="Examples a step.")
    micro_batch: int | None = Field(
        default=None, ge=1, le=1024, description="Examples in memory at once; the rest of a step is accumulated."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Compute the layers twice instead of keeping them: slower, much less memory."
    )
    max_length: int | None = Field(
        default=None, ge=16, le=131072, description="Longest example in tokens; the rest is cut."
    )
    evaluations: int | None = Field(
        default=None, ge=1, le=200, description="Evaluations on held-out examples in a run."
    )
    patience: int | None = Field(
        default=None, ge=0, description="Evaluations without gain before stopping; 0 never stops."
    )
    augment: bool | None = Field(default=None, description="Vary case, accents and typos of questions while training.")
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Share of each target spread over all words (Szegedy et al., 2016)."
    )
    neftune: float = Field(
        default=0.0, ge=0, le=100, description="Strength of noise on embeddings while training (NEFTune, 2023)."
    )
    precision: Precision = Precision.AUTO
    seed: int = Field(default=42, ge=0, lt=2**32)


def parse_recipe(values: dict[str, Any]) -> tuple[Recipe | None, list[Problem]]:
    """Reads a recipe and reports *all* its problems at once.

    Args:
        values: fields of a :class:`Recipe`, as read from JSON or a form.

    Returns:
        The recipe, or None with the problems, each naming its field.
    """
    version = values.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        return None, [Problem(code="recipe.newer", field="schema_version", params={"version": version})]
    try:
        return Recipe.model_validate(values), []
    except ValidationError as error:
        return None, [_problem_of(details) for details in error.errors()]


def all_but_wrong(values: dict[str, Any]) -> Recipe | None:
    """The recipe without the fields that cannot be read, so that the others can be checked too.

    Returns:
        None where not even the model can be read.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        wrong = {str(details["loc"][0]) for details in error.errors() if details["loc"]}
    try:
        return Recipe.model_validate({name: value for name, value in values.items() if name not in wrong})
    except ValidationError:
        return None


def _problem_of(details: Any) -> Problem:
    field = ".".join(str(part) for part in details["loc"])
    context = {name: value for name, value in details.get("ctx", {}).items() if isinstance(value, (str, int, float))}
    code = {
        "extra_forbidden": "recipe.unknown_field",
        "missing": "recipe.missing_field",
        "greater_than": "recipe.too_small",
        "greater_than_equal": "recipe.too_small",
        "less_than": "recipe.too_large",
        "less_than_equal": "recipe.too_large",
        "enum": "recipe.not_a_choice",
    }.get(details["type"], "recipe.bad_value")
    limit = next((context[name] for name in ("gt", "ge", "lt", "le") if name in context), "")
    choices = context.get("expected", "")
    params = {"field": field, "value": str(details.get("input", ""))[:80], "limit": limit, "choices": choices}
    return Problem(code=code, field=field, params=params)
