"""Whether a run has gone astray: its loss is no number any more, or far above where it has been."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

_WINDOW: Final = 8  # steps that are averaged: single steps of few examples jump by themselves
_FROM_FIRST: Final = 4.0  # nats above the first loss, which the base model alone decides
_LEAST: Final = 1.5  # nats above the lowest average, however low that is
_MOST_NATS: Final = 4.0  # nats above it, however high that is; a model that guesses blindly is at about 11


class DivergenceDetector:
    """Follows the training loss.

    Args:
        marks: what :attr:`marks` was at the checkpoint that a run goes on from.
    """

    def __init__(self, marks: tuple[float, ...] = ()) -> None:
        self.marks = marks
        self._recent: deque[float] = deque(maxlen=_WINDOW)

    def add(self, loss: float) -> None:
        """Takes in the loss of one more step."""
        self._recent.append(loss)
        first, *lowest = self.marks or (loss,)
        if len(self._recent) == _WINDOW and math.isfinite(self._mean):
            lowest = [min([self._mean, *lowest])]
        self.marks = (first, *lowest)

    @property
    def has_diverged(self) -> bool:
        """Whether training has to go back to where it was well."""
        return self._is_above(1.0)

    @property
    def is_well(self) -> bool:
        """Whether this is a state worth coming back to."""
        return not self._is_above(0.5)

    @property
    def _mean(self) -> float:
        return sum(self._recent) / len(self._recent)

    def _is_above(self, share: float) -> bool:
        """Whether the loss has risen by more than this share of what is allowed."""
        if any(not math.isfinite(loss) for loss in self._recent):
            return True
        if len(self._recent) < _WINDOW:
            return False
        first, *lowest = self.marks
        limits = [first + share * _FROM_FIRST, *(low + share * min(max(_LEAST, 3 * low), _MOST_NATS) for low in lowest)]
        return self._mean > min(limits)
