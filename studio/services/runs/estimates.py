"""The three presets with their minutes and memory, before the button."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from studio.domain.model import BaseModelCard, Fit
from studio.domain.recipe import Method, Preset, Recipe
from studio.domain.run import RunState
from studio.models import hardware
from studio.models.estimate import training_seconds
from studio.models.probe import known_speed
from studio.processes.child import run_child
from studio.processes.job_registry import ActiveJob, JobRegistry
from studio.services.models import ModelService
from studio.services.runs.examples import Examples
from studio.services.runs.token_lengths import Lengths, RunLengths
from studio.services.runs.training_time import (
    TrainingSpeed,
    Work,
    correction_of,
    crowd,
    foretold,
    tokens_asked,
    tokens_taken,
)
from studio.storage.database import RunRow
from studio.storage.files import read_value, write_atomic
from studio.storage.workspace import RunFolder, Workspace
from studio.training.loop.evaluation import RECALL_ASKED

_RUNS: Final = 5  # newest ones that correct what is foretold
_MEASURE_SECONDS: Final = 300.0
_TYPICAL_LENGTH: Final = 128  # tokens, while there are no examples


@dataclass(frozen=True)
class PresetOffer:
    """A preset as the Train screen offers it.

    Args:
        seconds: how long it would take here, from the click to the tuned chatbot.
        seconds_most: the same, if it adds all the passes that it may, and other programs go on as they do now.
        measured: whether the time comes from this machine (a run or a measurement), not from a guess.
    """

    preset: Preset
    recipe: Recipe
    seconds: float
    seconds_most: float
    memory_bytes: int
    measured: bool


class TrainingEstimates:
    """Resolves recipes and foretells what they take."""

    def __init__(self, workspace: Workspace, models: ModelService, lengths: RunLengths) -> None:
        self._workspace = workspace
        self._models = models
        self._lengths = lengths
        self._measurements = JobRegistry(workspace.home, "measurement")

    def of(self, examples: Examples, recipe: Recipe) -> list[PresetOffer]:
        """One offer a preset; what the recipe chooses holds in all of them. Never waits for tokens to be counted."""
        card = self._models.get(recipe.model)
        lengths = self._lengths.of(card, examples, estimate=True)
        offers, others = [], crowd()
        for preset in Preset:
            resolved = self._resolved(recipe.model_copy(update={"preset": preset}), card, examples, lengths)
            speed = self._speed(card, resolved)
            correction = correction_of(self._runs_like(card, resolved), speed)
            work = work_of(resolved, len(examples.train), examples.practice_count, lengths)
            least, most = foretold(work, speed, correction or 1.0, others, may_extend=lengths.has_unique_answers)
            memory = fit_of(self._models, resolved, lengths).needed_bytes
            measured = speed.measured or correction is not None
            offers.append(PresetOffer(preset, resolved, least, most, memory, measured))
        return offers

    def resolve(self, recipe: Recipe, examples: Examples) -> Recipe:
        """The recipe with every choice made, as it is written into a run's folder."""
        card = self._models.get(recipe.model)
        return self._resolved(recipe, card, examples, self._lengths.of(card, examples))

    def measure(self, model_id: str) -> None:
        """Measures the training speed of an installed model in a process of its own, unless it is known."""
        card = self._models.get(model_id)
        if self._models.is_installed(card.id) and not self._note(card.id).exists():
            self._measurements.start(card.id, lambda job: self._measure(card.id, job))

    def is_measuring(self, model_id: str) -> bool:
        """Whether a measurement, or a count of tokens, is under way: offers may be others after it."""
        job = self._measurements.get(model_id)
        return (job is not None and job.is_active) or self._lengths.is_counting(model_id)

    def stop_measuring(self) -> None:
        """Ends measurements: a run needs the cores, and tells the speed better."""
        self._measurements.close()

    def _resolved(self, recipe: Recipe, card: BaseModelCard, examples: Examples, lengths: Lengths) -> Recipe:
        from studio.training.recipes.presets import resolve

        resolved = resolve(recipe, card, len(examples.train), examples.practice_count, lengths.mean)
        named = {"data": examples.data, "system_prompt": examples.system_prompt}
        return resolved.model_copy(update=named)

    def _speed(self, card: BaseModelCard, recipe: Recipe) -> TrainingSpeed:
        """As measured with this model, or else from its parameters and the speed of plain matrix products."""
        cost = _cost(recipe)
        try:
            values = json.loads(self._note(card.id).read_text(encoding="utf-8"))
            token = float(values.get("token_seconds") or 1 / float(values["tokens_per_second"]))
            step, disturbed = float(values.get("step_seconds", 0.0)), float(values.get("disturbed", 1.0))
            return TrainingSpeed(cost * token / disturbed, cost * step / disturbed, True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
            plain = known_speed(self._workspace.home, hardware.machine())
            return TrainingSpeed(training_seconds(card, 1.0, plain, recipe.method or Method.LORA, recipe.precision))

    def _runs_like(self, card: BaseModelCard, recipe: Recipe) -> list[tuple[RunFolder, int, int]]:
        """The newest runs of the same model and kind of method that are over, with what is needed to foretell them."""
        from sqlalchemy import select

        over = (RunState.FINISHED.value, RunState.STOPPED.value)
        query = select(RunRow.id, RunRow.held_out_examples).where(RunRow.model_id == card.id, RunRow.state.in_(over))
        with self._workspace.database.session() as session:
            rows = session.execute(query.order_by(RunRow.created_at.desc()).limit(4 * _RUNS)).tuples().all()
        found: list[tuple[RunFolder, int, int]] = []
        for run_id, held_out in rows:
            folder = self._workspace.run(run_id)
            made = read_value(folder.recipe, Recipe)
            if made and (_cost(made), made.precision) == (_cost(recipe), recipe.precision):
                found.append((folder, made.batch_size or 16, held_out))
        return found[:_RUNS]

    def _measure(self, model_id: str, job: ActiveJob) -> Path:
        """Takes some steps in a child process. Where that fails, the guess stays in use."""
        folder, ends = self._workspace.model(model_id), time.monotonic() + _MEASURE_SECONDS
        values: dict[str, Any] = {}
        run_child(
            "studio.training.engines.throughput_probe",
            [folder, self._workspace.home],
            on_message=values.update,
            cancelled=lambda: job.is_cancelled() or time.monotonic() > ends,
            on_start=job.attach,
        )
        write_atomic(self._note(model_id), json.dumps(values))
        return self._note(model_id)

    def _note(self, model_id: str) -> Path:
        return self._workspace.home / "measurements" / f"{model_id}.json"


def fit_of(models: ModelService, recipe: Recipe, lengths: Lengths) -> Fit:
    """Whether a resolved recipe fits into the memory of this machine."""
    length = min(lengths.longest or _TYPICAL_LENGTH, recipe.max_length or lengths.longest)
    method, rank = recipe.method or Method.LORA, recipe.rank or 16
    return models.fit(recipe.model, batch=recipe.batch_size or 16, length=length, method=method, rank=rank)


def work_of(recipe: Recipe, n_train: int, n_practice: int, lengths: Lengths) -> Work:
    """What a resolved recipe does with so many examples."""
    seen = n_train * (recipe.epochs or 1.0)
    recall = min(RECALL_ASKED, n_train) if lengths.has_unique_answers else 0
    asked = (recipe.evaluations or 1) * tokens_asked(n_practice, recall, lengths.mean)
    taken = tokens_taken(n_train * lengths.mean, recipe.epochs or 1.0)
    return Work(seen / (recipe.batch_size or 16), taken, asked)


def _cost(recipe: Recipe) -> float:
    """Time of a token against an adapter on all layers; full tuning computes the gradients of all weights as well."""
    return {Method.FULL: 1.5, Method.LAST_LAYERS: 0.75}.get(recipe.method or Method.LORA, 1.0)
