"""What a worker writes into ``events.jsonl``, one JSON object a line, and how a line is read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from studio.domain.problem import Problem
from studio.domain.value import Value


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    time: float = Field(description="Seconds since 1970, UTC.")


class Started(_Event):
    """The worker has everything it needs; training begins (or goes on, from ``resumed_from``)."""

    type: Literal["started"] = "started"
    pid: int
    device: str = Field(description="`cpu`, `cuda:0`, …")
    precision: str = Field(description="`bf16` or `fp32`.")
    threads: int
    total_steps: int
    steps_per_epoch: float
    train_examples: int
    held_out_examples: int
    trainable_parameters: int
    total_parameters: int
    epochs: float = Field(default=0.0, description="Passes of the recipe, which `total_steps` make; 0 in old logs.")
    longest_steps: int = Field(
        default=0, description="Steps at most, with all extensions that the run may add to itself."
    )
    may_end_earlier: bool = Field(default=False, description="Whether it leaves off where nothing more is gained.")
    resumed_from: int = Field(default=0, description="Step of the checkpoint it went on from; 0 at a fresh start.")


class Phase(_Event):
    """What the worker is doing where no step is being taken."""

    type: Literal["phase"] = "phase"
    name: Literal["loading_model", "reading_examples", "measuring", "training", "evaluating", "saving"]


class Step(_Event):
    """One optimizer step."""

    type: Literal["step"] = "step"
    step: int = Field(description="1-based.")
    epoch: float
    loss: float = Field(description="Mean cross-entropy in nats a learned token.")
    learning_rate: float
    grad_norm: float
    tokens: int = Field(description="Tokens processed in this step, padding left out.")
    seconds: float = Field(description="Wall time of the step.")
    memory: int = Field(default=0, description="Resident memory of the worker in bytes.")


class Evaluation(_Event):
    """Loss on the held-out examples."""

    type: Literal["evaluation"] = "evaluation"
    step: int
    epoch: float
    loss: float
    best: bool = Field(description="Whether this is the best so far: the lowest loss, or the highest recall.")
    seconds: float = 0.0
    recalled: int | None = Field(
        default=None, description="Questions of training in other words that are answered to the letter."
    )
    recall_asked: int = Field(default=0, description="How many of them were asked; 0 where the loss judges.")


class Extended(_Event):
    """The run goes on beyond the steps of its recipe, because recall still rises: `longest_steps` announced it."""

    type: Literal["extended"] = "extended"
    total_steps: int


class SampleAnswer(Value):
    """A held-out question answered by the model as it is now."""

    question: str
    expected: str
    answer: str


class Answers(_Event):
    """The fixed held-out questions, answered anew; step 0 is the base model."""

    type: Literal["answers"] = "answers"
    step: int
    items: tuple[SampleAnswer, ...]
    seconds: float = 0.0


class Checkpoint(_Event):
    """A checkpoint is on disk, complete."""

    type: Literal["checkpoint"] = "checkpoint"
    step: int
    path: str = Field(description="Relative to the run's folder.")


class Usage(_Event):
    """What the worker takes of the machine, written every few seconds; the machine's totals beside it."""

    type: Literal["usage"] = "usage"
    cpu: float = Field(description="Share of all cores that the worker uses, 0 to 1.")
    machine_cpu: float = Field(default=0.0, description="Share of all cores that all programs use, 0 to 1.")
    memory: int = Field(description="Resident memory of the worker, bytes.")
    memory_free: int = Field(default=0, description="Memory that programs can still have, bytes.")
    memory_total: int = 0
    gpu: float | None = Field(default=None, description="Share of the time that the GPU computes; None without one.")
    vram: int | None = Field(default=None, description="GPU memory that all programs hold, bytes; None without one.")
    vram_total: int | None = None

    @property
    def taken_by_others(self) -> float:
        """Share of all cores that other programs use, 0 to 1."""
        return max(0.0, self.machine_cpu - self.cpu)


class Notice(_Event):
    """Something the owner should know; training goes on."""

    type: Literal["notice"] = "notice"
    step: int = 0
    problem: Problem


class Ended(_Event):
    """The worker is done, or has paused. ``result.json`` says the same of a run that is over, and is what counts."""

    type: Literal["ended"] = "ended"
    state: Literal["finished", "stopped", "failed", "paused"]
    step: int
    problem: Problem | None = None


Event = Annotated[
    Started | Phase | Step | Evaluation | Extended | Answers | Checkpoint | Usage | Notice | Ended,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def parse_events(lines: Iterable[str]) -> Iterator[Event]:
    """Yields the events of ``lines``. A line cut off in the middle or of an unknown type is passed over."""
    for line in lines:
        try:
            yield _ADAPTER.validate_python(json.loads(line))
        except (ValueError, ValidationError):
            continue
