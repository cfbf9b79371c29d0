"""The learning rate rises, then falls as chosen."""

from __future__ import annotations

import pytest

from studio.domain.recipe import Schedule
from studio.training.loop.lr_schedule import learning_rate


@pytest.mark.parametrize("schedule", list(Schedule))
def test_it_rises_to_the_peak_and_never_above(schedule: Schedule) -> None:
    rates = [learning_rate(step, 100, 2.0, schedule, 0.1) for step in range(1, 101)]
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) <= 2.0
    assert max(rates) == pytest.approx(2.0, rel=0.02)
    assert min(rates) > 0


def test_the_shapes_differ_after_the_warm_up() -> None:
    cosine, linear, constant = (learning_rate(90, 100, 1.0, schedule, 0.1) for schedule in Schedule)
    assert cosine < linear < constant == 1.0


def test_a_run_of_one_step_has_a_rate() -> None:
    assert learning_rate(1, 1, 1.0, Schedule.COSINE, 0.1) > 0
