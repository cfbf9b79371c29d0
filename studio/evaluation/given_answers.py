"""What was answered in an exam so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from studio.evaluation.answering import Answer
from studio.evaluation.exam_plan import Item


@dataclass
class GivenAnswers:
    """What was answered.

    Args:
        before: answers of the model before, by key of the question.
        after: of the tuned model.
        losses_before: nats and tokens of expected answers, by key.
        losses_after: of the tuned model.
    """

    before: dict[str, Answer] = field(default_factory=dict)
    after: dict[str, Answer] = field(default_factory=dict)
    losses_before: dict[str, tuple[float, int]] = field(default_factory=dict)
    losses_after: dict[str, tuple[float, int]] = field(default_factory=dict)

    def both(self, items: Sequence[Item]) -> list[Item]:
        """Those of some questions that both have answered."""
        return [item for item in items if item.key in self.before and item.key in self.after]
