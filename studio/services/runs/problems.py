"""Everything that speaks against a recipe, found at once and before anything is started."""

from __future__ import annotations

from studio.domain.model import FitBadge
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.models import hardware
from studio.services.models import ModelService
from studio.services.runs.estimates import fit_of
from studio.services.runs.examples import Examples
from studio.services.runs.token_lengths import Lengths, RunLengths


class RunProblems:
    """Checks recipes against the models, the examples and the machine."""

    def __init__(self, models: ModelService, lengths: RunLengths) -> None:
        self._models = models
        self._lengths = lengths

    def of(self, recipe: Recipe, examples: Examples | None, *, estimate: bool = False) -> list[Problem]:
        """All problems of a recipe, the impossible ones first.

        Args:
            examples: what it would learn from; None when they could not be read.
            estimate: does not wait for their tokens to be counted.
        """
        from studio.training.recipes.presets import resolve, validate
        from studio.training.recipes.validation import contradictions, linear_kinds

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
        lengths = self._lengths.of(card, examples, estimate=estimate) if examples else Lengths(0.0, 0)
        resolved = resolve(recipe, card, *counts, lengths.mean)
        found += validate(resolved, card, *counts)
        modules = linear_kinds(self._models.folder(card.id)) if recipe.target_modules else ()
        found += contradictions(resolved, card, hardware.machine().device, modules)
        found += self._memory(resolved, lengths)
        return sorted(found, key=lambda problem: problem.severity is not Severity.ERROR)

    def _memory(self, recipe: Recipe, lengths: Lengths) -> list[Problem]:
        fit = fit_of(self._models, recipe, lengths)
        if fit.badge is not FitBadge.TOO_BIG:
            return []
        machine = hardware.machine()
        total = machine.vram_total or machine.ram_total
        params = {"needed_gb": fit.needed_bytes / 1e9, "free_gb": fit.free_bytes / 1e9, "total_gb": total / 1e9}
        if fit.needed_bytes < total:  # what other programs hold now may be free when the run starts
            return [Problem(code="run.memory_tight", severity=Severity.WARNING, field="model", params=params)]
        return [Problem(code="run.too_big", field="model", params=params)]
