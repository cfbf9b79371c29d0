"""Which trial of a study goes on, and how far: successive halving within a time box. Pure arithmetic.

All candidates take a first part of their passes; the better half goes on, and so forth (Jamieson and Talwalkar, 2016).
The present settings go all the way, so that what is gained over them can be said.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from studio.domain.recipe import Recipe
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

SHARES: Final = (0.25, 0.5, 1.0)  # of a trial's passes, a rung each
_SHORT: Final = (0.5, 1.0)  # two rungs, where there is no time for more
_FURTHER: Final = 1.4  # a second rung that is no further than this times the first tells nothing new
_MOST_TRIALS: Final = 12
_FEW_RIGHT: Final = 0.25
NEARLY: Final = 0.85  # of a leg is enough to be compared, where the time box ends it
_USED: Final = 0.92  # of the time box is planned; the rest is for what a measurement cannot know
_RATES: Final = (0.5, 2.0, 1 / 3, 3.0)
_RANKS: Final = (0.5, 1.0, 2.0)
_PASSES: Final = (0.5, 1.0, 1.5)
_FIRST: Final = 0.2  # of the time box at most for the first leg, which measures


@dataclass(frozen=True)
class BudgetStep:
    """A piece of work: one trial up to one rung.

    Args:
        number: of the trial.
        rung: that it ends at; 0 is the first.
        share: of the trial's steps that are then taken.
    """

    number: int
    rung: int
    share: float


def candidates(recipe: Recipe, seed: int) -> tuple[TrialSettings, ...]:
    """Settings worth trying, the present ones first: sensible ranges around them, the same for the same seed.

    Args:
        recipe: resolved.
        seed: of the order.
    """
    rate, rank, epochs = recipe.learning_rate or 1e-3, recipe.rank or 16, recipe.epochs or 1.0
    base = TrialSettings(learning_rate=rate, rank=rank, epochs=epochs)
    whole = recipe.method is not None and recipe.method.tunes_whole_weights
    limit = 1e-3 if whole else 1e-2
    rates = [rate, *(min(limit, float(f"{rate * factor:.2g}")) for factor in _RATES)]
    ranks = [max(2, min(128, round(rank * factor))) for factor in _RANKS]
    if whole:
        ranks = [rank]  # it changes only what is saved
    passes = [max(1.0, round(epochs * factor)) for factor in _PASSES]
    # The rate matters most, so it is tried alone first; then everything together, in a drawn order.
    first = [base, *(base.model_copy(update={"learning_rate": value}) for value in rates[1:3])]
    rest = [TrialSettings(learning_rate=value, rank=r, epochs=p) for value in rates for r in ranks for p in passes]
    random.Random(f"{seed}/search").shuffle(rest)
    unique: dict[tuple[float, int, float], TrialSettings] = {}
    for settings in (*first, *rest):
        unique.setdefault((round(settings.learning_rate, 9), settings.rank, settings.epochs), settings)
    return tuple(unique.values())[:_MOST_TRIALS]


def sized(
    plan: StudyPlan, full_seconds: float, overhead: float = 0.0, reached: float = SHARES[0]
) -> tuple[int, tuple[float, ...]]:
    """How many candidates fit into the time box, and the shares of the rungs.

    Args:
        plan: of a search.
        full_seconds: that the steps of a whole run with the present settings take here.
        overhead: seconds that a leg takes beside its steps.
        reached: share of its steps that the first trial has taken by now; the first rung where time is short, so that
            the others are compared with it at the same place.
    """
    box = _USED * plan.minutes * 60
    for count in range(len(plan.candidates), 1, -1):
        if cost(plan.candidates[:count], SHARES) * full_seconds + _legs(count, SHARES) * overhead <= box:
            return count, SHARES
    for count in range(min(3, len(plan.candidates)), 1, -1):
        mean = cost(plan.candidates[:count], (1.0,)) / count
        left = box - _legs(count, _SHORT) * overhead - count * reached * mean * full_seconds
        last = min(1.0, reached + left / (promoted(count) * mean * full_seconds))
        if last >= _FURTHER * reached:
            return count, (reached, last)
    return min(2, len(plan.candidates)), (reached,)


def _legs(count: int, shares: Sequence[float]) -> int:
    total = 0
    for _ in shares:
        total += count
        count = promoted(count)
    return total


def cost(settings: Sequence[TrialSettings], shares: Sequence[float]) -> float:
    """What a search takes, in whole runs with the present settings (the first ones)."""
    mean = sum(found.epochs for found in settings) / len(settings) / settings[0].epochs
    total, left, before = 0.0, len(settings), 0.0
    for share in shares:
        total += left * (share - before) * mean
        left, before = promoted(left), share
    return total


def promoted(count: int) -> int:
    """How many of a rung go on to the next one; the present settings are among them."""
    return max(min(2, count), math.ceil(count / 2))


def next_leg(plan: StudyPlan, record: StudyRecord) -> BudgetStep | None:
    """What comes next; None when all is done."""
    if plan.kind is StudyKind.FOLDS:
        waiting = (trial for trial in record.trials if not trial.scores and trial.state is not TrialState.FAILED)
        return next((BudgetStep(trial.number, 0, 1.0) for trial in waiting), None)
    if not record.shares:
        return BudgetStep(1, 0, SHARES[0])
    for rung, members in rungs(plan, record):
        for trial in members:
            if trial.at(rung) is None and trial.state is not TrialState.FAILED:
                return BudgetStep(trial.number, rung, record.shares[rung])
    return None


def rungs(plan: StudyPlan, record: StudyRecord) -> Iterator[tuple[int, list[Trial]]]:
    """The members of each rung, as far as they are known: the next rung is when the one before is complete."""
    members = list(record.trials)
    for rung in range(len(record.shares)):
        yield rung, members
        if any(trial.at(rung) is None and trial.state is not TrialState.FAILED for trial in members):
            return
        done = [trial for trial in members if trial.at(rung) is not None]
        kept = set(ranked(done, rung, plan.judge)[: promoted(len(done))])
        present = [number for number in (trial.number for trial in done) if number == 1]
        if present and 1 not in kept and kept:
            kept.discard(ranked(done, rung, plan.judge)[promoted(len(done)) - 1])
            kept.add(1)
        members = [trial for trial in done if trial.number in kept]


def ranked(trials: Sequence[Trial], rung: int, judge: TrialMetric) -> list[int]:
    """Numbers of the trials, the best at a rung first; equal ones by their loss, then as they were tried."""
    found = [(trial.number, score) for trial in trials if (score := trial.at(rung)) is not None]
    judge = judge_at(trials, rung, judge)
    return [number for number, score in sorted(found, key=lambda pair: (worth(pair[1], judge), pair[0]))]


def judge_at(trials: Sequence[Trial], rung: int, judge: TrialMetric) -> TrialMetric:
    """By what trials are compared at a rung: by loss as long as hardly any answer is right, since one more is luck."""
    shares = [score.share or 0.0 for trial in trials if (score := trial.at(rung)) is not None]
    return TrialMetric.LOSS if max(shares, default=0.0) < _FEW_RIGHT else judge


def worth(score: TrialScore, judge: TrialMetric) -> tuple[float, float]:
    """Sorts scores, the best first."""
    loss = math.inf if score.loss is None or not math.isfinite(score.loss) else score.loss
    if judge is not TrialMetric.LOSS:
        return (-(score.share or 0.0), loss)
    return (loss, -(score.share or 0.0))


def fits(plan: StudyPlan, record: StudyRecord, steps: int) -> bool:
    """Whether a leg of so many steps still fits into the time box."""
    if plan.kind is StudyKind.FOLDS:
        return True
    left = plan.minutes * 60 - record.spent
    return left > 0 and (record.pace is None or steps * record.pace + record.overhead <= left / NEARLY)


def allowance(plan: StudyPlan, record: StudyRecord) -> float:
    """Seconds that a leg may take at most before it is broken off."""
    if plan.kind is StudyKind.FOLDS:
        return math.inf
    box = plan.minutes * 60
    return _FIRST * box if record.pace is None else max(0.0, box - record.spent)


def work(plan: StudyPlan, record: StudyRecord) -> tuple[float, float]:
    """Passes taken and passes planned, as far as that is known."""
    taken = sum(trial.passes for trial in record.trials)
    if plan.kind is StudyKind.FOLDS:
        return taken, sum(settings.epochs for settings in plan.candidates)
    if not record.shares or not record.trials:
        return taken, 0.0
    base = plan.candidates[0].epochs
    return taken, cost([trial.settings for trial in record.trials], record.shares) * base


def fraction(plan: StudyPlan, record: StudyRecord) -> float:
    """How much of a study is done, 0 to 1: of the passes that are planned, or of the time box where that is more."""
    taken, planned = work(plan, record)
    done = taken / planned if planned else 0.0
    if plan.kind is StudyKind.SEARCH:
        done = max(done, record.spent / (plan.minutes * 60))
    return min(0.99, done)


def seconds_left(plan: StudyPlan, record: StudyRecord) -> float | None:
    """How long a study will still work; None until its speed is measured, unless the time box says it."""
    taken, planned = work(plan, record)
    passes = sum(trial.passes for trial in record.trials)
    by_work = record.spent / passes * max(0.0, planned - taken) if passes and planned else None
    if plan.kind is StudyKind.FOLDS:
        return by_work
    box = max(0.0, plan.minutes * 60 - record.spent)
    return box if by_work is None else min(box, by_work)
