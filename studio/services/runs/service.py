"""Runs: from a recipe to the queue, and on: offers, problems, the snapshot on disk, the row in the database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe, all_but_wrong, parse_recipe
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.i18n.catalog import DEFAULT_LOCALE, catalog
from studio.services.examples.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.runs.controls import NAME_LENGTH, RunControls
from studio.services.runs.estimates import PresetOffer, TrainingEstimates
from studio.services.runs.examples import Examples, RunExamples
from studio.services.runs.folders import make_run_folder
from studio.services.runs.problems import RunProblems
from studio.services.runs.state_reader import RunReader
from studio.services.runs.token_lengths import RunLengths
from studio.storage.database import ProjectRow, RunRow
from studio.storage.workspace import Workspace, new_id
from studio.training.supervision.supervisor import Supervisor

Source = str | Sequence[Conversation]


class RunService(RunControls):
    """The runs of a workspace: what is shown of them (:class:`RunViews`), what a person does to them
    (:class:`RunControls`), and here how they begin.

    Attributes:
        estimates: minutes and memory of a recipe before it is started.
    """

    def __init__(
        self,
        workspace: Workspace,
        models: ModelService,
        datasets: DatasetService,
        supervisor: Supervisor | None = None,
        reader: RunReader | None = None,
    ) -> None:
        super().__init__(workspace, supervisor, reader)
        self._models = models
        self._examples = RunExamples(workspace, datasets)
        lengths = RunLengths(workspace)
        self.estimates = TrainingEstimates(workspace, models, lengths)
        self._problems = RunProblems(models, lengths)

    def close(self) -> None:
        """Ends the supervisor; workers go on, and the next supervisor finds them."""
        super().close()
        self.estimates.stop_measuring()

    def measure(self, model_id: str) -> None:
        """Measures in the background how fast this machine trains a model, unless that is known or runs need the cores."""
        if self.is_idle():
            self.estimates.measure(model_id)

    def offers(self, source: Source, model_id: str, base: Recipe | None = None) -> list[PresetOffer]:
        """The three presets with the minutes and the memory that each would take here.

        Args:
            source: id of a project, or the examples themselves.
            base: choices that a person made; they hold in all three.

        Raises:
            AfinaError: ``general.not_found`` for an unknown model or project.
        """
        recipe = (base or Recipe(model=model_id)).model_copy(update={"model": model_id})
        return self.estimates.of(self._found(source, recipe, estimate=True), recipe)

    def problems(self, recipe: Recipe, source: Source | None = None) -> list[Problem]:
        """Everything that speaks against a recipe, all at once, each naming its field.

        Args:
            source: id of a project or examples; without it, the files and versions that the recipe names.
        """
        try:
            examples = self._found(source, recipe, estimate=True)
        except AfinaError as error:
            return [Problem.of(error, field="data"), *self._problems.of(recipe, None)]
        return self._problems.of(recipe, examples, estimate=True)

    def check(self, values: dict[str, Any], source: Source | None = None) -> tuple[Recipe | None, list[Problem]]:
        """Reads a recipe and names all that is wrong with it at once: fields that cannot be read, and all the rest.

        Args:
            values: fields of a recipe, as read from JSON or a form.

        Returns:
            The recipe, or None where a field of it cannot be read; and the problems, each naming its field.
        """
        recipe, problems = parse_recipe(values)
        readable = recipe or all_but_wrong(values)
        return recipe, [*problems, *(self.problems(readable, source) if readable is not None else [])]

    def prepared(self, project_id: str, recipe: Recipe) -> tuple[Examples, Recipe]:
        """The examples of a recipe that can be started, and the recipe with every choice made.

        Raises:
            AfinaError: the first problem that makes the recipe impossible, and what reading the examples raises.
        """
        examples = self._found(project_id, recipe)
        blocking = [p for p in self._problems.of(recipe, examples) if p.severity is Severity.ERROR]
        if blocking:
            raise AfinaError(blocking[0].code, **blocking[0].params)
        return examples, self.estimates.resolve(recipe, examples)

    def start(self, project_id: str, recipe: Recipe, name: str | None = None, *, locale: str = DEFAULT_LOCALE) -> str:
        """Puts a run into the queue: its folder holds a snapshot of all that it needs.

        Args:
            project_id: whose run, and whose examples if the recipe names none.
            name: ``Balanced · 2`` and the like by default.

        Returns:
            The run's id.

        Raises:
            AfinaError: the first problem that makes the recipe impossible, ``disk.full`` …; nothing is left behind.
        """
        examples, resolved = self.prepared(project_id, recipe)
        self.estimates.stop_measuring()
        card = self._models.get(recipe.model)
        run_id = self._supervisor.new_run_id()
        practice = examples.practice_questions(resolved.seed)
        make_run_folder(self._workspace.run(run_id), resolved, card, examples.train, practice, examples.held_out)
        shown = name or self.free_name(project_id, catalog(locale)(f"train.setting.preset.{resolved.preset.value}"))
        self.enqueue(
            run_id, project_id, shown, card, examples.dataset_id, (len(examples.train), len(examples.held_out))
        )
        return run_id

    def enqueue(
        self,
        run_id: str,
        project_id: str,
        name: str,
        card: BaseModelCard,
        dataset_id: str | None,
        examples: tuple[int, int],
    ) -> None:
        """Puts a run or a study, whose folder is made, at the end of the queue; on an error the folder is gone again.

        Args:
            examples: how many it learns from, and how many are held out.
        """
        row = RunRow(
            id=run_id,
            project_id=project_id,
            dataset_id=dataset_id,
            name=name[:NAME_LENGTH],
            created_at=time.time(),
            state=RunState.QUEUED.value,
            position=self._queue.last_position() + 1,
            attempts=0,
            model_id=card.id,
            model_name=card.name,
            train_examples=examples[0],
            held_out_examples=examples[1],
        )
        try:
            with self._workspace.database.session() as session:
                session.add(row)
        except AfinaError:
            shutil.rmtree(self._workspace.run(run_id).path, ignore_errors=True)
            raise
        self.supervise()

    def free_name(self, project_id: str, name: str) -> str:
        """``name``, or ``name · 2`` and so on where runs of the project have it."""
        with self._workspace.database.session() as session:
            taken = set(session.scalars(select(RunRow.name).where(RunRow.project_id == project_id)))
        return next(each for n in range(1, 10**6) if (each := name if n == 1 else f"{name} · {n}") not in taken)

    def start_from_files(self, recipe: Recipe, name: str | None = None, *, locale: str = DEFAULT_LOCALE) -> str:
        """Starts a run on the files that a recipe names, in a project made for them. For the command line.

        Raises:
            AfinaError: as :meth:`start`, and what reading the files raises.
        """
        with self.project_of_files(recipe, locale) as (project_id, stored):
            return self.start(project_id, stored, name, locale=locale)

    @contextmanager
    def project_of_files(self, recipe: Recipe, locale: str = DEFAULT_LOCALE) -> Iterator[tuple[str, Recipe]]:
        """A project made for the files that a recipe names, and the recipe that names what was stored of them.

        It is gone again when what is done with it raises an ``AfinaError``.

        Raises:
            AfinaError: ``run.no_examples``, and what reading the files raises.
        """
        files = [Path(entry) for entry in recipe.data if not entry.startswith("dataset:")]
        if not recipe.data:
            raise AfinaError("run.no_examples")
        project_id = new_id("project")
        title = files[0].stem if files else catalog(locale)("train.default_project")
        with self._workspace.database.session() as session:
            now = time.time()
            session.add(
                ProjectRow(
                    id=project_id,
                    name=title[:NAME_LENGTH],
                    created_at=now,
                    updated_at=now,
                    model_id=recipe.model,
                    system_prompt=recipe.system_prompt,
                )
            )
        try:
            recipe = self._examples.imported(project_id, recipe)
            yield project_id, recipe
        except AfinaError:
            self._forget_project(project_id)
            raise

    def _found(self, source: Source | None, recipe: Recipe, *, estimate: bool = False) -> Examples:
        if source is None:
            return self._examples.of_recipe(recipe)
        if isinstance(source, str):
            return self._examples.of_project(source, recipe, estimate=estimate)
        return self._examples.of(source, recipe)

    def _forget_project(self, project_id: str) -> None:
        with self._workspace.database.session() as session:
            row: Any = session.get(ProjectRow, project_id)
            if row is not None:
                session.delete(row)
        shutil.rmtree(self._workspace.project(project_id), ignore_errors=True)
