"""Putting a run together from its folder: examples, tokens, engine, loop. For the worker, and for each trial of a study."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.domain.conversation import Conversation
from studio.domain.event import Phase, Started
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Precision, Recipe
from studio.errors import AfinaError
from studio.models.probe import choose_precision, speed_here
from studio.storage.compute_lock import ComputeLock
from studio.storage.workspace import RunFolder
from studio.training.loop.evaluation import EvalSchedule
from studio.training.loop.recovery import find_checkpoint, tell_of_smaller_batches
from studio.training.run_files.adjustments import read_adjustments
from studio.training.run_files.event_log import EventLog, read_events

if TYPE_CHECKING:
    from studio.training.loop.checkpoints import SavedState
    from studio.training.loop.dataloader import Encoder
    from studio.training.loop.evaluator import Evaluator
    from studio.training.loop.trainer import Loop


def assemble(
    folder: RunFolder,
    recipe: Recipe,
    model_dir: Path,
    compute_lock: ComputeLock,
    log: EventLog,
    *,
    live: bool = True,
    reserve: int = 0,
) -> tuple[Loop, SavedState | None]:
    """Everything that a run needs, ready to train, and the checkpoint to go on from.

    Only what the first step needs is done here: somebody waits for the first point of the chart.

    Args:
        log: takes the events; what is noticed on the way is written into it.
        live: whether fixed questions are answered at each evaluation.
        reserve: bytes of the disk that are left free.

    Raises:
        AfinaError: ``train.too_few_examples``, ``train.nothing_to_learn``, or what loading the model raises.
    """
    from studio.training.engines.fused import allocator

    allocator.keep_freed_memory()
    from studio.models.processor import best_device
    from studio.training.engines.select import build_engine, questions
    from studio.training.loop.dataloader import Encoder, Plan, read_conversations
    from studio.training.loop.evaluator import Evaluator
    from studio.training.loop.trainer import Loop

    encoder = Encoder.load(model_dir, recipe)
    device = best_device()
    precision = _precision(recipe.precision, folder, compute_lock.home)
    engine = build_engine(model_dir, recipe, precision, device, encoder.tokenizer.pad_id)
    log.write(Phase(time=time.time(), name="reading_examples"))
    train, held_out = read_conversations(folder.train), read_conversations(folder.held_out)
    _require_something_to_learn(encoder, train)
    plan = Plan(train, encoder, recipe.batch_size or 16, recipe.epochs or 1.0, recipe.seed, bool(recipe.augment))
    saved = find_checkpoint(folder, log)
    tell_of_smaller_batches(folder, recipe, log)
    evaluator = Evaluator(
        engine, encoder, held_out, lambda: _recall(train, held_out, recipe.seed) if live else [], compute_lock
    )
    loop = Loop(
        folder=folder,
        recipe=recipe,
        engine=engine,
        plan=plan,
        evaluator=evaluator,
        sample_questions=questions(held_out or train) if live else (),
        compute_lock=compute_lock,
        log=log,
        adjustments=read_adjustments(folder),
        reserve=reserve,
        remarks=lambda: [*_cuts(encoder, train), *_unique_answers(evaluator)],
    )
    log.write(_started(loop, device, precision, len(held_out), saved))
    return loop, saved


def _precision(wanted: Precision, folder: RunFolder, home: Path) -> Precision:
    """BF16 or FP32: as wanted, else as the run began, else as this machine was measured."""
    if wanted is not Precision.AUTO:
        return wanted
    started = next((event for event in read_events(folder.events)[0] if isinstance(event, Started)), None)
    return Precision(started.precision) if started is not None else choose_precision(speed_here(home))


def _started(loop: Loop, device: str, precision: Precision, held_out: int, saved: SavedState | None) -> Started:
    import torch

    extensible = bool(loop.evaluator.recall)  # before the first step: what is told then must hold
    patience, total = loop.recipe.patience or 0, loop.plan.total_steps
    return Started(
        time=time.time(),
        pid=os.getpid(),
        device=device,
        precision=str(precision),
        threads=torch.get_num_threads(),
        total_steps=total,
        epochs=loop.plan.epochs,
        longest_steps=EvalSchedule(total, 1).longest if extensible else total,
        may_end_earlier=extensible or 0 < patience < (loop.recipe.evaluations or 1),
        steps_per_epoch=loop.plan.steps_per_epoch,
        train_examples=len(loop.plan.conversations),
        held_out_examples=held_out,
        trainable_parameters=loop.engine.weights.numel(),
        total_parameters=loop.engine.total_parameters,
        resumed_from=saved[0].step if saved else 0,
    )


def _require_something_to_learn(encoder: Encoder, train: Sequence[Conversation]) -> None:
    if not train:
        raise AfinaError("train.too_few_examples", n=0)
    if not any(any(encoder.example(conversation).learned[1:]) for conversation in train):
        raise AfinaError("train.nothing_to_learn")


def _recall(train: Sequence[Conversation], held_out: Sequence[Conversation], seed: int) -> list[Conversation]:
    """What is asked in other words where every answer is there once."""
    from studio.data.splitting.practice import has_unique_answers, recall_questions
    from studio.training.loop.evaluation import RECALL_ASKED

    unique = has_unique_answers(train, held_out)
    return recall_questions(train, seed, RECALL_ASKED) if unique else []


def _unique_answers(evaluator: Evaluator) -> list[Problem]:
    if not evaluator.recall:
        return []
    return [Problem(code="train.unique_answers", severity=Severity.NOTE, params={"n": len(evaluator.recall)})]


def _cuts(encoder: Encoder, train: Sequence[Conversation]) -> list[Problem]:
    """How many examples are cut off at the longest length."""
    cut = sum(encoder.example(conversation).truncated for conversation in train)
    if not cut:
        return []
    return [Problem(code="train.truncated", severity=Severity.WARNING, field="max_length", params={"n": cut})]
