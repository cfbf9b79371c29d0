"""Losses that go astray, and losses that only look like it."""

from __future__ import annotations

import math
from random import Random

import pytest

from studio.training.loop.loss_divergence import DivergenceDetector


def after(losses: list[float], course: DivergenceDetector | None = None) -> DivergenceDetector:
    course = course or DivergenceDetector()
    for loss in losses:
        course.add(loss)
    return course


def noisy(mean: float, spread: float, count: int, seed: int) -> list[float]:
    dice = Random(seed)
    return [max(0.01, dice.gauss(mean, spread)) for _ in range(count)]


@pytest.mark.parametrize(
    "losses",
    [
        [3.0, math.nan],
        [3.0, 2.0, math.inf],
        [3.0, 50.0, 900.0, *[2000.0] * 6],  # too high a rate from the first step on
        [*[3.0 - step / 20 for step in range(50)], *[11.0] * 8],  # to blind guesses
        [*[3.0] * 8, *[0.2] * 40, *[6.0] * 8],
    ],
)
def test_a_course_astray_is_seen(losses: list[float]) -> None:
    assert after(losses).has_diverged
    assert not after(losses).is_well


@pytest.mark.parametrize(
    "losses",
    [
        [3.0],
        [4.0 * 0.9**step for step in range(100)],
        [*[0.05] * 30, *[0.6] * 10],  # a new pass over harder examples
        [*[3.0] * 30, 12.0, *[3.0] * 7],  # one odd batch
    ],
)
def test_a_healthy_course_is_left_alone(losses: list[float]) -> None:
    assert not after(losses).has_diverged


def test_small_batches_jump_without_harm() -> None:
    for seed in range(200):
        course = DivergenceDetector()
        for loss in [*noisy(3.5, 1.2, 60, seed), *noisy(1.0, 0.6, 60, seed + 1000)]:
            course.add(loss)
            assert not course.has_diverged


def test_what_a_checkpoint_keeps_is_enough() -> None:
    before = after([3.0] * 8 + [0.5] * 30)
    assert after([7.0] * 8, DivergenceDetector(before.marks)).has_diverged


def test_a_rising_loss_is_no_state_to_come_back_to() -> None:
    course = after([1.0] * 30 + [3.2] * 8)
    assert not course.has_diverged
    assert not course.is_well
