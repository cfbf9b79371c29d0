"""Everything that speaks against a recipe, found at once and before anything is started."""

from __future__ import annotations

from studio.domain.model import FitBadge
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.services.models import ModelService
from studio.services.run_examples import Examples
from studio.storage.workspace import Workspace


class RunProblems:
    """Checks recipes against the models, the examples and the machine.

    Args:
        workspace: where models are installed.
        models: the base models.
    """

    def __init__(self, workspace: Workspace, models: ModelService) -> None:
        self._workspace = workspace
        self._models = models

    def of(self, recipe: Recipe, examples: Examples | None) -> list[Problem]:
        """All problems of a recipe, the impossible ones first.

        Args:
            recipe: with choices that may be open.
            examples: what it would learn from; None when they could not be read.
        """
        from studio.training.presets import resolve, validate

        try:
            card = self._models.get(recipe.model)
        except AfinaError:
            return [Problem(code="run.unknown_model", field="model", params={"model": recipe.model})]
        found = []
        if card.licence.must_accept and not self._models.accepted(card.id):
            params = {"model": card.name, "licence": card.licence.name}
            found.append(Problem(code="run.licence_not_accepted", field="model", params=params))
        if not self._models.is_installed(card.id):
            found.append(Problem(code="run.model_not_installed", field="model", params={"model": card.name}))
        counts = (len(examples.train), len(examples.held_out)) if examples else (100, 10)
        resolved = resolve(recipe, card, *counts, 64)
        found += validate(resolved, card, *counts)
        found += self._memory(resolved)
        return sorted(found, key=lambda problem: problem.severity is not Severity.ERROR)

    def _memory(self, recipe: Recipe) -> list[Problem]:
        fit = self._models.fit(recipe.model, batch=recipe.batch_size or 16, length=recipe.max_length or 256)
        if fit.badge is not FitBadge.TOO_BIG:
            return []
        params = {"needed_gb": fit.needed_bytes / 1e9, "free_gb": fit.free_bytes / 1e9}
        return [Problem(code="run.too_big", field="model", params=params)]
