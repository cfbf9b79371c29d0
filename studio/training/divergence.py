"""Whether a run has gone astray: its loss is no number any more, or far above where it began."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

_WINDOW: Final = 8  # steps that are averaged: single steps of few examples jump by themselves
_EXPLODED: Final = 2.0  # times the loss of the first steps
_SUSPECT: Final = 1.3
_LOWEST: Final = 1.0  # nats; a base that already knows the answers may double a tiny loss without harm


class Course:
    """Follows the training loss.

    Args:
        early: losses of the first steps, where they are known from a checkpoint.
    """

    def __init__(self, early: tuple[float, ...] = ()) -> None:
        self.early = early
        self._recent: deque[float] = deque(maxlen=_WINDOW)

    def add(self, loss: float) -> None:
        """Takes in the loss of one more step."""
        if len(self.early) < _WINDOW:
            self.early = (*self.early, loss)
        self._recent.append(loss)

    @property
    def has_diverged(self) -> bool:
        """Whether training has to go back to where it was well."""
        return self._is_above(_EXPLODED)

    @property
    def is_well(self) -> bool:
        """Whether this is a state worth coming back to."""
        return not self._is_above(_SUSPECT)

    def _is_above(self, factor: float) -> bool:
        if any(not math.isfinite(loss) for loss in self._recent):
            return True
        if len(self._recent) < _WINDOW or len(self.early) < _WINDOW:
            return False
        return sum(self._recent) > factor * max(sum(self.early), _LOWEST * _WINDOW)
