"""A hyperparameter search at work: settings are tried within a time box, the present ones first and all the way."""

from __future__ import annotations

import math
import shutil
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.domain.run import RunResult
from studio.domain.study import StudyKind, StudyRecord, Trial, TrialState
from studio.errors import AfinaError
from studio.training.hparam_search.cross_validation import CrossValidation
from studio.training.hparam_search.folder import StudyFolder
from studio.training.hparam_search.trial_worker import TrialPruned, TrialWorker

if TYPE_CHECKING:
    import optuna

    from studio.training.hparam_search.settings_search import SettingsSearch
    from studio.training.loop.trainer import Loop

_PACE_STEPS: Final = 3  # that tell the pace, at least
_PACE_SHARE: Final = 0.05  # of the time box that telling the pace may take
_PRESENT_SHARE: Final = 0.35  # of the time box at most for the present settings: the rest is for what is compared
_LAST_RUNG: Final = 2


def run_study(folder: StudyFolder, home: Path, model_dir: Path) -> RunResult | None:
    """Works on a search or a cross-validation until it is done, stopped or paused.

    Returns:
        How it ended; None when it has paused.

    Raises:
        AfinaError: ``disk.full``, ``study.damaged`` …
    """
    plan = folder.plan()
    if plan is None:
        raise AfinaError("study.damaged", path=str(folder.path))
    worker = HyperparameterSearch if plan.kind is StudyKind.SEARCH else CrossValidation
    return worker(folder, plan, home, model_dir).run()


class HyperparameterSearch(TrialWorker):
    """A search at work."""

    def _work(self) -> None:
        from studio.training.hparam_search.settings_search import SettingsSearch

        if not self.folder.database.is_file():  # also where an earlier version, which had none, left off
            shutil.rmtree(self.folder.trials, ignore_errors=True)
            self.record = StudyRecord()
        search = SettingsSearch(self.folder, self._recipe(), self.plan)
        while self._has_time() and (proposed := search.next_trial()) is not None:
            trial = self._known(search, proposed)
            if trial.state not in (TrialState.DROPPED, TrialState.FAILED) and trial.at(_LAST_RUNG) is None:
                trial = self._train(trial, partial(self._is_over, search, proposed, time.monotonic(), set()))
            if trial.problem is not None and not self.record.shares:  # the present settings: nothing to compare with
                raise AfinaError(trial.problem.code, **trial.problem.params)
            search.end(proposed, trial)
            if trial.state in (TrialState.DROPPED, TrialState.FAILED):
                self.folder.trial(trial.number).remove_weights()

    def _known(self, search: SettingsSearch, proposed: optuna.Trial) -> Trial:
        """The trial as the record has it; a new one is added to it."""
        number = proposed.number + 1
        if all(trial.number != number for trial in self.record.trials):
            new = Trial(number=number, settings=search.settings(proposed))
            self._note(trials=(*self.record.trials, new))
        return self._trial(number)

    def _is_over(
        self, search: SettingsSearch, proposed: optuna.Trial, began: float, passed: set[int], loop: Loop, step: int
    ) -> bool:
        """Whether a trial has reached its last rung; it is scored at each one.

        Args:
            began: when this worker took it up, by the monotonic clock.
            passed: rungs that it has passed since then; filled here.

        Raises:
            TrialPruned: it is not among the better ones at a rung, or the time is over.
        """
        number, total = proposed.number + 1, loop.plan.total_steps
        if not self.record.shares and not self._measure(loop, step):
            return False
        for rung, share in enumerate(self.record.shares):
            if step < math.ceil(share * total - 1e-9):
                if self._seconds_left() <= 0:
                    raise TrialPruned
                return False
            if rung in passed:
                continue
            passed.add(rung)
            score = self._trial(number).at(rung) or self._score(loop, number, rung)
            if rung == 0:
                outside = max(0.0, time.monotonic() - began - loop.state.training_seconds)
                self._note(pace=loop.state.training_seconds / max(1, step), overhead=outside)
            if rung < _LAST_RUNG:
                more = (self.record.shares[rung + 1] - share) * total
                if not search.is_promising(proposed, score) or not (number == 1 or self._fits(more)):
                    raise TrialPruned
        return True

    def _measure(self, loop: Loop, step: int) -> bool:
        """Decides how far trials are taken, once the pace of the first one is known; returns whether it is."""
        box, training, total = self.plan.minutes * 60, loop.state.training_seconds, loop.plan.total_steps
        if step < min(_PACE_STEPS, total) or (training < _PACE_SHARE * box and step < total / 8):
            return False
        from studio.training.hparam_search.settings_search import RUNGS

        furthest = min(1.0, _PRESENT_SHARE * box / max(1e-9, training / step * total))
        self._note(shares=tuple(furthest * rung / RUNGS[-1] for rung in RUNGS), pace=training / step)
        return True

    def _has_time(self) -> bool:
        """Whether one more trial would get to its first rung."""
        first = next((score for trial in self.record.trials if (score := trial.at(0))), None)
        return self._seconds_left() > 0 and (first is None or self._fits(first.step))

    def _fits(self, steps: float) -> bool:
        return steps * (self.record.pace or 0.0) + self.record.overhead <= self._seconds_left()

    def _seconds_left(self) -> float:
        return self.plan.minutes * 60 - self.record.spent - (time.monotonic() - self._clock)

    def _sides(self, number: int) -> tuple[list[Conversation], list[Conversation]]:
        from studio.training.loop.dataloader import read_conversations

        return read_conversations(self.folder.train), read_conversations(self.folder.held_out)
