"""A study: several short runs that answer a question about settings. Its values, and what a screen shows of one.

A *search* asks which settings suit the data best; *folds* ask how sure the result is. Each short run is a trial.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import Point, RunState
from studio.domain.value import Value

STUDY_PREFIX: Final = "study"
FEW_RIGHT: Final = 0.25  # share of right answers below which it says nothing of a trial
_WORST_LOSS: Final = 1e3
_TIE: Final = 1e-6  # weight of the loss between equal shares


def is_study(run_id: str) -> bool:
    """Whether an id of the queue is that of a study, which no list of runs shows."""
    return run_id.startswith(f"{STUDY_PREFIX}-")


class StudyKind(StrEnum):
    """What a study asks."""

    SEARCH = "search"
    FOLDS = "folds"


class TrialMetric(StrEnum):
    """By what trials are compared."""

    RIGHT = "right"  # practice questions answered to the letter
    RECALL = "recall"  # the same, of questions in other words, where every answer is there once
    LOSS = "loss"  # error on the practice questions, where their answers were never learned


class TrialState(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"  # not taken to its end: it was stopped, or the time allows no more
    DROPPED = "dropped"  # others were better
    FINISHED = "finished"
    FAILED = "failed"  # it diverged, or memory was short


class TrialSettings(Value):
    """What differs between the trials of a search."""

    learning_rate: float
    rank: int
    epochs: float = Field(description="Passes over the examples when the trial is run to its end.")


class TrialScore(Value):
    """How a trial did on the practice questions at the end of a rung."""

    rung: int = Field(description="0 is the first.")
    step: int
    passes: float
    loss: float | None = Field(default=None, description="Mean cross-entropy in nats a learned token.")
    right: int | None = Field(default=None, description="Answers that are right to the letter.")
    asked: int = 0
    each_right: tuple[bool, ...] = Field(
        default=(), description="Which answers are right, in the order of the questions; empty in records made before."
    )

    @property
    def share(self) -> float | None:
        """Share of right answers."""
        return None if self.right is None or not self.asked else self.right / self.asked

    def value(self, metric: TrialMetric) -> float:
        """The score as one number, larger is better: the share of right answers, of equal ones the lower loss.

        As long as hardly any answer is right, one more is luck: then only the loss counts.
        """
        loss = self.loss if self.loss is not None and math.isfinite(self.loss) else _WORST_LOSS
        share = self.share or 0.0
        if metric is TrialMetric.LOSS or share < FEW_RIGHT:
            return -loss
        return share - _TIE * loss


class Trial(Value):
    """One short run of a study."""

    number: int = Field(description="1-based; in a search, 1 is the present settings; in folds, the part asked.")
    settings: TrialSettings
    state: TrialState = TrialState.WAITING
    passes: float = Field(default=0.0, description="Taken so far.")
    scores: tuple[TrialScore, ...] = ()
    seconds: float = 0.0
    problem: Problem | None = None

    @property
    def score(self) -> TrialScore | None:
        """The newest score."""
        return self.scores[-1] if self.scores else None

    def at(self, rung: int) -> TrialScore | None:
        """The score at a rung, if it got there."""
        return next((score for score in self.scores if score.rung == rung), None)


class StudyPlan(Value):
    """``study.json``: what a study is to do. Never changed."""

    kind: StudyKind
    judge: TrialMetric
    minutes: float = Field(default=0.0, description="Of a search: how long it may take.")
    candidates: tuple[TrialSettings, ...] = Field(description="Present settings first; of folds, those of each part.")
    parts: tuple[int, ...] = Field(default=(), description="Of folds: the part of each example, 0-based.")

    def fraction(self, record: StudyRecord) -> float:
        """How much is done, 0 to 1: of the time that a search may take, of the passes of a cross-validation."""
        done = record.spent / (self.minutes * 60) if self.kind is StudyKind.SEARCH else self._passes(record)
        return min(0.99, done)

    def seconds_left(self, record: StudyRecord) -> float | None:
        """How long it still works at most; None until the pace of a cross-validation is known."""
        if self.kind is StudyKind.SEARCH:
            return max(0.0, self.minutes * 60 - record.spent)
        done = self._passes(record)
        return record.spent / done * max(0.0, 1.0 - done) if done else None

    def _passes(self, record: StudyRecord) -> float:
        """Passes taken, of those that all parts take together."""
        return sum(trial.passes for trial in record.trials) / sum(settings.epochs for settings in self.candidates)


class StudyRecord(Value):
    """``record.json``: what a study has done so far; replaced as a whole after each leg of a trial."""

    spent: float = Field(default=0.0, description="Seconds of work, over all restarts.")
    shares: tuple[float, ...] = Field(default=(), description="Of a trial's passes at each rung; empty until measured.")
    pace: float | None = Field(default=None, description="Seconds a step; None until measured.")
    overhead: float = Field(default=0.0, description="Seconds of a leg beside its steps: loading, evaluating, asking.")
    trials: tuple[Trial, ...] = ()
    current: int | None = Field(default=None, description="Number of the trial that runs.")
    done: bool = Field(default=False, description="Whether there is nothing left to try, or no time.")


class Advice(Value):
    """A plain sentence and what it rests on."""

    key: str = Field(description="Of the catalogs.")
    params: dict[str, Any] = Field(default_factory=dict)


class Recommendation(Value):
    """What a search found."""

    trial: int = Field(description="Number of the trial; 1 means: keep the present settings.")
    settings: TrialSettings
    advice: Advice


class Spread(Value):
    """What the parts of a cross-validation say together. Shares are from 0 to 1."""

    folds: int = Field(description="Parts that are done.")
    right: int | None = None
    asked: int = 0
    mean_right: float | None = Field(default=None, description="Mean share of right answers.")
    spread_right: float | None = Field(default=None, description="Standard deviation between the parts.")
    low: float | None = Field(default=None, description="Lower end of the 95 % interval of the share (Wilson, 1927).")
    high: float | None = None
    mean_loss: float | None = None
    spread_loss: float | None = None


class StudyView(Value):
    """Everything a screen shows of a study."""

    id: str
    project_id: str
    name: str
    kind: StudyKind
    state: RunState
    created_at: float
    recipe: Recipe = Field(description="The present settings, every choice made.")
    model_name: str
    examples: int = Field(description="Learned from and asked, together.")
    judge: TrialMetric
    minutes: float = 0.0
    folds: int = 0
    queue_position: int | None = None
    trials: tuple[Trial, ...] = ()
    current: int | None = Field(default=None, description="Number of the trial that runs.")
    curve: tuple[Point, ...] = Field(default=(), description="Training loss of that trial.")
    progress: float = Field(default=0.0, description="0 to 1.")
    seconds_left: float | None = None
    spent: float = 0.0
    recommendation: Recommendation | None = None
    spread: Spread | None = None
    advice: tuple[Advice, ...] = Field(default=(), description="Sentences for the screen, the most important first.")
    problem: Problem | None = None
