"""The training loop, from top to bottom: step, evaluate, keep the best, save, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from studio.domain.conversation import Conversation
from studio.domain.event import Checkpoint, Extended
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe, Schedule
from studio.domain.run import RunResult, RunState
from studio.errors import AfinaError
from studio.storage.compute_lock import ComputeLock
from studio.storage.workspace import RunFolder
from studio.training.engines.base import Engine
from studio.training.engines.optimizer import build_optimizer, load_moments, moments
from studio.training.loop.checkpoint_manager import CheckpointManager, adapter_of
from studio.training.loop.checkpoints import LoopState, SavedState
from studio.training.loop.dataloader import Plan
from studio.training.loop.evaluation import EvalSchedule, may_extend
from studio.training.loop.evaluator import Evaluator
from studio.training.loop.gradient_accumulation import accumulate_gradients
from studio.training.loop.loss_divergence import DivergenceDetector
from studio.training.loop.reporter import Reporter
from studio.training.loop.resource_monitor import ResourceMonitor
from studio.training.loop.sample_answers import SampleAnswers
from studio.training.run_files.adjustments import Adjustments
from studio.training.run_files.event_log import EventLog

_MAX_GRAD_NORM: Final = 1.0


@dataclass
class Loop:
    """One run of a recipe.

    Args:
        reserve: bytes of the disk that are left free.
        hold: asked with the step taken, whether to leave off there; for the trials of a search.
        remarks: finds what the owner should know of the examples; asked once, after the first step.
        clock: seconds, for what is shared out by time.
    """

    folder: RunFolder
    recipe: Recipe
    engine: Engine
    plan: Plan
    evaluator: Evaluator
    sample_questions: Sequence[Conversation]
    compute_lock: ComputeLock
    log: EventLog
    adjustments: Adjustments = field(default_factory=Adjustments)
    reserve: int = 0
    hold: Callable[[int], bool] = lambda step: False
    remarks: Callable[[], list[Problem]] = list
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        self.state = LoopState(micro_batch=self.adjustments.micro_batch or self.recipe.micro_batch or 0)
        self._optimizer = build_optimizer(self.engine, self.recipe)
        self._checkpoint_manager = CheckpointManager(self.folder, self.engine, self.reserve)
        self._reporter = Reporter(self.log, ResourceMonitor(), self.plan.steps_per_epoch)
        self._divergence = DivergenceDetector()
        self._sample_answers = SampleAnswers(
            self.sample_questions,
            self.plan.conversations,
            self.engine,
            self.plan.encoder,
            self.compute_lock,
            self.clock,
        )
        self._start = time.monotonic()  # less the seconds trained before

    def run(self, saved: SavedState | None = None) -> RunResult | None:
        """Trains to the end, the stop request or the point where it gets no better.

        Args:
            saved: the checkpoint to go on from, if there is one.

        Returns:
            How it ended; None when it has paused, with a checkpoint of its last step.

        Raises:
            AfinaError: ``train.diverged``, ``train.out_of_memory``, ``disk.full`` …
        """
        if saved is not None:
            self._restore(saved)
        self._start = time.monotonic() - self.state.seconds
        if self.state.step == 0 and not self.engine.keeps_base:
            self._answer_samples(base=True)
        self._reporter.phase("training")
        stopped = held = False
        while True:
            if self._memorises():
                self._report_memorising()
                break
            if self.state.step >= self._schedule.end and not self._extend():
                break
            if stopped := self.folder.stop_request.exists():
                break
            if self._checkpoint_manager.is_to_pause():
                self._save(if_there_is_room=True)
                return None
            if held := self.hold(self.state.step):
                break
            self.compute_lock.wait()
            self._step(self.state.step + 1)
            if self.state.step == 1:  # what can wait until a first loss is on the screen
                self._after_first_step()
            if due := self._schedule.is_due(self.state.step):
                self._evaluate()
                self._answer_samples()
            if due or self._checkpoint_manager.is_due():
                self._save()
        if (stopped or held) and self.state.step and not self._schedule.is_due(self.state.step):
            self._evaluate()
        if held:
            self._save()
        return self._result(RunState.STOPPED if stopped else RunState.FINISHED)

    def _result(self, ended: RunState) -> RunResult:
        return RunResult(
            state=ended,
            steps=self.state.step,
            best_step=self.state.best_step,
            best_loss=self.state.best_loss,
            adapter=adapter_of(self.state.best_step),
            seconds=time.monotonic() - self._start,
            ended_at=time.time(),
        )

    @property
    def _schedule(self) -> EvalSchedule:
        return EvalSchedule(self.plan.total_steps, self.recipe.evaluations or 1, self.state.extensions)

    def _step(self, step: int) -> None:
        began = self.clock()
        batch = self.plan.batch(step)
        recipe = self.recipe
        peak = (recipe.learning_rate or 0.0) * self.adjustments.rate_factor
        lr = self._schedule.rate(step, peak, recipe.schedule or Schedule.COSINE, recipe.warmup_ratio or 0.0)
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout follows from seed and step: exact resume
        loss, micro_batch = accumulate_gradients(self.engine, batch, self.state.micro_batch)
        if micro_batch != self.state.micro_batch:
            self._update(micro_batch=micro_batch)
            self._notice("train.smaller_batches", n=micro_batch)
        norm = float(torch.linalg.vector_norm(self.engine.gradients))
        self._divergence.add(loss if math.isfinite(norm) else norm)
        if self._divergence.has_diverged:
            raise AfinaError("train.diverged", step=step)
        if norm > _MAX_GRAD_NORM:
            self.engine.gradients.mul_(_MAX_GRAD_NORM / norm)
        self._optimizer.param_groups[0]["lr"] = lr
        self._optimizer.step()
        self.engine.gradients.zero_()
        seconds = self.clock() - began
        trained = self.state.training_seconds + seconds
        self._update(step=step, training_seconds=trained, loss_marks=self._divergence.marks)
        self._reporter.step(step, batch, loss, lr, norm, seconds)
        if self.engine.hasten(seconds, self._schedule.end - step):
            self._notice("train.compiling", severity=Severity.NOTE)

    def _after_first_step(self) -> None:
        for problem in self.remarks():
            self._reporter.problem(self.state.step, problem)
        if self.engine.keeps_base:
            self._answer_samples(base=True)

    def _evaluate(self) -> None:
        """How well it does; the best weights so far are kept. Where there is nothing to ask, the newest are."""
        began = time.perf_counter()
        self._reporter.phase("evaluating")
        step, result = self.state.step, self.evaluator.evaluate()
        if is_best := result is None or result.gains_on(self.state.best):
            self._checkpoint_manager.keep(step)
            self._update(best_step=step, best_loss=result.loss if result is not None else None, best=result)
        if result is not None:
            self._update(without_gain=0 if is_best else self.state.without_gain + 1)
            self._reporter.evaluation(step, result, is_best=is_best, seconds=time.perf_counter() - began)
        self._reporter.phase("training")

    def _answer_samples(self, *, base: bool = False) -> None:
        """Answers the fixed questions, as long as that takes a small share of the training time."""
        spent, training = self.state.answering_seconds, self.state.training_seconds
        must = base or self.state.step >= self._schedule.end
        budget = math.inf if must else self._sample_answers.budget(spent, training)
        if not budget:
            return
        answers = self._sample_answers.answer(0 if base else self.state.step, tuned=not base, budget=budget)
        if answers is not None:
            self._update(answering_seconds=spent + answers.seconds)
            self._reporter.write(answers)

    def _save(self, *, if_there_is_room: bool = False) -> None:
        """Writes a checkpoint, unless this step has one or is none to come back to."""
        if self._checkpoint_manager.saved_step == self.state.step or not self._divergence.is_well:
            return
        self._update(seconds=time.monotonic() - self._start)
        try:
            path = self._checkpoint_manager.save(self.state, moments(self._optimizer))
        except AfinaError as error:
            if if_there_is_room and error.code == "disk.full":
                return
            raise
        self._reporter.write(Checkpoint(time=time.time(), step=self.state.step, path=path))

    def _restore(self, saved: SavedState) -> None:
        """Goes back to where a checkpoint was."""
        self.state, tensors = saved
        self._checkpoint_manager.saved_step = self.state.step
        self._divergence = DivergenceDetector(self.state.loss_marks)
        if self.state.best_step is not None and not self._checkpoint_manager.has(self.state.best_step):
            self._notice("train.adapter_damaged", step=self.state.best_step)
            self._update(best_step=None, best_loss=None, best=None)
        self.engine.weights.copy_(tensors["weights"])
        load_moments(self._optimizer, self.state.step, tensors)

    def _memorises(self) -> bool:
        """Whether so many evaluations brought no gain that going on would only memorise the examples."""
        return 0 < (self.recipe.patience or 0) <= self.state.without_gain

    def _report_memorising(self) -> None:
        best, step = self.state.best, self.state.best_step or 0
        if best is None or best.recalled is None:
            self._notice("train.memorising", Severity.NOTE, step=step)
        else:
            self._notice("train.recall_settled", Severity.NOTE, step=step, n=best.recalled, asked=best.asked)

    def _extend(self) -> bool:
        """At the last step: adds half as many where recall still rises; whether it did."""
        best = self.state.best
        if best is None or not may_extend(self.state.extensions, best.recalled, best.asked, self.state.without_gain):
            return False
        self._update(extensions=self.state.extensions + 1)
        self._notice("train.goes_on", Severity.NOTE, n=best.recalled, asked=best.asked)
        self._reporter.write(Extended(time=time.time(), total_steps=self._schedule.end))
        return True

    def _notice(self, code: str, severity: Severity = Severity.WARNING, **params: Any) -> None:
        self._reporter.problem(self.state.step, Problem(code=code, severity=severity, params=params))

    def _update(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)
