"""The work of a study: its trials one after the other, in the worker that its place in the queue has given it.

Each trial is a run of its own in ``trials/``, trained by the same loop. What was done is in ``record.json``; a killed
worker loses no more than the steps since the last checkpoint of the trial that it was at.
"""

from __future__ import annotations

import gc
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.domain.event import Checkpoint, Event
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState
from studio.domain.study import StudyPlan, StudyRecord, Trial, TrialScore, TrialState
from studio.errors import AfinaError
from studio.storage.compute_lock import ComputeLock
from studio.training.hparam_search.folder import StudyFolder
from studio.training.loop.checkpoints import step_folder
from studio.training.run_files.event_log import EventLog

if TYPE_CHECKING:
    from studio.training.loop.checkpoints import SavedState
    from studio.training.loop.trainer import Loop

_ASKED: Final = 64  # practice questions that are answered at a rung
_RECORD_INTERVAL: Final = 5.0  # seconds between two records of the time spent
_TRIAL_ERRORS: Final = ("train.diverged", "train.out_of_memory", "train.nothing_to_learn")  # not of the whole study


class TrialPruned(Exception):
    """A trial is not worth going on with, or there is no time for it."""


class _Interrupted(Exception):
    """A person asked the study to stop or to pause."""


@dataclass
class TrialWorker(ABC):
    """A study at work."""

    folder: StudyFolder
    plan: StudyPlan
    home: Path
    model_dir: Path
    record: StudyRecord = field(default_factory=StudyRecord)
    _clock: float = field(default_factory=time.monotonic)

    def run(self) -> RunResult | None:
        """Works until the study is done, stopped or paused.

        Returns:
            How it ended; None when it has paused.

        Raises:
            AfinaError: ``disk.full`` or what a run may raise.
        """
        self.record = self.folder.record()
        self._clock = time.monotonic()
        interrupted = False
        try:
            self._work()
        except _Interrupted:
            if not self.folder.stop_request.exists():
                return None
            interrupted = True
        self._note(current=None, done=not interrupted)
        if not interrupted:
            self._free_disk()
        state = RunState.STOPPED if interrupted else RunState.FINISHED
        steps = sum(trial.score.step for trial in self.record.trials if trial.score)
        return RunResult(state=state, steps=steps, seconds=self.record.spent, ended_at=time.time())

    @abstractmethod
    def _work(self) -> None:
        """Takes all trials to their ends."""

    @abstractmethod
    def _sides(self, number: int) -> tuple[list[Conversation], list[Conversation]]:
        """What a trial learns from, and what it is asked."""

    def _train(self, trial: Trial, hold: Callable[[Loop, int], bool]) -> Trial:
        """Trains a trial until it is over.

        Args:
            hold: called before each step and after the last with the steps taken; returns whether to leave off, or
                raises :class:`TrialPruned`.

        Returns:
            The trial as it ended, which is in the record too.

        Raises:
            AfinaError: what is not of this trial alone.
            _Interrupted: a person asked to stop or to pause.
        """
        self._change(trial.model_copy(update={"state": TrialState.RUNNING}), current=trial.number)
        gc.collect()  # this trial needs the memory of the last one's model
        began = time.monotonic()
        problem, interrupted = None, False
        try:
            state = self._trained(trial, hold)
            interrupted = state is None
        except TrialPruned:
            state = TrialState.DROPPED
        except AfinaError as error:
            if error.code not in _TRIAL_ERRORS:
                raise
            state, problem = TrialState.FAILED, Problem.of(error)
        known = self._trial(trial.number)
        seconds = known.seconds + time.monotonic() - began
        changes = {"state": state or TrialState.PAUSED, "problem": problem, "seconds": seconds}
        self._change(ended := known.model_copy(update=changes))
        if interrupted:
            raise _Interrupted
        return ended

    def _trained(self, trial: Trial, hold: Callable[[Loop, int], bool]) -> TrialState | None:
        """The state that a trial trained to its end has; None where a person asked to stop or to pause."""
        with _TrialLog(self.folder.trial(trial.number).events, self._mark) as log:
            loop, found = self._loop(trial, log)

            def hold_or_record(step: int) -> bool:
                if time.monotonic() - self._clock > _RECORD_INTERVAL:
                    self._note()
                return hold(loop, step)

            loop.hold = hold_or_record
            result = loop.run(found)
            if result is None or result.state is RunState.STOPPED:
                return None
            hold(loop, loop.state.step)  # the loop does not ask at its very end
            return TrialState.FINISHED if loop.state.step >= loop.plan.total_steps else TrialState.PAUSED

    def _score(self, loop: Loop, number: int, rung: int) -> TrialScore:
        """How a trial does on the practice questions as it is now; noted in the record."""
        from studio.training.loop.dataloader import read_conversations
        from studio.training.loop.evaluator import each_right

        trial, step = self._trial(number), loop.state.step
        if trial.score is not None and trial.score.step == step:  # rungs closer to each other than a step
            score = trial.score.model_copy(update={"rung": rung})
        else:
            asked = read_conversations(self.folder.trial(number).held_out)
            chosen = asked[:: max(1, math.ceil(len(asked) / _ASKED))]
            each = each_right(loop.engine, loop.plan.encoder, chosen, loop.compute_lock)
            score = TrialScore(
                rung=rung,
                step=step,
                passes=step / loop.plan.steps_per_epoch,
                loss=loop.evaluator.held_out_loss(),
                right=sum(each),
                asked=len(chosen),
                each_right=each,
            )
        self._change(trial.model_copy(update={"scores": (*trial.scores, score), "passes": score.passes}))
        return score

    def _loop(self, trial: Trial, log: EventLog) -> tuple[Loop, SavedState | None]:
        """The trial's loop, and its checkpoint."""
        from studio.training.loop.factory import assemble

        folder = self.folder.trial(trial.number)
        if not folder.recipe.is_file():
            folder.prepare(self._recipe_of(trial), *self._sides(trial.number))
        recipe = Recipe.model_validate_json(folder.recipe.read_text(encoding="utf-8"))
        return assemble(folder, recipe, self.model_dir, ComputeLock(self.home), log, live=False)

    def _recipe(self) -> Recipe:
        return Recipe.model_validate_json(self.folder.recipe.read_text(encoding="utf-8"))

    def _recipe_of(self, trial: Trial) -> Recipe:
        """The study's recipe with the trial's settings. Nothing is chosen by looking: no early stop, no best step."""
        recipe, settings = self._recipe(), trial.settings
        scale = (recipe.alpha or 2.0 * settings.rank) / (recipe.rank or settings.rank)
        changes = {"alpha": scale * settings.rank, "evaluations": 1, "patience": 0}
        return recipe.model_copy(update=settings.model_dump() | changes)

    def _free_disk(self) -> None:
        """At the end no trial goes on, so no checkpoint is needed; one that was taken to its end keeps its adapter."""
        for trial in self.record.trials:
            folder = self.folder.trial(trial.number)
            if trial.state is TrialState.FINISHED:
                folder.remove_checkpoints()
            else:
                folder.remove_weights()

    def _trial(self, number: int) -> Trial:
        return next(trial for trial in self.record.trials if trial.number == number)

    def _mark(self) -> None:
        """Shows the supervisor that a worker which dies now has got further: a mark where a run has its checkpoints."""
        parent = self.folder.checkpoints
        number = len(list(parent.glob("step-*"))) + 1 if parent.is_dir() else 1
        step_folder(parent, number).mkdir(parents=True, exist_ok=True)

    def _change(self, trial: Trial, **others: object) -> None:
        self._note(trials=tuple(trial if old.number == trial.number else old for old in self.record.trials), **others)

    def _note(self, **changes: object) -> None:
        """Writes the record, with the time that was spent since the last one."""
        now = time.monotonic()
        changes["spent"] = self.record.spent + now - self._clock
        self._clock = now
        self.record = self.record.model_copy(update=changes)
        self.folder.write(self.record)


class _TrialLog(EventLog):
    """The events of a trial.

    Args:
        mark: called after each checkpoint, for the study to know.
    """

    def __init__(self, path: Path, mark: Callable[[], None]) -> None:
        super().__init__(path)
        self._mark = mark

    def write(self, event: Event) -> None:
        super().write(event)
        if isinstance(event, Checkpoint):
            self._mark()
