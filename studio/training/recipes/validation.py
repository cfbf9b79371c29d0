"""Settings that contradict each other, the model or the machine. Pure reading; each problem names its field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from studio.domain.model import BaseModelCard
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Method, Recipe
from studio.errors import AfinaError
from studio.models.weights import tensor_shapes

_NOISY: Final = 30.0  # NEFTune's authors take 5 to 15
_SMOOTH: Final = 0.3
_LONGEST_WARMUP: Final = 0.8


def contradictions(recipe: Recipe, card: BaseModelCard, device: str, modules: Sequence[str]) -> list[Problem]:
    """Everything in a resolved recipe that cannot be or does nothing.

    Args:
        modules: kinds of linear layers that the model has; empty where that is not known.
    """
    return [*_impossible(recipe, card, device, modules), *_pointless(recipe)]


def linear_kinds(model_dir: Path) -> tuple[str, ...]:
    """Kinds of linear layers inside the layers of an installed model, read off the headers of its weights."""
    kinds: set[str] = set()
    for path in sorted(model_dir.glob("*.safetensors")):
        try:
            shapes = tensor_shapes(path)
        except (AfinaError, OSError):
            continue
        for name, shape in shapes.items():
            parts = name.split(".")
            if parts[-1] == "weight" and len(parts) > 3 and len(shape) == 2 and any(part.isdigit() for part in parts):
                kinds.add(parts[-2])
    return tuple(sorted(kinds))


def _impossible(recipe: Recipe, card: BaseModelCard, device: str, modules: Sequence[str]) -> Iterator[Problem]:
    if recipe.method is Method.QLORA and not device.startswith("cuda"):
        yield Problem(code="recipe.qlora_needs_cuda", field="method")
    elif recipe.method is Method.QLORA and find_spec("bitsandbytes") is None:
        yield Problem(code="recipe.qlora_not_installed", field="method")
    if recipe.layers is not None and recipe.last_layers is not None:
        yield Problem(code="recipe.layers_twice", field="layers", params={"value": recipe.last_layers})
    if recipe.layers is not None:
        outside = [number for number in recipe.layers if number < 0 or (card.layers and number >= card.layers)]
        if outside or not recipe.layers:
            wrong = ", ".join(map(str, outside)) or "-"
            params = {"value": wrong, "last": max(0, card.layers - 1)}
            yield Problem(code="recipe.no_such_layer", field="layers", params=params)
    unknown = [name for name in recipe.target_modules or () if modules and name not in modules]
    if unknown or (recipe.target_modules is not None and not recipe.target_modules):
        params = {"value": ", ".join(unknown) or "-", "choices": ", ".join(modules)}
        yield Problem(code="recipe.no_such_module", field="target_modules", params=params)


def _pointless(recipe: Recipe) -> Iterator[Problem]:
    whole = recipe.method is not None and recipe.method.tunes_whole_weights
    if recipe.micro_batch and recipe.batch_size and recipe.micro_batch > recipe.batch_size:
        yield _warning("micro_over_batch", "micro_batch", value=recipe.micro_batch, limit=recipe.batch_size)
    if whole and recipe.dropout:
        yield _warning("dropout_unused", "dropout")
    if recipe.patience and recipe.evaluations and recipe.patience >= recipe.evaluations:
        yield _warning("patience_unused", "patience", value=recipe.patience, n=recipe.evaluations)
    if (recipe.warmup_ratio or 0.0) > _LONGEST_WARMUP:
        yield _warning("warmup_too_long", "warmup_ratio", percent=round(100 * (recipe.warmup_ratio or 0.0)))
    if recipe.neftune > _NOISY:
        yield _warning("noise_too_strong", "neftune", value=recipe.neftune)
    if recipe.label_smoothing > _SMOOTH:
        yield _warning("smoothing_too_strong", "label_smoothing", value=recipe.label_smoothing)


def _warning(name: str, field: str, **params: Any) -> Problem:
    return Problem(code=f"recipe.{name}", severity=Severity.WARNING, field=field, params=params)
