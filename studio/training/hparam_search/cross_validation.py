"""Cross-validation: each part of the examples is asked once, of a model that learned the others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.domain.conversation import Conversation
from studio.domain.study import Trial, TrialState
from studio.training.hparam_search.trial_worker import TrialWorker

if TYPE_CHECKING:
    from studio.training.loop.trainer import Loop


class CrossValidation(TrialWorker):
    """A cross-validation at work: a trial for each part."""

    def _work(self) -> None:
        if not self.record.trials:
            self._note(trials=tuple(Trial(number=n, settings=s) for n, s in enumerate(self.plan.candidates, start=1)))
        for trial in self.record.trials:
            if not trial.scores and trial.state is not TrialState.FAILED:
                self._train(trial, partial(self._is_over, trial.number))

    def _is_over(self, number: int, loop: Loop, step: int) -> bool:
        """Whether all steps are taken; the part is then asked."""
        if step < loop.plan.total_steps:
            return False
        self._score(loop, number, rung=0)
        return True

    def _sides(self, number: int) -> tuple[list[Conversation], list[Conversation]]:
        from studio.training.loop.dataloader import read_conversations

        sides: tuple[list[Conversation], list[Conversation]] = [], []
        for conversation, part in zip(read_conversations(self.folder.train), self.plan.parts, strict=True):
            sides[part == number - 1].append(conversation)
        return sides
