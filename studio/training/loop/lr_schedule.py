"""What happens when in a run: the learning rate (a linear warm-up, then the chosen decay), and the evaluations."""

from __future__ import annotations

import math

from studio.domain.recipe import Schedule

_FLOOR = 0.05  # share of the peak that is left at the end, so that the last steps still teach


def learning_rate(step: int, total: int, peak: float, schedule: Schedule, warmup_ratio: float) -> float:
    """The learning rate of one step.

    Args:
        step: 1-based.
        schedule: how it falls after warm-up; the cosine is that of Loshchilov and Hutter (2017), SGDR.
        warmup_ratio: share of ``total`` in which it rises in equal parts.
    """
    warmup = round(total * warmup_ratio)
    if step <= warmup:
        return peak * step / (warmup + 1)
    if schedule is Schedule.CONSTANT:
        return peak
    done = (step - warmup) / max(1, total - warmup)
    shape = 1 - done if schedule is Schedule.LINEAR else 0.5 * (1 + math.cos(math.pi * done))
    return peak * (_FLOOR + (1 - _FLOOR) * shape)


def evaluation_steps(total: int, evaluations: int) -> frozenset[int]:
    """After which steps a run is evaluated: evenly spread, the last step always."""
    count = min(total, evaluations)
    return frozenset(math.ceil(total * number / count) for number in range(1, count + 1))
