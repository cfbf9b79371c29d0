"""The training loop, from top to bottom: step, evaluate, keep the best, save, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import torch

from studio.domain.conversation import Conversation
from studio.domain.event import Checkpoint, Evaluation, Event, Extended, Notice, Phase, Step
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe, Schedule
from studio.domain.run import RunResult, RunState
from studio.errors import AfinaError, from_exception
from studio.models.tokenizer import EncodedExample
from studio.storage.compute_lock import ComputeLock
from studio.storage.workspace import RunFolder
from studio.training.engines.base import Engine, learned_tokens
from studio.training.engines.optimizer import FusedAdamW, moments_of, optimizer_of, set_moments
from studio.training.loop.checkpoint_manager import CheckpointManager, adapter_of
from studio.training.loop.checkpoints import LoopState
from studio.training.loop.dataloader import Plan
from studio.training.loop.evaluation import EvalResult, EvalSchedule, may_extend
from studio.training.loop.evaluator import Evaluator
from studio.training.loop.loss_divergence import DivergenceDetector
from studio.training.loop.resource_monitor import ResourceMonitor
from studio.training.loop.sample_answers import SampleAnswers
from studio.training.run_files.adjustments import Adjustments
from studio.training.run_files.event_log import EventLog

_CLIP: Final = 1.0  # longest gradient


@dataclass
class Loop:
    """One run of a recipe. :meth:`run` is all that is called from outside.

    Args:
        folder: of the run.
        recipe: resolved.
        engine: the model.
        plan: which examples each step sees.
        judge: grades the model at each evaluation.
        asked: conversations whose questions are answered live.
        turns: the agreement with whoever answers in the chat.
        log: takes the events.
        state: where the run stands.
        adjustments: what the run changed about its recipe.
        reserve: bytes of the disk that are left free.
        hold: asked with the step taken, whether to leave off there; for the trials of a study.
        remarks: finds what the owner should know of the examples; asked once, after the first step.
        clock: seconds, for what is shared out by time.
    """

    folder: RunFolder
    recipe: Recipe
    engine: Engine
    plan: Plan
    judge: Evaluator
    asked: Sequence[Conversation]
    turns: ComputeLock
    log: EventLog
    state: LoopState = field(default_factory=LoopState)
    adjustments: Adjustments = field(default_factory=Adjustments)
    reserve: int = 0
    hold: Callable[[int], bool] | None = None
    remarks: Callable[[], list[Problem]] | None = None
    clock: Callable[[], float] = time.perf_counter

    # Made by :meth:`restore`, for the point that the run goes on from.
    _optimizer: FusedAdamW = field(init=False, repr=False, compare=False)
    _checkpoint_manager: CheckpointManager = field(init=False, repr=False, compare=False)
    _resource_monitor: ResourceMonitor = field(init=False, repr=False, compare=False)
    _divergence: DivergenceDetector = field(init=False, repr=False, compare=False)
    _sample_answers: SampleAnswers = field(init=False, repr=False, compare=False)
    _began: float = field(init=False, repr=False, compare=False)  # by the monotonic clock, less earlier training

    def run(self, found: tuple[LoopState, dict[str, torch.Tensor]] | None = None) -> RunResult | None:
        """Trains to the end, the stop request or the point where it gets no better.

        Args:
            found: the checkpoint to go on from, if there is one.

        Returns:
            How it ended; None when it has paused, with a checkpoint of its last step.

        Raises:
            AfinaError: ``train.diverged``, ``train.out_of_memory``, ``disk.full`` …
        """
        self.restore(found)
        self._began = time.monotonic() - self.state.seconds
        if self.state.step == 0 and not self.engine.keeps_base:
            self._answer(base=True)
        self._say(Phase(time=time.time(), name="training"))
        stopped = held = False
        while True:
            if self._memorises():
                self._tell_of_memorising()
                break
            if self.state.step >= self._schedule.end:
                if (rising := self._rising_recall()) is None:
                    break
                self._extend(rising)
            if stopped := self.folder.stop_request.exists():
                break
            if self._checkpoint_manager.is_to_pause():
                self._save(if_there_is_room=True)
                return None
            if held := self.hold is not None and self.hold(self.state.step):
                break
            self.turns.wait()
            self._step(self.state.step + 1)
            if self.state.step == 1:
                self._begun()
            if due := self._schedule.is_due(self.state.step):
                self._evaluate()
                self._answer()
            if due or self._checkpoint_manager.is_due():
                self._save()
        if (stopped or held) and self.state.step and not self._schedule.is_due(self.state.step):
            self._evaluate()
        if held:
            self._save()
        self._update(seconds=time.monotonic() - self._began)
        return RunResult(
            state=RunState.STOPPED if stopped else RunState.FINISHED,
            steps=self.state.step,
            best_step=self.state.best_step,
            best_loss=self.state.best_loss,
            adapter=adapter_of(self.state.best_step),
            seconds=self.state.seconds,
            ended_at=time.time(),
        )

    @property
    def _schedule(self) -> EvalSchedule:
        return EvalSchedule(self.plan.total_steps, self.recipe.evaluations or 1, self.state.extensions)

    def _step(self, step: int) -> None:
        began = self.clock()
        batch = self.plan.batch(step)
        rate = self._schedule.rate(
            step,
            (self.recipe.learning_rate or 0.0) * self.adjustments.rate_factor,
            self.recipe.schedule or Schedule.COSINE,
            self.recipe.warmup_ratio or 0,
        )
        torch.manual_seed(self.recipe.seed * 1_000_003 + step)  # dropout follows from seed and step: exact resume
        loss = self._gradients(batch)
        norm = float(torch.linalg.vector_norm(self.engine.gradients))
        self._divergence.add(loss if math.isfinite(norm) else norm)
        if self._divergence.has_diverged:
            raise AfinaError("train.diverged", step=step)
        if norm > _CLIP:
            self.engine.gradients.mul_(_CLIP / norm)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self.engine.gradients.zero_()
        seconds = self.clock() - began
        spent = self.state.training_seconds + seconds
        self._update(step=step, training_seconds=spent, loss_marks=self._divergence.marks)
        self._say(
            Step(
                time=time.time(),
                step=step,
                epoch=step / self.plan.steps_per_epoch,
                loss=loss,
                learning_rate=rate,
                grad_norm=norm,
                tokens=sum(len(example.input_ids) for example in batch),
                seconds=seconds,
                memory=psutil.Process().memory_info().rss,
            )
        )
        if self.engine.hasten(seconds, self._schedule.end - step):
            self._notice("train.compiling", severity=Severity.NOTE)

    def _gradients(self, batch: Sequence[EncodedExample]) -> float:
        """Fills in the gradients of the mean loss; halves the micro-batch where memory does not suffice.

        Where the engine computes in a faster way and that fails, it goes on in the plain one.
        """
        scale = 1.0 / max(1, learned_tokens(batch))
        while True:
            size = self.state.micro_batch or len(batch)
            try:
                parts = [batch[first : first + size] for first in range(0, len(batch), size)]
                return sum(self.engine.train(part, scale) for part in parts) * scale
            except Exception as error:
                is_full = from_exception(error).code == "train.out_of_memory" and size > 1
                if not is_full and not self.engine.fall_back():
                    raise
            self.engine.gradients.zero_()
            if is_full:
                self._update(micro_batch=math.ceil(size / 2))
                self._notice("train.smaller_batches", n=math.ceil(size / 2))

    def _begun(self) -> None:
        """What can wait until a first loss is on the screen."""
        for problem in self.remarks() if self.remarks else ():
            self._say(Notice(time=time.time(), step=self.state.step, problem=problem))
        if self.engine.keeps_base:
            self._answer(base=True)

    def _evaluate(self) -> None:
        """How well it does; the best weights so far are kept. Where nothing can judge, the newest are."""
        began = time.perf_counter()
        self._say(Phase(time=time.time(), name="evaluating"))
        grade = self.judge.grade()
        best = grade is None or grade.gains_on(self.state.best)
        if best:
            self._keep(grade)
        if grade is not None:
            self._update(without_gain=0 if best else self.state.without_gain + 1)
            step, loss = self.state.step, grade.recall_loss if grade.loss is None else grade.loss
            self._say(
                Evaluation(
                    time=time.time(),
                    step=step,
                    epoch=step / self.plan.steps_per_epoch,
                    loss=loss or 0.0,
                    best=best,
                    seconds=time.perf_counter() - began,
                    recalled=grade.recalled,
                    recall_asked=grade.asked,
                )
            )
        self._say(Phase(time=time.time(), name="training"))

    def _answer(self, *, base: bool = False) -> None:
        """Answers the fixed questions, as long as that takes a small share of the training time."""
        last = self.state.step >= self._schedule.end
        spent, training = self.state.answering_seconds, self.state.training_seconds
        room = math.inf if base or last else self._sample_answers.room(spent, training)
        if not room:
            return
        answers = self._sample_answers.give(0 if base else self.state.step, tuned=not base, room=room)
        if answers is not None:
            self._update(answering_seconds=spent + answers.seconds)
            self._say(answers)

    def _keep(self, grade: EvalResult | None) -> None:
        self._checkpoint_manager.keep(self.state.step)
        loss = grade.loss if grade is not None else None
        self._update(best_step=self.state.step, best_loss=loss, best=grade)

    def _save(self, *, if_there_is_room: bool = False) -> None:
        """Writes a checkpoint, unless this step has one or is none to come back to."""
        if self._checkpoint_manager.saved_step == self.state.step or not self._divergence.is_well:
            return
        self._update(seconds=time.monotonic() - self._began)
        try:
            path = self._checkpoint_manager.save(self.state, moments_of(self._optimizer))
        except AfinaError as error:
            if not if_there_is_room or error.code != "disk.full":
                raise
        else:
            self._say(Checkpoint(time=time.time(), step=self.state.step, path=path))

    def restore(self, found: tuple[LoopState, dict[str, torch.Tensor]] | None) -> None:
        """Makes the optimizer, and goes back to where a checkpoint was."""
        self._optimizer = optimizer_of(self.engine, self.recipe)
        self._checkpoint_manager = CheckpointManager(
            self.folder, self.engine, self.reserve, found[0].step if found else 0
        )
        self._resource_monitor = ResourceMonitor(self.folder.path)
        self._divergence = DivergenceDetector()
        self._sample_answers = SampleAnswers(
            self.asked, self.plan.conversations, self.engine, self.plan.encoder, self.turns, self.clock
        )
        if found is None:
            self._update(micro_batch=self.adjustments.micro_batch or self.recipe.micro_batch or 0)
            return
        self.state, tensors = found
        self._divergence = DivergenceDetector(self.state.loss_marks)
        if self.state.best_step is not None and not self._checkpoint_manager.has(self.state.best_step):
            self._notice("train.adapter_damaged", step=self.state.best_step)
            self._update(best_step=None, best_loss=None, best=None)
        self.engine.weights.copy_(tensors["weights"])
        set_moments(self._optimizer, self.state.step, tensors)

    def _memorises(self) -> bool:
        """Whether so many evaluations brought no gain that going on would only memorise the examples."""
        patience = self.recipe.patience or 0
        return patience > 0 and self.state.without_gain >= patience

    def _tell_of_memorising(self) -> None:
        best = self.state.best
        if best is not None and best.recalled is not None:
            kept = {"step": self.state.best_step or 0, "n": best.recalled, "asked": best.asked}
            self._notice("train.recall_settled", severity=Severity.NOTE, **kept)
        else:
            self._notice("train.memorising", severity=Severity.NOTE, step=self.state.best_step or 0)

    def _rising_recall(self) -> EvalResult | None:
        """At the last step: the best result, where recall still rises and more steps may be added; else None."""
        best = self.state.best
        if best is None or not may_extend(self.state.extensions, best.recalled, best.asked, self.state.without_gain):
            return None
        return best

    def _extend(self, best: EvalResult) -> None:
        """Adds half as many steps."""
        self._update(extensions=self.state.extensions + 1)
        self._notice("train.goes_on", severity=Severity.NOTE, n=best.recalled, asked=best.asked)
        self._say(Extended(time=time.time(), total_steps=self._schedule.end))

    def _notice(self, code: str, severity: Severity = Severity.WARNING, **params: Any) -> None:
        problem = Problem(code=code, severity=severity, params=params)
        self._say(Notice(time=time.time(), step=self.state.step, problem=problem))

    def _say(self, event: Event) -> None:
        self.log.write(event)
        if (usage := self._resource_monitor.sample()) is not None:
            self.log.write(usage)

    def _update(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)
