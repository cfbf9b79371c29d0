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
from studio.domain.event import Answers, Checkpoint, Evaluation, Event, LiveAnswer, Notice, Phase, Step
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe, Schedule
from studio.domain.run import RunResult, RunState
from studio.errors import AfinaError, from_exception
from studio.models.tokenizer import EncodedExample
from studio.storage.turns import Turns
from studio.storage.workspace import RunFolder
from studio.training.adjustments import Adjustments
from studio.training.batches import Plan
from studio.training.checkpoints import LoopState
from studio.training.divergence import Course
from studio.training.engine import Engine, learned_tokens
from studio.training.events import EventLog
from studio.training.gauge import Gauge
from studio.training.keeper import Keeper, adapter_of
from studio.training.optimizer import moments_of, optimizer_of, set_moments
from studio.training.schedule import evaluation_steps, learning_rate

_CLIP: Final = 1.0  # longest gradient
_ANSWER_SHARE: Final = 0.1  # of the training time, for the live answers
_CHECKPOINT_SECONDS: Final = 60.0
_CHECKPOINT_SHARE: Final = 0.05  # of the training time, for checkpoints


@dataclass
class Loop:
    """One run of a recipe. :meth:`run` is all that is called from outside.

    Args:
        folder: of the run.
        recipe: resolved.
        engine: the model.
        plan: which examples each step sees.
        held_out: encoded held-out examples; may be empty.
        asked: conversations whose questions are answered live.
        turns: the agreement with whoever answers in the chat.
        log: takes the events.
        state: where the run stands.
        adjustments: what the run changed about its recipe.
        reserve: bytes of the disk that are left free.
        hold: asked with the step taken, whether to leave off there; for the trials of a study.
    """

    folder: RunFolder
    recipe: Recipe
    engine: Engine
    plan: Plan
    held_out: Sequence[EncodedExample]
    asked: Sequence[Conversation]
    turns: Turns
    log: EventLog
    state: LoopState = field(default_factory=LoopState)
    adjustments: Adjustments = field(default_factory=Adjustments)
    reserve: int = 0
    hold: Callable[[int], bool] | None = None

    def run(self, found: tuple[LoopState, dict[str, torch.Tensor]] | None = None) -> RunResult | None:
        """Trains to the end, the stop request or the point where it gets no better.

        Args:
            found: the checkpoint to go on from, if there is one.

        Returns:
            How it ended; None when it has paused, with a checkpoint of its last step.

        Raises:
            AfinaError: ``train.diverged``, ``train.out_of_memory``, ``disk.full`` …
        """
        total = self.plan.total_steps
        self.restore(found)
        self._began = time.monotonic() - self.state.seconds
        if self.state.step == 0 and not self.engine.keeps_base:
            self._answer(base=True)
        self._say(Phase(time=time.time(), name="training"))
        due = evaluation_steps(total, self.recipe.evaluations or 1)
        self._saved_at, self._saved_step = time.monotonic(), self.state.step
        self._saving_seconds = 0.0
        stopped = held = False
        while self.state.step < total and not self._memorises():
            if stopped := self.folder.stop_request.exists():
                break
            if self._keeper.is_to_pause():
                self._save_if_there_is_room()
                return None
            if held := self.hold is not None and self.hold(self.state.step):
                break
            self.turns.wait()
            self._step(self.state.step + 1, total)
            if self.state.step == 1 and self.engine.keeps_base:
                self._answer(base=True)  # after the first step, so that a first loss is on screen at once
            if self.state.step in due:
                self._evaluate()
                self._answer()
            if self.state.step in due or self._checkpoint_due():
                self._save()
        if (stopped or held) and self.state.step and self.state.step not in due:
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

    def _step(self, step: int, total: int) -> None:
        began = time.perf_counter()
        batch = self.plan.batch(step)
        rate = learning_rate(
            step,
            total,
            (self.recipe.learning_rate or 0.0) * self.adjustments.rate_factor,
            self.recipe.schedule or Schedule.COSINE,
            self.recipe.warmup_ratio or 0,
        )
        torch.manual_seed(self.recipe.seed * 1_000_003 + step)  # dropout follows from seed and step: exact resume
        loss = self._gradients(batch)
        norm = float(torch.linalg.vector_norm(self.engine.gradients))
        self._course.add(loss if math.isfinite(norm) else norm)
        if self._course.has_diverged:
            raise AfinaError("train.diverged", step=step)
        if norm > _CLIP:
            self.engine.gradients.mul_(_CLIP / norm)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self.engine.gradients.zero_()
        seconds = time.perf_counter() - began
        spent = self.state.training_seconds + seconds
        self._update(step=step, training_seconds=spent, early_losses=self._course.early)
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

    def _gradients(self, batch: Sequence[EncodedExample]) -> float:
        """Fills in the gradients of the mean loss; halves the micro-batch where memory does not suffice."""
        scale = 1.0 / max(1, learned_tokens(batch))
        while True:
            size = self.state.micro_batch or len(batch)
            try:
                parts = [batch[first : first + size] for first in range(0, len(batch), size)]
                return sum(self.engine.train(part, scale) for part in parts) * scale
            except Exception as error:
                problem = from_exception(error)
                if problem.code != "train.out_of_memory" or size == 1:
                    raise
            self.engine.gradients.zero_()
            self._update(micro_batch=math.ceil(size / 2))
            self._notice("train.smaller_batches", n=math.ceil(size / 2))

    def _evaluate(self) -> None:
        """Loss on the held-out examples; the best weights so far are kept. Without such examples the newest are."""
        began = time.perf_counter()
        step = self.state.step
        if not self.held_out:
            self._keep(None)
            return
        self._say(Phase(time=time.time(), name="evaluating"))
        loss = self.held_out_loss()
        best = self.state.best_loss is None or loss < self.state.best_loss
        if best:
            self._keep(loss)
        self._update(without_gain=0 if best else self.state.without_gain + 1)
        self._say(
            Evaluation(
                time=time.time(),
                step=step,
                epoch=step / self.plan.steps_per_epoch,
                loss=loss,
                best=best,
                seconds=time.perf_counter() - began,
            )
        )
        self._say(Phase(time=time.time(), name="training"))

    def held_out_loss(self) -> float:
        """Mean cross-entropy of the held-out examples as the model is now, in nats a learned token."""
        total = 0.0
        for first in range(0, len(self.held_out), 16):
            self.turns.wait()
            total += self.engine.loss(self.held_out[first : first + 16])
        return total / max(1, learned_tokens(self.held_out))

    def _answer(self, *, base: bool = False) -> None:
        """Answers the fixed questions, as long as that takes a small share of the training time."""
        spent, step = self.state.answering_seconds, 0 if base else self.state.step
        if not self.asked or (step > 1 and spent > _ANSWER_SHARE * self.state.training_seconds and not self._is_last()):
            return
        began = time.perf_counter()
        encoder = self.plan.encoder
        prompts = [encoder.prompt(conversation) for conversation in self.asked]
        longest = max(len(encoder.tokenizer.encode(conversation.answer)) for conversation in self.asked)
        self.turns.wait()
        answers = self.engine.generate(prompts, encoder.tokenizer.stop_ids, min(96, longest + 8), tuned=not base)
        seconds = time.perf_counter() - began
        items = tuple(
            LiveAnswer(question=c.question, expected=c.answer, answer=encoder.tokenizer.decode(ids).strip())
            for c, ids in zip(self.asked, answers, strict=True)
        )
        self._update(answering_seconds=spent + (seconds if step else 0.0))
        self._say(Answers(time=time.time(), step=step, items=items, seconds=seconds))

    def _keep(self, loss: float | None) -> None:
        self._keeper.keep(self.state.step)
        self._update(best_step=self.state.step, best_loss=loss)

    def _save_if_there_is_room(self) -> None:
        try:
            self._save()
        except AfinaError as error:
            if error.code != "disk.full":
                raise

    def _save(self) -> None:
        """Writes a checkpoint, unless this step has one or is none to come back to."""
        if self._saved_step == self.state.step or not self._course.is_well:
            return
        began = time.monotonic()
        self._update(seconds=began - self._began)
        path = self._keeper.save(self.state, moments_of(self._optimizer))
        self._saved_at, self._saved_step = time.monotonic(), self.state.step
        self._saving_seconds = self._saved_at - began
        self._say(Checkpoint(time=time.time(), step=self.state.step, path=path))

    def _checkpoint_due(self) -> bool:
        wait = max(_CHECKPOINT_SECONDS, self._saving_seconds / _CHECKPOINT_SHARE)
        return time.monotonic() - self._saved_at > wait

    def restore(self, found: tuple[LoopState, dict[str, torch.Tensor]] | None) -> None:
        """Makes the optimizer, and goes back to where a checkpoint was."""
        self._optimizer = optimizer_of(self.engine, self.recipe)
        self._keeper = Keeper(self.folder, self.engine, self.reserve)
        self._gauge = Gauge(self.folder.path)
        self._course = Course()
        if found is None:
            self._update(micro_batch=self.adjustments.micro_batch)
            return
        self.state, tensors = found
        self._course = Course(self.state.early_losses)
        if self.state.best_step is not None and not self._keeper.has(self.state.best_step):
            self._update(best_step=None, best_loss=None)
        self.engine.weights.copy_(tensors["weights"])
        set_moments(self._optimizer, self.state.step, tensors)

    def _memorises(self) -> bool:
        patience = self.recipe.patience or 0
        if not patience or self.state.without_gain < patience:
            return False
        self._notice("train.memorising", severity=Severity.NOTE, step=self.state.best_step or 0)
        return True

    def _is_last(self) -> bool:
        return self.state.step >= self.plan.total_steps

    def _notice(self, code: str, severity: Severity = Severity.WARNING, **params: Any) -> None:
        problem = Problem(code=code, severity=severity, params=params)
        self._say(Notice(time=time.time(), step=self.state.step, problem=problem))

    def _say(self, event: Event) -> None:
        self.log.write(event)
        if (usage := self._gauge.look()) is not None:
            self.log.write(usage)

    def _update(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)
