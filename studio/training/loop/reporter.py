"""What a run tells in the course of its training: events in its log, and beside them what it uses of the machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from studio.domain.event import Evaluation, Event, Notice, Phase, Step
from studio.domain.problem import Problem
from studio.models.tokenizer import EncodedExample
from studio.training.loop.evaluation import EvalResult
from studio.training.loop.resource_monitor import ResourceMonitor
from studio.training.run_files.event_log import EventLog


class Reporter:
    """Writes the events of one run."""

    def __init__(self, log: EventLog, monitor: ResourceMonitor, steps_per_epoch: float) -> None:
        self._log, self._monitor, self._steps_per_epoch = log, monitor, steps_per_epoch

    def write(self, event: Event) -> None:
        """Writes an event, and the use of the machine where that is due."""
        self._log.write(event)
        if (usage := self._monitor.sample()) is not None:
            self._log.write(usage)

    def phase(self, name: str) -> None:
        """Tells what the run does from now on."""
        self.write(Phase(time=time.time(), name=name))

    def step(
        self, step: int, batch: Sequence[EncodedExample], loss: float, lr: float, grad_norm: float, seconds: float
    ) -> None:
        """Tells of an optimizer step."""
        self.write(
            Step(
                time=time.time(),
                step=step,
                epoch=step / self._steps_per_epoch,
                loss=loss,
                learning_rate=lr,
                grad_norm=grad_norm,
                tokens=sum(len(example.input_ids) for example in batch),
                seconds=seconds,
                memory=psutil.Process().memory_info().rss,
            )
        )

    def evaluation(self, step: int, result: EvalResult, *, is_best: bool, seconds: float) -> None:
        """Tells of an evaluation."""
        loss = result.recall_loss if result.loss is None else result.loss
        self.write(
            Evaluation(
                time=time.time(),
                step=step,
                epoch=step / self._steps_per_epoch,
                loss=loss or 0.0,
                best=is_best,
                seconds=seconds,
                recalled=result.recalled,
                recall_asked=result.asked,
            )
        )

    def problem(self, step: int, problem: Problem) -> None:
        """Tells the owner of a problem that was found."""
        self.write(Notice(time=time.time(), step=step, problem=problem))
