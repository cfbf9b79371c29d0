"""By what a run judges itself: the loss on held-out examples, or recall where every answer is there once.

Where each answer is in the examples once, the loss on held-out ones cannot fall for long: their answers are nowhere to be
learned. There a run asks what it was taught in other words, and goes on until it answers no more of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from studio.domain.recipe import Schedule
from studio.training.loop.lr_schedule import evaluation_steps, learning_rate

RECALL_ASKED: Final = 16
RECALL_LENGTH: Final = 64  # tokens of an answer that are compared: a model that knows the beginning knows the rest
MOST_EXTENSIONS: Final = 2
_FALLS: Final = 0.98  # a loss below this share of the best is a gain
_KNOWN: Final = 0.9  # recall from which on only more of it is a gain
_RESTART: Final = 0.5  # of the peak rate, after a restart


@dataclass(frozen=True)
class EvalResult:
    """How a run does at an evaluation.

    Args:
        loss: on the held-out examples; None without any.
        recalled: questions in other words that are answered to the letter; None where loss judges.
    """

    loss: float | None
    recalled: int | None = None
    asked: int = 0
    recall_loss: float | None = None

    def gains_on(self, best: EvalResult | None) -> bool:
        """Whether this is worth keeping, and a reason to go on."""
        if best is None:
            return self.loss is not None or self.recalled is not None
        if self.recalled is None or best.recalled is None:
            return self.loss is not None and (best.loss is None or self.loss < best.loss)
        if self.recalled != best.recalled:
            return self.recalled > best.recalled
        before = math.inf if best.recall_loss is None else best.recall_loss  # 0.0 is a loss, and none can be lower
        falls = self.recall_loss is not None and self.recall_loss < _FALLS * before
        return falls and self.recalled < _KNOWN * self.asked


@dataclass(frozen=True)
class EvalSchedule:
    """When a run evaluates and how its learning rate moves, extensions included.

    Args:
        extensions: how often the run has gone on beyond them; each time by half as many steps.
    """

    total: int
    evaluations: int
    extensions: int = 0

    @property
    def extension(self) -> int:
        """Steps of one extension."""
        return max(1, math.ceil(self.total / 2))

    @property
    def end(self) -> int:
        """The last step."""
        return self.total + self.extensions * self.extension

    @property
    def longest(self) -> int:
        """The last step that a run takes if it adds all the extensions that it may."""
        return self.total + MOST_EXTENSIONS * self.extension

    def is_due(self, step: int) -> bool:
        """Whether the run is evaluated after this step."""
        if step <= self.total:
            return step in evaluation_steps(self.total, self.evaluations)
        within = (step - self.total - 1) % self.extension + 1
        return within in evaluation_steps(self.extension, max(1, math.ceil(self.evaluations / 2)))

    def rate(self, step: int, peak: float, schedule: Schedule, warmup_ratio: float) -> float:
        """The learning rate of a step; an extension begins anew at half the peak (SGDR: Loshchilov and Hutter, 2017)."""
        if step <= self.total:
            return learning_rate(step, self.total, peak, schedule, warmup_ratio)
        within = (step - self.total - 1) % self.extension + 1
        return learning_rate(within, self.extension, _RESTART * peak, schedule, 0.0)


def may_extend(extensions: int, recalled: int | None, asked: int, without_gain: int) -> bool:
    """Whether a run that is at its end goes on: recall judges, still rises, and leaves something to learn."""
    return recalled is not None and extensions < MOST_EXTENSIONS and not without_gain and recalled < asked
