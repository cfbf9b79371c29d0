"""Runs: started, watched, paused, stopped, gone on with, reordered, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from studio.domain.conversation import Conversation
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import RunState, RunView
from studio.i18n.catalog import DEFAULT_LOCALE
from studio.services.examples.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.runs.chart_commentary import Sentence, reading
from studio.services.runs.controls import RunControls
from studio.services.runs.estimates import PresetOffer
from studio.services.runs.starting import RunStarts
from studio.services.runs.state_reader import RunReader
from studio.services.runs.views import RunViews
from studio.storage.workspace import Workspace
from studio.training.supervision.run_queue import RunQueue
from studio.training.supervision.supervisor import Supervisor


class RunService:
    """The runs of a workspace.

    Args:
        workspace: where they live.
        models: the base models.
        datasets: the examples.
        supervisor: sees them through; one of its own by default. It does nothing before :meth:`start_supervisor`.
        reader: of their folders; the one that the list of projects reads with, so that both say the same.
    """

    def __init__(
        self,
        workspace: Workspace,
        models: ModelService,
        datasets: DatasetService,
        supervisor: Supervisor | None = None,
        reader: RunReader | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor(workspace)
        self._queue = RunQueue(workspace.database)
        self._views = RunViews(workspace, self._queue, reader)
        self._controls = RunControls(workspace, self._queue, self._views, self._supervisor)
        self._starts = RunStarts(workspace, models, datasets, self._queue, self._supervisor.new_run_id)

    def when_over(self, callback: Callable[[str, RunState], None]) -> None:
        """Has something done when a run is over, in the thread that sees runs through: with its id and its state."""
        self._supervisor.when_over = callback

    def start_supervisor(self) -> None:
        """Starts the thread that sees runs through. Starting or going on with a run does so by itself."""
        self._supervisor.start()

    def close(self) -> None:
        """Ends the supervisor; workers go on, and the next supervisor finds them."""
        self._supervisor.close()
        self.stop_measuring()

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
        return self._starts.offers(source, model_id, base)

    def measure(self, model_id: str) -> None:
        """Measures in the background how fast this machine trains a model, unless that is known or runs need the cores."""
        if self._is_idle():
            self._starts.speed.measure(model_id)

    def prepare(self) -> None:
        """Starts a worker that does its imports before it is needed. Nothing while runs need the cores."""
        if self._is_idle():
            self._supervisor.prepare()

    def _is_idle(self) -> bool:
        return not self._queue.active() and not self._queue.waiting()

    def is_measuring(self, model_id: str) -> bool:
        """Whether such a measurement is under way."""
        return self._starts.speed.is_measuring(model_id)

    def stop_measuring(self) -> None:
        """Ends such measurements: what is about to train needs the cores."""
        self._starts.speed.stop_measuring()

    def problems(self, recipe: Recipe, source: str | Sequence[Conversation] | None = None) -> list[Problem]:
        """Everything that speaks against a recipe, all at once, each naming its field.

        Args:
            recipe: with choices that may be open.
            source: id of a project or examples; without it, the files and versions that the recipe names.
        """
        return self._starts.problems(recipe, source)

    def check(
        self, values: dict[str, Any], source: str | Sequence[Conversation] | None = None
    ) -> tuple[Recipe | None, list[Problem]]:
        """Reads a recipe and names all that is wrong with it at once: fields that cannot be read, and all the rest.

        Args:
            values: fields of a recipe, as read from JSON or a form.
            source: as for :meth:`problems`.

        Returns:
            The recipe, or None where a field of it cannot be read; and the problems, each naming its field.
        """
        return self._starts.check(values, source)

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
        run_id = self._starts.start(project_id, recipe, name, locale)
        self._controls.supervise()
        return run_id

    def start_from_files(self, recipe: Recipe, name: str | None = None, *, locale: str = DEFAULT_LOCALE) -> str:
        """Starts a run on the files that a recipe names, in a project made for them. For the command line.

        Raises:
            AfinaError: as :meth:`start`, and what reading the files raises.
        """
        run_id = self._starts.start_from_files(recipe, name, locale)
        self._controls.supervise()
        return run_id

    def project_of_files(
        self, recipe: Recipe, locale: str = DEFAULT_LOCALE
    ) -> AbstractContextManager[tuple[str, Recipe]]:
        """A project made for the files that a recipe names, and the recipe that names what was stored of them.

        It is gone again when what is done with it raises an ``AfinaError``.

        Raises:
            AfinaError: ``run.no_examples``, and what reading the files raises.
        """
        return self._starts.project_of_files(recipe, locale)

    def stop(self, run_id: str) -> None:
        """Asks a run to stop and keep the best so far. One that waits stops at once; one that is over stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        self._controls.stop(run_id)

    def pause(self, run_id: str) -> None:
        """Asks a run to pause at the next step; :meth:`resume` goes on exactly there. One that waits pauses at once.

        The next one in the queue starts meanwhile. A run that is over or paused stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        self._controls.pause(run_id)

    def cancel(self, run_id: str) -> None:
        """Ends a run at once, in the middle of a step if need be. One that is over stays so.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        self._controls.cancel(run_id)

    def resume(self, run_id: str) -> None:
        """Goes on from the newest checkpoint: a paused run at its place in the queue, one that was over at the end.

        Raises:
            AfinaError: ``general.not_found``; ``run.not_resumable`` for one that waits, runs or has finished;
                ``disk.low`` while the room that it was paused for is not there.
        """
        self._controls.resume(run_id)

    def move(self, run_id: str, before: str | None = None) -> None:
        """Moves a waiting run to another place in the queue.

        Args:
            run_id: the run.
            before: the waiting run that it is to precede; None puts it last.

        Raises:
            AfinaError: ``general.not_found``, or ``run.not_waiting``.
        """
        self._controls.move(run_id, before)

    def delete(self, run_id: str) -> None:
        """Deletes a run, its folder and its demo links.

        Raises:
            AfinaError: ``general.not_found``, or ``run.still_going`` while it runs.
        """
        self._controls.delete(run_id)

    def rename(self, run_id: str, name: str) -> None:
        """Gives a run another name; an empty one changes nothing.

        Raises:
            AfinaError: ``general.not_found``.
        """
        self._controls.rename(run_id, name)

    def view(self, run_id: str) -> RunView:
        """Everything that a screen shows of a run, read from disk. Cheap enough for a timer.

        Raises:
            AfinaError: ``general.not_found``.
        """
        return self._views.view(run_id)

    def queue(self) -> list[RunView]:
        """The runs that are not over, of all projects: those that are worked on, those that wait in order, the paused."""
        return self._views.queue()

    def list(self, project_id: str | None = None) -> list[RunView]:
        """All runs, or those of a project, the newest first."""
        return self._views.list(project_id)

    def reading(self, view: RunView) -> Sentence:
        """The sentence that reads the chart: its catalog key and parameters."""
        return reading(view)
