"""A run, its states, its result, and what can be read off its events."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from studio.domain.event import Answers, Ended, Evaluation, Event, LiveAnswer, Notice, Phase, Started, Step
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (RunState.FINISHED, RunState.STOPPED, RunState.FAILED)


class RunResult(BaseModel):
    """``result.json``: written last, atomically. Its presence means that the run is over."""

    model_config = ConfigDict(frozen=True)

    state: RunState
    steps: int
    best_step: int | None = Field(default=None, description="Step whose adapter was kept.")
    best_loss: float | None = Field(default=None, description="Held-out loss of the kept adapter.")
    adapter: str | None = Field(default=None, description="Folder of the kept adapter, relative to the run.")
    seconds: float = Field(default=0.0, description="Training time, over all restarts.")
    ended_at: float = 0.0
    problem: Problem | None = None


class Point(BaseModel):
    """A point of a chart."""

    model_config = ConfigDict(frozen=True)

    step: int
    value: float


class Progress(BaseModel):
    """What the events say: a pure fold over them, so that a lost message changes nothing."""

    model_config = ConfigDict(frozen=True)

    started: Started | None = None
    phase: str | None = None
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    train_loss: tuple[Point, ...] = ()
    held_out_loss: tuple[Point, ...] = ()
    learning_rate: tuple[Point, ...] = ()
    grad_norm: tuple[Point, ...] = ()
    best_step: int | None = None
    tokens_per_second: float = Field(default=0.0, description="Over the last ten steps.")
    seconds_left: float | None = Field(default=None, description="Of training; None until a few steps are measured.")
    training_seconds: float = 0.0
    memory: int = 0
    first_answers: tuple[LiveAnswer, ...] = Field(default=(), description="Of the base model, before the first step.")
    answers: tuple[LiveAnswer, ...] = Field(default=(), description="The newest ones.")
    answers_step: int = 0
    notices: tuple[Problem, ...] = ()
    ended: Ended | None = None
    last_event_at: float = 0.0

    @property
    def fraction(self) -> float:
        """Share of the steps taken, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0


def progress_of(events: Iterable[Event]) -> Progress:
    """Folds events into progress. Steps repeated after a resume replace those taken before."""
    steps: dict[int, Step] = {}
    evaluations: dict[int, Evaluation] = {}
    answers: dict[int, Answers] = {}
    notices: list[Problem] = []
    started: Started | None = None
    ended: Ended | None = None
    phase: str | None = None
    last_event_at = 0.0
    for event in events:
        last_event_at = event.time
        match event:
            case Started():
                started, ended = event, None
                steps = {n: s for n, s in steps.items() if n <= event.resumed_from}
                evaluations = {n: e for n, e in evaluations.items() if n <= event.resumed_from}
                answers = {n: a for n, a in answers.items() if n <= event.resumed_from}
            case Phase():
                phase = event.name
            case Step():
                steps[event.step] = event
            case Evaluation():
                evaluations[event.step] = event
            case Answers():
                answers[event.step] = event
            case Notice():
                if event.problem not in notices:
                    notices.append(event.problem)
            case Ended():
                ended = event
            case _:
                pass
    taken = [steps[number] for number in sorted(steps)]
    held_out = [evaluations[number] for number in sorted(evaluations)]
    newest = max(answers, default=0)
    total = started.total_steps if started else 0
    return Progress(
        started=started,
        phase=phase,
        step=taken[-1].step if taken else 0,
        total_steps=total,
        epoch=taken[-1].epoch if taken else 0.0,
        train_loss=tuple(Point(step=s.step, value=s.loss) for s in taken),
        held_out_loss=tuple(Point(step=e.step, value=e.loss) for e in held_out),
        learning_rate=tuple(Point(step=s.step, value=s.learning_rate) for s in taken),
        grad_norm=tuple(Point(step=s.step, value=s.grad_norm) for s in taken),
        best_step=min(held_out, key=lambda e: e.loss).step if held_out else None,
        tokens_per_second=_tokens_per_second(taken),
        seconds_left=None if ended else _seconds_left(taken, held_out, list(answers.values()), total),
        training_seconds=sum(s.seconds for s in taken),
        memory=max((s.memory for s in taken), default=0),
        first_answers=answers[0].items if 0 in answers else (),
        answers=answers[newest].items if answers else (),
        answers_step=newest,
        notices=tuple(notices),
        ended=ended,
        last_event_at=last_event_at,
    )


def _tokens_per_second(taken: list[Step]) -> float:
    recent = taken[-10:]
    seconds = sum(s.seconds for s in recent)
    return sum(s.tokens for s in recent) / seconds if seconds > 0 else 0.0


def _seconds_left(taken: list[Step], held_out: list[Evaluation], answers: list[Answers], total: int) -> float | None:
    if len(taken) < 3 or not total:
        return None
    recent = taken[-20:]
    step_seconds = sum(s.seconds for s in recent) / len(recent)
    pauses = sum(e.seconds for e in held_out) + sum(a.seconds for a in answers if a.step > 0)
    return max(0.0, (total - taken[-1].step) * (step_seconds + pauses / taken[-1].step))


class RunView(BaseModel):
    """Everything a screen shows of a run."""

    model_config = ConfigDict(frozen=True)

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
