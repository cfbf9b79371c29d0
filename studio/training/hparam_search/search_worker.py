"""The work of a study: its trials one after the other, in the worker that its place in the queue has given it.

Each trial is a run of its own in ``trials/``, trained by the same loop, paused at a rung and gone on with exactly from
there. What was done is in ``record.json`` after each leg; a killed worker loses no more than the steps since the last
checkpoint of the trial that it was at.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState
from studio.domain.study import StudyKind, StudyPlan, StudyRecord, Trial, TrialScore, TrialState
from studio.errors import AfinaError
from studio.storage.compute_lock import ComputeLock
from studio.training.hparam_search import successive_halving
from studio.training.hparam_search.folder import StudyFolder
from studio.training.hparam_search.successive_halving import BudgetStep
from studio.training.hparam_search.trial_files import TrialLog, forget_checkpoints, forget_weights, write_trial
from studio.training.loop.checkpoints import step_folder

if TYPE_CHECKING:
    from studio.training.loop.recovery import Found
    from studio.training.loop.trainer import Loop

_ASKED: Final = 64  # practice questions that are answered at a rung
_EVALUATIONS: Final = 4  # of a trial: at each rung, and once between
_NOTED: Final = 5.0  # seconds between two notes of the time spent
_OWN: Final = ("train.diverged", "train.out_of_memory", "train.nothing_to_learn")  # of a trial, not of the study
_ENOUGH: Final = 3  # steps that tell the pace


def run_study(folder: StudyFolder, home: Path, model_dir: Path) -> RunResult | None:
    """Works on a study until it is done, stopped or paused.

    Args:
        folder: of the study.
        home: of the workspace.
        model_dir: folder of the base model.

    Returns:
        How it ended; None when it has paused.

    Raises:
        AfinaError: ``disk.full``, ``study.damaged`` …
    """
    plan = folder.plan()
    if plan is None:
        raise AfinaError("study.damaged", path=str(folder.run.path))
    return Study(folder, plan, home, model_dir).run()


@dataclass
class Study:
    """A study at work.

    Args:
        folder: of the study.
        plan: what to do.
        home: of the workspace.
        model_dir: folder of the base model.
    """

    folder: StudyFolder
    plan: StudyPlan
    home: Path
    model_dir: Path
    record: StudyRecord = field(default_factory=StudyRecord)

    def run(self) -> RunResult | None:
        """See :func:`run_study`."""
        self.record = self.folder.record()
        if not self.record.trials:
            self._note(trials=self._trials())
        self._clock = time.monotonic()
        state = RunState.FINISHED
        while leg := successive_halving.next_leg(self.plan, self.record):
            if self.folder.run.stop_request.exists():
                state = RunState.STOPPED
                break
            if self.folder.run.pause_request.exists():
                return None
            if not self._fits(leg):
                break
            if not self._work(leg):
                continue  # the trial stopped short: the requests say why, or the time is over
        self._note(current=None, done=state is RunState.FINISHED)
        self._clean()
        return RunResult(state=state, steps=self._steps(), seconds=self.record.spent, ended_at=time.time())

    def _work(self, leg: BudgetStep) -> bool:
        """Takes one trial to the end of a leg; returns whether it got there."""
        trial = self._trial(leg.number)
        self._change(trial.model_copy(update={"state": TrialState.RUNNING}), current=leg.number)
        gc.collect()  # this trial needs the memory of the last one's model
        began = time.monotonic()
        try:
            loop, found, asked = self._loop(trial)
            before, trained = (found[0].step, found[0].training_seconds) if found else (0, 0.0)
            total = loop.plan.total_steps
            target = max(1, math.ceil(leg.share * total - 1e-9))
            reached = self._train(
                loop, found, target, successive_halving.allowance(self.plan, self.record) + time.monotonic()
            )
            if reached is None:
                return False
            score = self._score(loop, asked, leg.rung)
        except AfinaError as error:
            if error.code not in _OWN:
                raise
            self._failed(trial, error)
            return True
        loop.log.close()
        seconds = time.monotonic() - began
        self._spend()
        self._measured(seconds, loop.state.training_seconds - trained, reached - before)
        at_rung = reached >= successive_halving.NEARLY * target or not self.record.shares
        ended = TrialState.FINISHED if reached >= total else TrialState.PAUSED
        done = trial.model_copy(
            update={
                "state": ended,
                "passes": reached / loop.plan.steps_per_epoch,
                "scores": (*trial.scores, score) if at_rung else trial.scores,
                "seconds": trial.seconds + seconds,
            }
        )
        self._change(done)
        self._size(done, total)
        self._drop()
        return at_rung

    def _train(self, loop: Loop, found: Found | None, target: int, deadline: float) -> int | None:
        """Trains up to ``target`` or the deadline; returns the steps taken, None when it was asked to stop or pause."""
        noted = time.monotonic()

        def hold(step: int) -> bool:
            nonlocal noted
            now = time.monotonic()
            if now - noted > _NOTED:
                noted = now
                self._spend()
                self.folder.write(self.record)
            return step >= target or (now > deadline and step >= _ENOUGH)

        loop.hold = hold
        if found is not None and found[0].step >= target:  # killed between the checkpoint and the record
            loop.restore(found)
            return found[0].step
        result = loop.run(found)
        if result is None or self.folder.run.stop_request.exists():
            return None
        return loop.state.step

    def _score(self, loop: Loop, asked: Sequence[Conversation], rung: int) -> TrialScore:
        """How the trial does on the practice questions as it is now."""
        from studio.training.loop.exact_match import right_answers

        loss = loop.judge.held_out_loss()
        chosen = asked[:: max(1, math.ceil(len(asked) / _ASKED))]
        right = right_answers(loop.engine, loop.plan.encoder, chosen, loop.turns)
        step = loop.state.step
        passes = step / loop.plan.steps_per_epoch
        return TrialScore(rung=rung, step=step, passes=passes, loss=loss, right=right, asked=len(chosen))

    def _loop(self, trial: Trial) -> tuple[Loop, Found | None, list[Conversation]]:
        """The trial's loop, its checkpoint, and what it is asked at the end of a leg."""
        from studio.training.loop.dataloader import read_conversations
        from studio.training.loop.factory import assemble

        folder = self.folder.trial(trial.number)
        train, asked = self._sides(trial.number)
        if not folder.recipe.is_file():
            write_trial(folder, self._recipe(trial), train, asked)
        recipe = Recipe.model_validate_json(folder.recipe.read_text(encoding="utf-8"))
        log = TrialLog(folder.events, self._mark)
        loop, found = assemble(folder, recipe, self.model_dir, ComputeLock(self.home), log, live=False)
        return loop, found, read_conversations(folder.held_out)

    def _sides(self, number: int) -> tuple[list[Conversation], list[Conversation]]:
        from studio.training.loop.dataloader import read_conversations

        train = read_conversations(self.folder.run.train)
        if self.plan.kind is StudyKind.SEARCH:
            return train, read_conversations(self.folder.run.held_out)
        part = number - 1
        inside = [c for c, p in zip(train, self.plan.parts, strict=True) if p == part]
        return [c for c, p in zip(train, self.plan.parts, strict=True) if p != part], inside

    def _recipe(self, trial: Trial) -> Recipe:
        """The study's recipe with the trial's settings. Nothing is chosen by looking: no early stop."""
        recipe = Recipe.model_validate_json(self.folder.run.recipe.read_text(encoding="utf-8"))
        settings = trial.settings
        scale = (recipe.alpha or 2.0 * settings.rank) / (recipe.rank or settings.rank)
        changes = {"alpha": scale * settings.rank, "evaluations": _EVALUATIONS, "patience": 0}
        return recipe.model_copy(update=settings.model_dump() | changes)

    def _fits(self, leg: BudgetStep) -> bool:
        if self.record.pace is None:
            return True
        trial = self._trial(leg.number)
        examples = len(self._sides(leg.number)[0])
        steps = leg.share * trial.settings.epochs * examples / self._batch()
        return successive_halving.fits(self.plan, self.record, max(0, math.ceil(steps) - self._steps_of(trial)))

    def _batch(self) -> int:
        return Recipe.model_validate_json(self.folder.run.recipe.read_text(encoding="utf-8")).batch_size or 16

    def _measured(self, seconds: float, training: float, steps: int) -> None:
        """Takes the pace of this leg into account, and what it took beside its steps."""
        if steps < 1:
            return
        pace, overhead = training / steps, max(0.0, seconds - training)
        if self.record.pace is not None:  # the first leg also loads libraries: its overhead is too high
            pace = 0.5 * (self.record.pace + pace)
            overhead = min(overhead, self.record.overhead) if self.record.overhead else overhead
        self._note(pace=pace, overhead=overhead)

    def _size(self, trial: Trial, total: int) -> None:
        """After the first leg: how many candidates there is time for, and how far they go."""
        if self.plan.kind is not StudyKind.SEARCH or self.record.shares or self.record.pace is None:
            return
        score = trial.scores[-1]
        reached = score.step / total
        count, shares = successive_halving.sized(self.plan, self.record.pace * total, self.record.overhead, reached)
        trials = tuple(
            Trial(number=number, settings=settings)
            for number, settings in enumerate(self.plan.candidates[:count], start=1)
        )
        first = () if score.step < math.ceil(shares[0] * total - 1e-9) else (score,)  # else it goes on to the rung
        self._note(shares=shares, trials=(trial.model_copy(update={"scores": first}), *trials[1:]))

    def _drop(self) -> None:
        """Marks the trials that did not make the next rung and frees their room on the disk."""
        if self.plan.kind is not StudyKind.SEARCH or not self.record.shares:
            return
        *_, (_, members) = successive_halving.rungs(self.plan, self.record)
        numbers = {member.number for member in members}
        for trial in self.record.trials:
            if trial.number not in numbers and trial.state is TrialState.PAUSED:
                self._change(trial.model_copy(update={"state": TrialState.DROPPED}))
                forget_weights(self.folder.trial(trial.number))

    def _clean(self) -> None:
        """At the end: no trial goes on, so no checkpoint is needed; one that was taken to its end keeps its adapter."""
        if not self.record.done:
            return
        for trial in self.record.trials:
            folder = self.folder.trial(trial.number)
            if trial.state is TrialState.FINISHED:
                forget_checkpoints(folder)
            else:
                forget_weights(folder)

    def _failed(self, trial: Trial, error: AfinaError) -> None:
        self._spend()
        changes = {"state": TrialState.FAILED, "problem": Problem.of(error)}
        self._change(trial.model_copy(update=changes))
        if not self.record.shares and self.plan.kind is StudyKind.SEARCH:
            raise error  # the present settings themselves: there is nothing to compare with

    def _trials(self) -> tuple[Trial, ...]:
        """Of folds all parts; of a search the first, until it is known how many there is time for."""
        known = self.plan.candidates if self.plan.kind is StudyKind.FOLDS else self.plan.candidates[:1]
        return tuple(Trial(number=number, settings=settings) for number, settings in enumerate(known, start=1))

    def _trial(self, number: int) -> Trial:
        return next(trial for trial in self.record.trials if trial.number == number)

    def _steps_of(self, trial: Trial) -> int:
        return trial.scores[-1].step if trial.scores else 0

    def _steps(self) -> int:
        return sum(self._steps_of(trial) for trial in self.record.trials)

    def _mark(self) -> None:
        """Shows the supervisor that a worker which dies now has got further: a mark where a run has its checkpoints."""
        parent = self.folder.run.checkpoints
        number = len(list(parent.glob("step-*"))) + 1 if parent.is_dir() else 1
        step_folder(parent, number).mkdir(parents=True, exist_ok=True)

    def _spend(self) -> None:
        now = time.monotonic()
        self.record = self.record.model_copy(update={"spent": self.record.spent + now - self._clock})
        self._clock = now

    def _change(self, trial: Trial, **others: object) -> None:
        trials = tuple(trial if old.number == trial.number else old for old in self.record.trials)
        self._note(trials=trials, **others)

    def _note(self, **changes: object) -> None:
        self.record = self.record.model_copy(update=changes)
        self.folder.write(self.record)
