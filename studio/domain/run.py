"""A run, its states, its result, and what can be read off its events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice
from statistics import mean
from typing import Final

from pydantic import Field

from studio.domain.event import (
    Answers,
    Ended,
    Evaluation,
    Event,
    Extended,
    Notice,
    Phase,
    SampleAnswer,
    Started,
    Step,
    Usage,
)
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run_plan import RunPlan
from studio.domain.value import Value

_LATELY: Final = 5  # readings
USAGE_KEPT: Final = 120  # readings of memory and cores: ten minutes at one every five seconds


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"  # at the next step
    PAUSED = "paused"  # goes on from where it was when a person says so; nothing works on it
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"  # by a person, who keeps the best so far
    CANCELLED = "cancelled"  # by a person, at once
    FAILED = "failed"

    @property
    def can_go_on(self) -> bool:
        """Whether one click goes on with it from where it was."""
        return self in (RunState.PAUSED, RunState.STOPPED, RunState.CANCELLED, RunState.FAILED)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (RunState.FINISHED, RunState.STOPPED, RunState.CANCELLED, RunState.FAILED)


class RunResult(Value):
    """``result.json``: written last, atomically. Its presence means that the run is over."""

    state: RunState
    steps: int
    best_step: int | None = Field(default=None, description="Step whose adapter was kept.")
    best_loss: float | None = Field(default=None, description="Held-out loss of the kept adapter.")
    adapter: str | None = Field(default=None, description="Folder of the kept adapter, relative to the run.")
    seconds: float = Field(default=0.0, description="Training time, over all restarts.")
    ended_at: float = 0.0
    problem: Problem | None = None


class Point(Value):
    """A point of a chart."""

    step: int
    value: float


class Progress(Value):
    """What the events say: a pure fold over them, so that a lost message changes nothing."""

    started: Started | None = None
    phase: str | None = None
    step: int = 0
    total_steps: int = Field(default=0, description="At most; what was taken, once the run has finished.")
    fraction: float = Field(default=0.0, description="How much of the run is done, 0 to 1; it never falls.")
    epoch: float = 0.0
    pass_number: int = Field(default=1, description="The pass it is in, from 1; it never falls.")
    passes: int = Field(default=1, description="At most; what was taken, once the run has finished.")
    may_end_earlier: bool = Field(default=False, description="Whether it leaves off where nothing more is gained.")
    train_loss: tuple[Point, ...] = ()
    held_out_loss: tuple[Point, ...] = ()
    learning_rate: tuple[Point, ...] = ()
    grad_norm: tuple[Point, ...] = ()
    recall: tuple[Point, ...] = Field(default=(), description="Share of questions in other words answered rightly.")
    recall_asked: int = Field(default=0, description="How many of them are asked; 0 where the loss judges.")
    best_step: int | None = None
    tokens_per_second: float = Field(default=0.0, description="Over the last ten steps.")
    seconds_left: float | None = Field(default=None, description="At most; None until a few steps are measured.")
    training_seconds: float = 0.0
    memory: int = 0
    first_answers: tuple[SampleAnswer, ...] = Field(default=(), description="Of the base model, before the first step.")
    answers: tuple[SampleAnswer, ...] = Field(default=(), description="The newest ones.")
    answers_step: int = 0
    notices: tuple[Problem, ...] = ()
    ended: Ended | None = None
    usage: tuple[Usage, ...] = Field(default=(), description="The newest ones, a few seconds apart, oldest first.")

    @property
    def taken_by_others(self) -> float:
        """Share of all cores that other programs have had of late, 0 to 1."""
        return mean(each.taken_by_others for each in self.usage[-_LATELY:]) if self.usage else 0.0


class ProgressFold:
    """Folds events into progress one by one; an event costs the same however long the run is.

    Steps repeated after a resume replace those taken before.
    """

    def __init__(self) -> None:
        self._steps: dict[int, Step] = {}
        self._evaluations: dict[int, Evaluation] = {}
        self._answers: dict[int, Answers] = {}
        self._notices: list[Problem] = []
        self._started: Started | None = None
        self._ended: Ended | None = None
        self._phase: str | None = None
        self._plan = RunPlan()
        self._curves = _Curves()
        self._usage: deque[Usage] = deque(maxlen=USAGE_KEPT)

    def add(self, event: Event) -> None:
        """Takes in one event, in the order of the file."""
        match event:
            case Started():
                self._started, self._ended = event, None
                self._go_back_to(event.resumed_from)
                self._plan.start(event)
            case Phase():
                self._phase = event.name
            case Step():
                if self._steps and event.step <= next(reversed(self._steps)):
                    self._go_back_to(event.step - 1)
                self._steps[event.step] = event
                self._curves.add(event)
                self._plan.take(event)
            case Evaluation():
                self._evaluations[event.step] = event
                self._plan.judge(list(self._evaluations.values()))
            case Extended():
                self._plan.extend(event.total_steps)
            case Answers():
                self._answers[event.step] = event
            case Notice():
                if event.problem not in self._notices:
                    self._notices.append(event.problem)
            case Usage():
                self._usage.append(event)
            case Ended():
                self._ended = event
                if event.state == "finished":
                    self._plan.finish()
            case _:
                pass

    def progress(self) -> Progress:
        """What the events so far say."""
        recent = list(islice(reversed(self._steps.values()), 20))[::-1]
        held_out = [self._evaluations[number] for number in sorted(self._evaluations)]
        recalled = [evaluation for evaluation in held_out if evaluation.recall_asked]
        newest = max(self._answers, default=0)
        plan = self._plan
        # Built without validation: every value was validated as part of its event.
        return Progress.model_construct(
            started=self._started,
            phase=self._phase,
            step=recent[-1].step if recent else 0,
            total_steps=plan.end,
            fraction=plan.fraction,
            epoch=recent[-1].epoch if recent else 0.0,
            pass_number=plan.pass_number,
            passes=plan.passes,
            may_end_earlier=plan.may_end_earlier,
            train_loss=tuple(self._curves.loss),
            held_out_loss=tuple(Point(step=e.step, value=e.loss) for e in held_out),
            learning_rate=tuple(self._curves.learning_rate),
            grad_norm=tuple(self._curves.grad_norm),
            recall=tuple(
                Point(step=e.step, value=e.recalled / e.recall_asked) for e in recalled if e.recalled is not None
            ),
            recall_asked=recalled[-1].recall_asked if recalled else 0,
            best_step=_best(held_out, recalled),
            tokens_per_second=_tokens_per_second(recent),
            seconds_left=None
            if self._ended
            else plan.seconds_left(recent, len(self._steps), held_out, list(self._answers.values())),
            training_seconds=self._curves.seconds,
            memory=self._curves.memory,
            first_answers=self._answers[0].items if 0 in self._answers else (),
            answers=self._answers[newest].items if self._answers else (),
            answers_step=newest,
            notices=tuple(self._notices),
            ended=self._ended,
            usage=tuple(self._usage),
        )

    def _go_back_to(self, step: int) -> None:
        self._steps = {n: s for n, s in self._steps.items() if n <= step}
        self._evaluations = {n: e for n, e in self._evaluations.items() if n <= step}
        self._answers = {n: a for n, a in self._answers.items() if n <= step}
        self._plan.judge(list(self._evaluations.values()))
        self._curves = _Curves()
        for taken in self._steps.values():
            self._curves.add(taken)


class _Curves:
    """The points of the steps taken, and their sums."""

    def __init__(self) -> None:
        self.loss: list[Point] = []
        self.learning_rate: list[Point] = []
        self.grad_norm: list[Point] = []
        self.seconds = 0.0
        self.memory = 0

    def add(self, step: Step) -> None:
        self.loss.append(Point(step=step.step, value=step.loss))
        self.learning_rate.append(Point(step=step.step, value=step.learning_rate))
        self.grad_norm.append(Point(step=step.step, value=step.grad_norm))
        self.seconds += step.seconds
        self.memory = max(self.memory, step.memory)


def progress_of(events: Iterable[Event]) -> Progress:
    """Folds events into progress. Steps repeated after a resume replace those taken before."""
    fold = ProgressFold()
    for event in events:
        fold.add(event)
    return fold.progress()


def _best(held_out: list[Evaluation], recalled: list[Evaluation]) -> int | None:
    """The step whose weights are kept."""
    if recalled:
        return next((e.step for e in reversed(recalled) if e.best), recalled[0].step)
    return min(held_out, key=lambda e: e.loss).step if held_out else None


def _tokens_per_second(taken: list[Step]) -> float:
    recent = taken[-10:]
    seconds = sum(s.seconds for s in recent)
    return sum(s.tokens for s in recent) / seconds if seconds > 0 else 0.0


class RunView(Value):
    """Everything a screen shows of a run."""

    id: str
    project_id: str
    name: str
    state: RunState
    created_at: float
    recipe: Recipe
    model_name: str
    train_examples: int
    held_out_examples: int
    queue_position: int | None = Field(default=None, description="1 is next; None when not waiting.")
    progress: Progress = Progress()
    result: RunResult | None = None
    paused_by: Problem | None = Field(
        default=None, description="Why the studio paused it; None when a person did, or it is not paused."
    )

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1, for every bar that shows the run."""
        return 1.0 if self.state is RunState.FINISHED else self.progress.fraction
