"""Studies: "find the best settings for me" and cross-validation. Started, watched, stopped, gone on with, used.

A study waits in the same queue as the runs and is worked on by the same worker, under the same promises: its folder is
the truth, its worker outlives the server, and a dead one goes on from the last checkpoint of the trial that it was at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import select

from studio.domain.conversation import Conversation
from studio.domain.recipe import Recipe
from studio.domain.run import Progress, RunState, RunView
from studio.domain.study import STUDY_PREFIX, StudyKind, StudyPlan, StudyRecord, StudyView, Trial, TrialState
from studio.errors import AfinaError
from studio.i18n.catalog import DEFAULT_LOCALE, catalog
from studio.services.models import ModelService
from studio.services.runs.controls import NAME_LENGTH
from studio.services.runs.examples import Examples
from studio.services.runs.service import RunService
from studio.services.studies.advice import advice, recommendation, spread
from studio.services.studies.folders import keep_trial, make_study_folder, plan_of_folds, plan_of_search
from studio.storage.database import RunRow
from studio.storage.kept_adapter import kept_adapter
from studio.storage.trash import not_in_trash
from studio.storage.workspace import Workspace, new_id
from studio.training.hparam_search.folder import StudyFolder
from studio.training.run_files.status import read_progress

MINUTES: Final = (1.0, 24 * 60.0)
FOLDS: Final = (2, 20)


class StudyService:
    """The studies of a workspace."""

    def __init__(self, workspace: Workspace, models: ModelService, runs: RunService) -> None:
        self._workspace = workspace
        self._models = models
        self._runs = runs

    def start_search(self, project_id: str, recipe: Recipe, minutes: float, locale: str = DEFAULT_LOCALE) -> str:
        """Looks for better settings than those of a recipe: learning rate, rank, passes.

        Args:
            project_id: whose examples. The held-out ones are never looked at: practice questions are set aside from
                those to learn from, so that the verdict on the final run stays honest.
            minutes: how long it may take, waiting in the queue not counted.

        Returns:
            The study's id.

        Raises:
            AfinaError: ``study.bad_minutes``, ``study.too_few_examples``, the first problem of the recipe, ``disk.full`` …
        """
        if not MINUTES[0] <= minutes <= MINUTES[1]:
            raise AfinaError("study.bad_minutes", value=minutes, low=MINUTES[0], high=MINUTES[1])
        examples, resolved = self._prepared(project_id, recipe)
        plan, train, practice = plan_of_search(resolved, examples, minutes)
        return self._queued(project_id, resolved, examples, plan, (train, practice), locale)

    def start_folds(self, project_id: str, recipe: Recipe, folds: int, locale: str = DEFAULT_LOCALE) -> str:
        """Asks every example once, after learning from the others only.

        Args:
            project_id: whose examples; those that a person held out stay out.

        Returns:
            The study's id.

        Raises:
            AfinaError: ``study.bad_folds``, ``study.too_few_examples``, the first problem of the recipe, ``disk.full`` …
        """
        if not FOLDS[0] <= folds <= FOLDS[1]:
            raise AfinaError("study.bad_folds", value=folds, low=FOLDS[0], high=FOLDS[1])
        examples, resolved = self._prepared(project_id, recipe)
        plan, everything = plan_of_folds(resolved, examples, folds)
        return self._queued(project_id, resolved, examples, plan, (everything, ()), locale)

    def view(self, study_id: str) -> StudyView:
        """Everything that a screen shows of a study, read from disk. Cheap enough for a timer.

        Raises:
            AfinaError: ``general.not_found``.
        """
        if not study_id.startswith(f"{STUDY_PREFIX}-"):
            raise AfinaError("general.not_found", what=study_id[:80])
        return self._shown(self._runs.view(study_id))

    def list(self, project_id: str | None = None) -> list[StudyView]:
        """All studies, or those of a project, the newest first."""
        studies = (RunRow.id.startswith(f"{STUDY_PREFIX}-"), not_in_trash())
        query = select(RunRow.id).where(*studies).order_by(RunRow.created_at.desc())
        if project_id is not None:
            query = query.where(RunRow.project_id == project_id)
        with self._workspace.database.session() as session:
            found = list(session.scalars(query))
        return [self.view(study_id) for study_id in found]

    def stop(self, study_id: str) -> None:
        """Asks a study to stop; what it has found so far stays.

        Raises:
            AfinaError: ``general.not_found``, or ``disk.full``.
        """
        self._runs.stop(self.view(study_id).id)

    def resume(self, study_id: str) -> None:
        """Goes on with a study that stopped or failed, where it was.

        Raises:
            AfinaError: ``general.not_found``, or ``run.not_resumable`` for one that waits, runs or has finished.
        """
        self._runs.resume(self.view(study_id).id)

    def delete(self, study_id: str) -> None:
        """Deletes a study and its trials; runs that were kept from it stay.

        Raises:
            AfinaError: ``general.not_found``, or ``run.still_going`` while it runs.
        """
        self._runs.delete(self.view(study_id).id)

    def recipe(self, study_id: str, trial: int | None = None) -> Recipe:
        """The recipe with the settings of a trial: what "use these settings" writes into the form.

        Args:
            trial: its number; the recommended one by default.

        Raises:
            AfinaError: ``general.not_found``, or ``study.nothing_yet`` before anything is measured.
        """
        view = self.view(study_id)
        settings = next((t.settings for t in view.trials if t.number == self._chosen(view, trial)), None)
        if settings is None:
            raise AfinaError("study.nothing_yet", name=view.name)
        changes = settings.model_dump()
        if view.recipe.rank and view.recipe.alpha:
            changes["alpha"] = view.recipe.alpha / view.recipe.rank * settings.rank
        return view.recipe.model_copy(update=changes)

    def keep(self, study_id: str, trial: int | None = None, locale: str = DEFAULT_LOCALE) -> str:
        """Makes a run of a trial that was taken to its end, with the adapter that it learned.

        Args:
            trial: its number; the recommended one by default.

        Returns:
            The run's id.

        Raises:
            AfinaError: ``general.not_found``, ``study.nothing_yet`` where the trial has no adapter any more, ``disk.full``.
        """
        view = self.view(study_id)
        number = self._chosen(view, trial)
        found = next((t for t in view.trials if t.number == number and t.state is TrialState.FINISHED), None)
        folder = self._folder(study_id)
        if found is None or kept_adapter(folder.trial(found.number)) is None:
            raise AfinaError("study.nothing_yet", name=view.name)
        run_id = new_id("run")
        name = catalog(locale)("train.study.kept_name", name=view.name, number=found.number)
        train, asked = keep_trial(self._workspace.run(run_id), folder, found)
        with self._workspace.database.session() as session:
            row = session.get_one(RunRow, study_id)
            values = {column.name: getattr(row, column.name) for column in RunRow.__table__.columns}
        values |= {"id": run_id, "name": name[:NAME_LENGTH], "created_at": time.time(), "attempts": 0}
        values |= {"state": RunState.FINISHED.value, "train_examples": train, "held_out_examples": asked}
        with self._workspace.database.session() as session:
            session.add(RunRow(**values))
        return run_id

    def _prepared(self, project_id: str, recipe: Recipe) -> tuple[Examples, Recipe]:
        found, resolved = self._runs.prepared(project_id, recipe)
        return replace(
            found, train=tuple(found.train), held_out=tuple(found.held_out)
        ), resolved  # read once, used often

    def _queued(
        self,
        project_id: str,
        recipe: Recipe,
        examples: Examples,
        plan: StudyPlan,
        sides: tuple[Sequence[Conversation], Sequence[Conversation]],
        locale: str,
    ) -> str:
        self._runs.estimates.stop_measuring()
        card = self._models.get(recipe.model)
        study_id = new_id(STUDY_PREFIX)
        make_study_folder(self._folder(study_id), recipe, card, plan, sides, examples.held_out)
        name = self._runs.free_name(project_id, catalog(locale)(f"train.study.name.{plan.kind.value}"))
        self._runs.enqueue(study_id, project_id, name, card, examples.dataset_id, (len(sides[0]), len(sides[1])))
        return study_id

    def _folder(self, study_id: str) -> StudyFolder:
        return StudyFolder(self._workspace.run(study_id).path)

    @staticmethod
    def _chosen(view: StudyView, trial: int | None) -> int | None:
        return trial if trial is not None else view.recommendation.trial if view.recommendation else None

    def _shown(self, run: RunView) -> StudyView:
        folder = self._folder(run.id)
        plan = folder.plan()
        if plan is None:
            raise AfinaError("general.not_found", what=run.id)
        record = folder.record()
        live = read_progress(folder.trial(record.current)) if record.current is not None else Progress()
        state = RunState.RUNNING if run.state is RunState.STARTING and record.trials else run.state
        trials = _with_live(record, live) if not run.state.is_over else record.trials
        shown = record.model_copy(update={"trials": trials})
        return StudyView(
            id=run.id,
            project_id=run.project_id,
            name=run.name,
            kind=plan.kind,
            state=state,
            created_at=run.created_at,
            recipe=run.recipe,
            model_name=run.model_name,
            examples=run.train_examples + run.held_out_examples,
            judge=plan.judge,
            minutes=plan.minutes,
            folds=len(plan.candidates) if plan.kind is StudyKind.FOLDS else 0,
            queue_position=run.queue_position,
            trials=trials,
            current=record.current if not run.state.is_over else None,
            curve=live.train_loss,
            progress=1.0 if state is RunState.FINISHED else plan.fraction(shown),
            seconds_left=None if run.state.is_over else plan.seconds_left(shown),
            spent=record.spent,
            recommendation=recommendation(plan, record) if plan.kind is StudyKind.SEARCH else None,
            spread=spread(record) if plan.kind is StudyKind.FOLDS else None,
            advice=advice(plan, record, over=run.state.is_over),
            problem=run.result.problem if run.result else None,
        )


def _with_live(record: StudyRecord, live: Progress) -> tuple[Trial, ...]:
    """The trials, with the passes that the running one has taken by now."""
    return tuple(
        trial.model_copy(update={"passes": max(trial.passes, live.epoch)}) if trial.number == record.current else trial
        for trial in record.trials
    )
