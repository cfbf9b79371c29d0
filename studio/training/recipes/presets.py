"""Presets: every choice that a recipe leaves open, sized to the model and the data. Pure arithmetic."""

from __future__ import annotations

import math
from typing import Final

from studio.domain.model import BaseModelCard
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Method, Preset, Recipe, Schedule

# Examples that a run looks at, counted with repetition, and the bounds on its passes: (examples, fewest, most).
_EFFORT: Final = {
    Preset.QUICK: (600, 1.0, 6.0),
    Preset.BALANCED: (1150, 2.0, 10.0),
    Preset.THOROUGH: (2300, 3.0, 20.0),
}
_BATCHES: Final = ((2000, 16), (48, 8), (24, 4), (12, 2))  # from so many examples on, so many a step
_RANK: Final = 16
# Of the adapter that keeps whole weights. Their change is of no low rank: of the last quarter of the layers of the 135M
# model, 46 % of its energy are kept at rank 16, 75 % at 64, 97 % at 256. Of all layers, 256 would make a file larger
# than the model.
KEPT_RANKS: Final = {Method.LAST_LAYERS: 256, Method.FULL: 64}
_ADAPTER_RATE: Final = 3e-3
_RATES: Final = {Method.FULL: 1e-4, Method.LAST_LAYERS: 6e-4}


def resolve(recipe: Recipe, card: BaseModelCard, n_train: int, n_held_out: int, mean_tokens: float) -> Recipe:
    """The recipe with every open choice made; what a person chose stays."""
    method = recipe.method or Method.LORA
    rank = recipe.rank or min(KEPT_RANKS.get(method, _RANK), card.hidden_size or _RANK)
    batch = recipe.batch_size or _batch(n_train)
    epochs = recipe.epochs or _epochs(recipe.preset, n_train)
    steps = max(1, math.ceil(epochs * n_train / batch))
    chosen = {
        "method": method,
        "rank": rank,
        "alpha": 2.0 * rank,
        "dropout": 0.0,
        "learning_rate": _learning_rate(method, card),
        "schedule": Schedule.COSINE,
        "warmup_ratio": 0.1 if steps < 200 else 0.05,
        "weight_decay": 0.01,
        "epochs": epochs,
        "batch_size": batch,
        "max_length": _length(card, mean_tokens),
        "evaluations": _evaluations(recipe.preset, steps) if n_held_out else 3,
        "patience": 3,
        "augment": True,
    }
    return recipe.model_copy(update={name: value for name, value in chosen.items() if getattr(recipe, name) is None})


def validate(recipe: Recipe, card: BaseModelCard, n_train: int, n_held_out: int) -> list[Problem]:
    """All problems of a resolved recipe with this model and this data, each naming its field."""
    problems = []
    if n_train < 2:
        problems.append(Problem(code="train.too_few_examples", field="data", params={"n": n_train}))
    elif n_train < 20:
        few = Problem(code="train.few_examples", severity=Severity.WARNING, field="data", params={"n": n_train})
        problems.append(few)
    if not n_held_out and n_train >= 2:
        problems.append(Problem(code="train.nothing_held_out", severity=Severity.WARNING, field="held_out"))
    if recipe.max_length and card.context_length and recipe.max_length > card.context_length:
        params = {"value": recipe.max_length, "limit": card.context_length}
        problems.append(Problem(code="recipe.length_over_context", field="max_length", params=params))
    if recipe.last_layers and card.layers and recipe.last_layers > card.layers:
        params = {"value": recipe.last_layers, "limit": card.layers}
        problems.append(Problem(code="recipe.more_layers_than_model", field="last_layers", params=params))
    if recipe.rank and card.hidden_size and recipe.rank > card.hidden_size:
        params = {"value": recipe.rank, "limit": card.hidden_size}
        problems.append(Problem(code="recipe.rank_over_width", field="rank", params=params))
    if recipe.batch_size and n_train and recipe.batch_size > n_train:
        params = {"value": recipe.batch_size, "n": n_train}
        problems.append(
            Problem(code="recipe.batch_over_data", severity=Severity.WARNING, field="batch_size", params=params)
        )
    highest = 1e-3 if recipe.method is not None and recipe.method.tunes_whole_weights else 1e-2
    if recipe.learning_rate and recipe.learning_rate > highest:
        problems.append(Problem(code="recipe.rate_too_high", severity=Severity.WARNING, field="learning_rate"))
    return problems


def _epochs(preset: Preset, n_train: int) -> float:
    examples, fewest, most = _EFFORT[preset]
    return float(round(min(most, max(fewest, examples / max(1, n_train)))))


def _batch(n_train: int) -> int:
    """Small data gets small steps, so that there are enough of them."""
    return next((size for fewest, size in _BATCHES if n_train >= fewest), 1)


def _learning_rate(method: Method, card: BaseModelCard) -> float:
    """Chosen by experiment on the 135M model (benchmarks/README.md); larger models want less, by the square root."""
    scale = min(1.0, math.sqrt(135e6 / max(card.parameters, 1)))
    return _RATES.get(method, _ADAPTER_RATE) * scale


def _length(card: BaseModelCard, mean_tokens: float) -> int:
    """Room for examples eight times as long as the mean, in steps of 128 and within what the model can see."""
    wanted = 128 * math.ceil(max(2 * 128, 8 * mean_tokens) / 128)
    return max(16, min(wanted, 2048, card.context_length or 2048))


def _evaluations(preset: Preset, steps: int) -> int:
    wanted = {Preset.QUICK: 4, Preset.BALANCED: 6, Preset.THOROUGH: 10}[preset]
    return max(1, min(wanted, steps // 2))
