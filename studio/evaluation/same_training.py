"""Tells whether two runs have the same settings and examples, and differ only in the seed."""

from __future__ import annotations

import hashlib
from typing import Final

from studio.data.splitting.practice import FEWEST_TO_PART
from studio.domain.recipe import Recipe
from studio.evaluation.exam_plan import read_examples
from studio.storage.files import read_value
from studio.storage.workspace import RunFolder

_NOT_COMPARED: Final = {"seed", "split_seed", "data", "held_out", "held_out_share", "columns"}
_READ: Final = 20_000


def training_key(run: RunFolder) -> str | None:
    """A key that is equal for two runs with the same examples and recipes that differ at most in the seed.

    Which of many examples are practised with depends on the seed, so these count with those that were learned.

    Returns:
        None where the recipe cannot be read.
    """
    recipe = read_value(run.recipe, Recipe)
    if recipe is None:
        return None
    train, practice = read_examples(run.train, _READ), read_examples(run.held_out, _READ)
    examples = [*train, *practice] if len(train) + len(practice) >= FEWEST_TO_PART else train
    digest = hashlib.sha256(recipe.model_dump_json(exclude=_NOT_COMPARED).encode())
    for text in sorted({f"{each.question}\0{each.answer}" for each in examples}):
        digest.update(text.encode())
    return digest.hexdigest()
