"""Presets decide what is open, sized to the data; problems are named all at once."""

from __future__ import annotations

import pytest

from studio.domain.problem import Severity
from studio.domain.recipe import Preset, Recipe
from studio.models.catalog import builtin_cards
from studio.training.recipes.presets import resolve, validate

CARD = builtin_cards()[0]


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("n_train", [1, 2, 20, 192, 5000, 100_000])
def test_every_choice_is_made(preset: Preset, n_train: int) -> None:
    resolved = resolve(Recipe(model=CARD.id, preset=preset), CARD, n_train, n_train // 5, 60.0)
    assert None not in (
        resolved.method,
        resolved.rank,
        resolved.alpha,
        resolved.epochs,
        resolved.max_length,
        resolved.augment,
    )
    assert not [p for p in validate(resolved, CARD, max(n_train, 2), 1) if p.severity is Severity.ERROR]


def test_what_a_person_chose_stays() -> None:
    recipe = Recipe(model=CARD.id, rank=3, epochs=1.5, learning_rate=0.5, augment=False)
    resolved = resolve(recipe, CARD, 192, 48, 60.0)
    assert (resolved.rank, resolved.epochs, resolved.learning_rate, resolved.augment) == (3, 1.5, 0.5, False)
    assert resolved.alpha == 6.0


def test_more_time_means_more_passes_and_small_data_gets_more() -> None:
    def passes(preset: Preset, n_train: int) -> float:
        return resolve(Recipe(model=CARD.id, preset=preset), CARD, n_train, 10, 60.0).epochs or 0.0

    assert passes(Preset.QUICK, 192) < passes(Preset.BALANCED, 192) < passes(Preset.THOROUGH, 192)
    assert passes(Preset.BALANCED, 192) > passes(Preset.BALANCED, 5000) >= 1


def test_long_examples_get_room_within_what_the_model_sees() -> None:
    assert (resolve(Recipe(model=CARD.id), CARD, 100, 10, 300.0).max_length or 0) >= 2000
    small = CARD.model_copy(update={"context_length": 256})
    assert resolve(Recipe(model=CARD.id), small, 100, 10, 300.0).max_length == 256


def test_all_problems_are_named_at_once() -> None:
    recipe = Recipe(model=CARD.id, max_length=100_000, last_layers=99, rank=512, batch_size=64, learning_rate=0.9)
    card = CARD.model_copy(update={"hidden_size": 64})
    found = validate(resolve(recipe, card, 10, 0, 60.0), card, 10, 0)
    assert {problem.code for problem in found} == {
        "train.few_examples",
        "train.nothing_held_out",
        "recipe.length_over_context",
        "recipe.more_layers_than_model",
        "recipe.rank_over_width",
        "recipe.batch_over_data",
        "recipe.rate_too_high",
    }
    assert all(problem.field for problem in found)


def test_one_example_cannot_be_learned_from() -> None:
    found = validate(resolve(Recipe(model=CARD.id), CARD, 1, 0, 60.0), CARD, 1, 0)
    assert [problem.code for problem in found if problem.severity is Severity.ERROR] == ["train.too_few_examples"]
