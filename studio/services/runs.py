"""Runs: started, watched, stopped, gone on with, deleted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from studio.domain.conversation import Conversation
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.domain.run import RunState, RunView
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import DEFAULT_LOCALE, catalog
from studio.services.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.offers import Offers, PresetOffer
from studio.services.reading import Sentence, reading
from studio.services.run_examples import Examples, RunExamples
from studio.services.run_folders import make_run_folder
from studio.services.run_lengths import RunLengths
from studio.services.run_problems import RunProblems
from studio.services.run_views import RunReader
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import replace
from studio.storage.workspace import Workspace, new_id
from studio.training.outcome import conclude
from studio.training.queue import RunQueue
from studio.training.supervisor import Supervisor

_NAME_LENGTH: Final = 200


class RunService:
    """The runs of a workspace.

    Args:
        workspace: where they live.
        models: the base models.
        datasets: the examples.
        supervisor: sees them through; one of its own by default. It does nothing before :meth:`start_supervisor`.
    """

    def __init__(
        self,
        workspace: Workspace,
        models: ModelService,
        datasets: DatasetService,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._workspace = workspace
        self._models = models
        self._supervisor = supervisor or Supervisor(workspace)
        self._queue = RunQueue(workspace.database)
        self._reader = RunReader()
        self._examples = RunExamples(workspace, datasets)
        lengths = RunLengths(workspace)
        self._offers = Offers(workspace, models, lengths)
        self._problems = RunProblems(models, lengths)

    def start_supervisor(self) -> None:
        """Starts the thread that sees runs through. Starting or going on with a run does so by itself."""
        self._supervisor.start()

    def close(self) -> None:
        """Ends the supervisor; workers go on, and the next supervisor finds them."""
        self._supervisor.close()
        self._offers.stop_measuring()

    def offers(
        self, source: str | Sequence[Conversation], model_id: str, base: Recipe | None = None
    ) -> list[PresetOffer]:
        """The three presets with the minutes and the memory that each would take here.

        Args:
            source: id of a project, or the examples themselves.
            model_id: base model.
            base: choices that a person made; they hold in all three.

        Raises:
            AfinaError: ``general.not_found`` for an unknown model or project.
        """
        recipe = (base or Recipe(model=model_id)).model_copy(update={"model": model_id})
        return self._offers.of(self._found(source, recipe), recipe)

    def measure(self, model_id: str) -> None:
        """Measures in the background how fast this machine trains a model, unless that is known or a run needs the cores."""
        if not self._queue.active() and not self._queue.waiting():
            self._offers.measure(model_id)

    def is_measuring(self, model_id: str) -> bool:
        """Whether such a measurement is under way."""
        return self._offers.is_measuring(model_id)

    def problems(self, recipe: Recipe, source: str | Sequence[Conversation] | None = None) -> list[Problem]:
        """Everything that speaks against a recipe, all at once, each naming its field.

        Args:
            recipe: with choices that may be open.
            source: id of a project or examples; without it, the files and versions that the recipe names.
        """
        try:
            examples = self._found(source, recipe)
        except AfinaError as error:
            return [Problem.of(error, field="data"), *self._problems.of(recipe, None)]
        return self._problems.of(recipe, examples)

    def start(self, project_id: str, recipe: Recipe, name: str | None = None, *, locale: str = DEFAULT_LOCALE) -> str:
        """Puts a run into the queue: its folder holds a snapshot of all that it needs.

        Args:
            project_id: whose run, and whose examples if the recipe names none.
            recipe: with choices that may be open.
            name: ``Balanced · 2`` and the like by default.
            locale: language of that default name.

        Returns:
            The run's id.

        Raises:
            AfinaError: the first problem that makes the recipe impossible, ``disk.full`` …; nothing is left behind.
        """
        examples = self._found(project_id, recipe)
        blocking = [p for p in self._problems.of(recipe, examples) if p.severity is Severity.ERROR]
        if blocking:
            raise AfinaError(blocking[0].code, **blocking[0].params)
        self._offers.stop_measuring()
        card = self._models.get(recipe.model)
        resolved = self._offers.resolve(recipe, examples)
        run_id = new_id("run")
        folder = self._workspace.run(run_id)
        make_run_folder(folder, resolved, card, examples.train, examples.held_out)
        row = RunRow(
            id=run_id,
            project_id=project_id,
            dataset_id=examples.dataset_id,
            name=(name or self._name(project_id, resolved, locale))[:_NAME_LENGTH],
            created_at=time.time(),
            state=RunState.QUEUED.value,
            position=self._queue.last_position() + 1,
            attempts=0,
            model_id=card.id,
            model_name=card.name,
            train_examples=len(examples.train),
            held_out_examples=len(examples.held_out),
        )
        try:
            with self._workspace.database.session() as session:
                session.add(row)
        except AfinaError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        self._supervise()
        return run_id

    def start_from_files(self, recipe: Recipe, name: str | None = None, *, locale: str = DEFAULT_LOCALE) -> str:
        """Starts a run on the files that a recipe names, in a project made for them. For the command line.

        Raises:
            AfinaError: as :meth:`start`, and what reading the files raises.
        """
        files = [Path(entry) for entry in recipe.data if not entry.startswith("dataset:")]
        if not recipe.data:
            raise AfinaError("run.no_examples")
        project_id = new_id("project")
        title = files[0].stem if files else catalog(locale)("run.default_project")
        with self._workspace.database.session() as session:
            now = time.time()
            session.add(
                ProjectRow(
                    id=project_id,
                    name=title[:_NAME_LENGTH],
                    created_at=now,
                    updated_at=now,
                    model_id=recipe.model,
                    system_prompt=recipe.system_prompt,
                )
            )
        try:
            recipe = self._examples.imported(project_id, recipe)
            return self.start(project_id, recipe, name, locale=locale)
        except AfinaError:
            self._forget_project(project_id)
            raise

    def stop(self, run_id: str) -> None:
        """Asks a run to stop and keep the best so far. One that waits stops at once; one that is over stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        row = self._row(run_id)
        folder = self._workspace.run(run_id)
        if RunState(row.state).is_over:
            return
        if self._queue.move(run_id, RunState.STOPPED, only_from=(RunState.QUEUED,)):
            conclude(folder, RunState.STOPPED)
            return
        try:
            folder.stop_request.touch()
        except OSError as error:
            raise from_exception(error) from error
        self._supervise()

    def resume(self, run_id: str) -> None:
        """Goes on with a run that stopped or failed, from its newest checkpoint.

        Raises:
            AfinaError: ``general.not_found``, or ``run.not_resumable`` for one that waits, runs or has finished.
        """
        view = self.view(run_id)
        if view.state not in (RunState.STOPPED, RunState.FAILED):
            raise AfinaError("run.not_resumable", name=view.name)
        folder = self._workspace.run(run_id)
        folder.stop_request.unlink(missing_ok=True)
        if folder.result.exists():
            replace(folder.result, folder.path / "result-before.json")
        self._queue.put_last(run_id)
        self._supervise()

    def view(self, run_id: str) -> RunView:
        """Everything that a screen shows of a run, read from disk. Cheap enough for a timer.

        Raises:
            AfinaError: ``general.not_found``.
        """
        row = self._row(run_id)
        return self._reader.view(row, self._workspace.run(run_id), self._waiting().get(run_id))

    def list(self, project_id: str | None = None) -> list[RunView]:
        """All runs, or those of a project, the newest first."""
        query = select(RunRow).order_by(RunRow.created_at.desc(), RunRow.position.desc())
        if project_id is not None:
            query = query.where(RunRow.project_id == project_id)
        with self._workspace.database.session() as session:
            rows = session.scalars(query).all()
        waiting = self._waiting()
        return [self._reader.view(row, self._workspace.run(row.id), waiting.get(row.id)) for row in rows]

    def delete(self, run_id: str) -> None:
        """Deletes a run, its folder and its demo links.

        Raises:
            AfinaError: ``general.not_found``, or ``run.still_going`` while it runs.
        """
        view = self.view(run_id)
        at_rest = (RunState.QUEUED, RunState.FINISHED, RunState.STOPPED, RunState.FAILED)
        allowed = tuple(RunState) if view.state.is_over else at_rest  # the result counts, the database may be late
        if not self._queue.move(run_id, RunState.STOPPED, only_from=allowed):
            raise AfinaError("run.still_going", name=view.name)
        with self._workspace.database.session() as session:
            session.delete(session.get_one(RunRow, run_id))
        folder = self._workspace.run(run_id)
        self._reader.forget(folder)
        shutil.rmtree(folder.path, ignore_errors=True)

    def rename(self, run_id: str, name: str) -> None:
        """Gives a run another name; an empty one changes nothing.

        Raises:
            AfinaError: ``general.not_found``.
        """
        self._row(run_id)
        with self._workspace.database.session() as session:
            session.get_one(RunRow, run_id).name = name.strip()[:_NAME_LENGTH] or self._row(run_id).name

    def reading(self, view: RunView) -> Sentence:
        """The sentence that reads the chart: its catalog key and parameters."""
        return reading(view)

    def _found(self, source: str | Sequence[Conversation] | None, recipe: Recipe) -> Examples:
        if source is None:
            return self._examples.of_recipe(recipe)
        if isinstance(source, str):
            return self._examples.of_project(source, recipe)
        return self._examples.of(source, recipe)

    def _name(self, project_id: str, recipe: Recipe, locale: str) -> str:
        preset = catalog(locale)(f"run.preset.{recipe.preset.value}")
        taken = {view.name for view in self.list(project_id)}
        return next(name for n in range(1, 10**6) if (name := preset if n == 1 else f"{preset} · {n}") not in taken)

    def _waiting(self) -> dict[str, int]:
        return {row.id: place for place, row in enumerate(self._queue.waiting(), start=1)}

    def _row(self, run_id: str) -> RunRow:
        with self._workspace.database.session() as session:
            row = session.get(RunRow, run_id)
        if row is None:
            raise AfinaError("general.not_found", what=run_id[:80])
        return row

    def _supervise(self) -> None:
        self._supervisor.start()
        self._supervisor.wake()

    def _forget_project(self, project_id: str) -> None:
        with self._workspace.database.session() as session:
            row: Any = session.get(ProjectRow, project_id)
            if row is not None:
                session.delete(row)
        shutil.rmtree(self._workspace.project(project_id), ignore_errors=True)
