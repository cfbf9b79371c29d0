"""Successive halving in a time box: a made-up machine that takes legs, and a score known beforehand."""

from __future__ import annotations

import math

import pytest

from studio.domain.problem import Problem
from studio.domain.recipe import Method, Recipe
from studio.domain.study import (
    StudyKind,
    StudyPlan,
    StudyRecord,
    Trial,
    TrialMetric,
    TrialScore,
    TrialSettings,
    TrialState,
)
from studio.training.hparam_search import successive_halving

STEPS_A_PASS = 10
RECIPE = Recipe(model="m", method=Method.LORA, learning_rate=3e-3, rank=16, epochs=8.0)


def plan(minutes: float, judge: TrialMetric = TrialMetric.RIGHT) -> StudyPlan:
    return StudyPlan(
        kind=StudyKind.SEARCH, judge=judge, minutes=minutes, candidates=successive_halving.candidates(RECIPE, seed=1)
    )


class Machine:
    """Takes legs as the worker does: a step costs ``seconds``; a trial is as good as its rate is near to ``best``."""

    def __init__(self, search: StudyPlan, seconds: float, best: float = 6e-3, failing: int | None = None) -> None:
        self.plan, self.seconds, self.best, self.failing = search, seconds, best, failing
        self.record = StudyRecord(trials=(Trial(number=1, settings=search.candidates[0]),))
        self.legs: list[tuple[int, int]] = []

    def run(self) -> StudyRecord:
        while leg := successive_halving.next_leg(self.plan, self.record):
            trial = next(t for t in self.record.trials if t.number == leg.number)
            total = math.ceil(trial.settings.epochs * STEPS_A_PASS)
            before = trial.scores[-1].step if trial.scores else 0
            if not successive_halving.fits(self.plan, self.record, math.ceil(leg.share * total) - before):
                break
            self.legs.append((leg.number, leg.rung))
            self._take(leg, trial, total, before)
        return self.record

    def _take(self, leg: successive_halving.BudgetStep, trial: Trial, total: int, before: int) -> None:
        step = math.ceil(leg.share * total)
        off = abs(math.log(trial.settings.learning_rate / self.best))
        score = TrialScore(
            rung=leg.rung, step=step, passes=step / 10, loss=off + 0.1, right=round(40 - 9 * off), asked=40
        )
        failed = Problem(code="train.diverged") if trial.number == self.failing else None
        done = trial.model_copy(
            update={"state": TrialState.FAILED, "problem": failed}
            if failed
            else {"scores": (*trial.scores, score), "passes": step / 10, "state": TrialState.PAUSED}
        )
        changes = {"spent": self.record.spent + (step - before) * self.seconds, "pace": self.seconds}
        trials = tuple(done if t.number == done.number else t for t in self.record.trials)
        if not self.record.shares:
            count, changes["shares"] = successive_halving.sized(self.plan, self.seconds * total)
            rest = enumerate(self.plan.candidates[1:count], start=2)
            trials = (done, *(Trial(number=n, settings=s) for n, s in rest))
        self.record = self.record.model_copy(update=changes | {"trials": trials})


def test_candidates_are_sensible_and_the_same_for_the_same_seed() -> None:
    found = successive_halving.candidates(RECIPE, seed=1)
    assert found == successive_halving.candidates(RECIPE, seed=1)
    assert found != successive_halving.candidates(RECIPE, seed=2)
    assert found[0] == TrialSettings(learning_rate=3e-3, rank=16, epochs=8.0)
    assert len(set(found)) == len(found) == 12
    assert all(5e-4 <= settings.learning_rate <= 1e-2 for settings in found)
    assert {settings.rank for settings in found} <= {8, 16, 32}
    whole = successive_halving.candidates(
        RECIPE.model_copy(update={"method": Method.FULL, "learning_rate": 5e-4}), seed=1
    )
    assert {settings.rank for settings in whole} == {16}
    assert max(settings.learning_rate for settings in whole) <= 1e-3


@pytest.mark.parametrize("minutes", [0.5, 1, 2, 4, 8, 20])
def test_the_time_box_holds_and_the_present_settings_go_as_far_as_the_winner(minutes: float) -> None:
    machine = Machine(plan(minutes), seconds=0.5)
    record = machine.run()
    assert record.spent <= minutes * 60
    last = max(rung for _, rung in machine.legs)
    assert record.trials[0].at(last) is not None
    if minutes >= 2:
        assert last == len(record.shares) - 1
        assert sum(trial.at(last) is not None for trial in record.trials) >= 2


def test_more_minutes_try_more_and_the_best_one_wins() -> None:
    short, long = Machine(plan(2), seconds=0.5), Machine(plan(20), seconds=0.5)
    few, many = short.run(), long.run()
    assert len(few.trials) < len(many.trials) == 12
    assert [sum(t.at(rung) is not None for t in many.trials) for rung in range(3)] == [12, 6, 3]
    winner = successive_halving.ranked([t for t in many.trials if t.at(2)], 2, TrialMetric.RIGHT)[0]
    assert many.trials[winner - 1].settings.learning_rate == pytest.approx(6e-3)


def test_a_trial_that_fails_is_left_out_and_the_search_goes_on() -> None:
    record = Machine(plan(20), seconds=0.5, failing=2).run()
    assert record.trials[1].state is TrialState.FAILED
    assert not record.trials[1].scores
    assert sum(trial.at(2) is not None for trial in record.trials) >= 2


def test_folds_take_every_part_once() -> None:
    settings = TrialSettings(learning_rate=1e-3, rank=8, epochs=2.0)
    folds = StudyPlan(kind=StudyKind.FOLDS, judge=TrialMetric.LOSS, candidates=(settings,) * 3, parts=(0, 1, 2))
    record = StudyRecord(trials=tuple(Trial(number=n, settings=settings) for n in (1, 2, 3)))
    taken = []
    while leg := successive_halving.next_leg(folds, record):
        taken.append((leg.number, leg.share))
        score = TrialScore(rung=0, step=20, passes=2.0, loss=1.0)
        trials = tuple(
            t.model_copy(update={"scores": (score,), "passes": 2.0}) if t.number == leg.number else t
            for t in record.trials
        )
        record = record.model_copy(update={"trials": trials, "spent": record.spent + 10})
        assert successive_halving.seconds_left(folds, record) == pytest.approx(10.0 * (3 - len(taken)))
    assert taken == [(1, 1.0), (2, 1.0), (3, 1.0)]
