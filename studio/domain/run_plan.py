"""How far a run goes, how far it is, and how long that will take: what every bar, counter and clock shows.

The plan holds the most that a run may take. Extensions are in it from the first step on, so that nothing that a person
was told grows: a run ends where it was said, or earlier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from studio.domain.event import Answers, Evaluation, Started, Step

_NEARLY_DONE: Final = 0.99  # of the bar, until the run is over: after the last step it is still judged and saved
_ROUNDED: Final = 0.25  # of a pass, by which whole steps exceed what a recipe asks for
_FEWEST_STEPS: Final = 3  # before time is foretold


class RunPlan:
    """Follows a run through its events; nothing that it gives ever falls.

    Where the end moves, or steps are repeated after a kill or a setback, the bar goes on from where it stands, and what
    is left of it is shared out among the steps that are left.

    Attributes:
        end: the last step that the run may take.
        passes: over the examples that it may take.
        pass_number: the pass that it is in, from 1.
        may_end_earlier: whether it leaves off before, once nothing more is gained.
    """

    def __init__(self) -> None:
        self.end = 0
        self.passes = 1
        self.pass_number = 1
        self.may_end_earlier = False
        self._started: Started | None = None
        self._extended = 0  # the last step, once an extension has begun
        self._knows_all = False
        self._step = 0
        self._anchor = (0, 0.0)  # the step from which what is left of the bar is shared out, and the bar there
        self._is_over = False

    @property
    def fraction(self) -> float:
        """How much of the run is done, 0 to 1; 1 only when it is over."""
        if self._is_over:
            return 1.0
        step, share = self._anchor
        steps = max(1, self.end - step)
        return min(_NEARLY_DONE, share + (1 - share) * max(0, self._step - step) / steps)

    def start(self, started: Started) -> None:
        """A worker began, or went on from a checkpoint."""
        self._started, self._is_over = started, False
        self._move(started.resumed_from)

    def take(self, step: Step) -> None:
        """A step was taken, perhaps anew."""
        self._move(step.step)
        self.pass_number = max(self.pass_number, min(self.passes, math.ceil(step.epoch - 1e-9)))

    def extend(self, end: int) -> None:
        """The run goes on beyond the steps of its recipe."""
        self._extended = max(self._extended, end)
        self._move(self._step)

    def judge(self, evaluations: Sequence[Evaluation]) -> None:
        """Every question was answered, so that there will be no extension; or no longer, after a setback."""
        self._knows_all = any(e.best and e.recall_asked and e.recalled == e.recall_asked for e in evaluations)
        self._move(self._step)

    def finish(self) -> None:
        """The run is over, and the plan is what was done."""
        self._is_over, self.may_end_earlier = True, False
        self.end, self.passes = self._step, max(1, self.pass_number)

    def seconds_left(
        self, recent: Sequence[Step], taken: int, held_out: Sequence[Evaluation], answers: Sequence[Answers]
    ) -> float | None:
        """Seconds until the end, if none of the steps is spared; None until a few steps are measured."""
        if taken < _FEWEST_STEPS or not self.end or self._is_over:
            return None
        step_seconds = sum(s.seconds for s in recent) / len(recent)
        left = max(0, self.end - self._step)
        rounds = [a for a in answers if a.step > 0]
        judged = held_out[-1].step if held_out else 0
        evaluations = round((self.end - judged) * len(held_out) / judged) if judged else 0  # as far apart as so far
        pause = _mean([e.seconds for e in held_out]) + _mean([a.seconds for a in rounds])
        return left * step_seconds + evaluations * pause

    def _move(self, step: int) -> None:
        """Brings the plan up to date with a step and with what is known; the bar stays where it is, or rises."""
        end = self._end()
        if end != self.end or step < self._step:
            self._anchor = (step, self.fraction)
        self.end, self._step = end, step
        if self._started is not None:
            started = self._started
            sure = started.total_steps
            passes = started.epochs or sure / max(1e-9, started.steps_per_epoch)
            found = max(1, math.ceil(passes * end / max(1, sure) - _ROUNDED))
            self.passes = max(found, self.pass_number)
            self.may_end_earlier = started.may_end_earlier or end > max(sure, self._extended)

    def _end(self) -> int:
        if self._started is None:
            return self.end
        sure = max(self._started.total_steps, self._extended)
        return sure if self._knows_all else max(sure, self._started.longest_steps)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
