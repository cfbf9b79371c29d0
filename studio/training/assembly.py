"""Putting a run together from its folder: examples, tokens, engine, loop. For the worker, and for each trial of a study."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.domain.conversation import Conversation
from studio.domain.event import Notice, Phase, Started
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.storage.turns import Turns
from studio.storage.workspace import RunFolder
from studio.training.adjustments import read_adjustments
from studio.training.events import EventLog
from studio.training.recovery import Found, find_checkpoint, tell_of_smaller_batches

if TYPE_CHECKING:
    from studio.training.batches import Encoder
    from studio.training.loop import Loop


def assemble(
    folder: RunFolder,
    recipe: Recipe,
    model_dir: Path,
    turns: Turns,
    log: EventLog,
    *,
    live: bool = True,
    reserve: int = 0,
) -> tuple[Loop, Found | None]:
    """Everything that a run needs, ready to train, and the checkpoint to go on from.

    Args:
        folder: of the run.
        recipe: resolved.
        model_dir: folder of the base model.
        turns: the agreement with whoever answers in the chat.
        log: takes the events; what is found on the way is written into it.
        live: whether fixed questions are answered at each evaluation.
        reserve: bytes of the disk that are left free.

    Raises:
        AfinaError: ``train.too_few_examples``, ``train.nothing_to_learn``, or what loading the model raises.
    """
    from studio.training import memory

    memory.keep_freed_memory()
    import torch

    from studio.training.batches import Encoder, Plan, read_conversations
    from studio.training.building import build_engine, device, questions
    from studio.training.loop import Loop
    from studio.training.precision import choose

    encoder = Encoder.load(model_dir, recipe)
    where = device()
    precision = choose(recipe.precision, where)
    engine = build_engine(model_dir, recipe, precision, where, encoder.tokenizer.pad_id)
    log.write(Phase(time=time.time(), name="reading_examples"))
    train = read_conversations(folder.train)
    held_out = read_conversations(folder.held_out)
    if not train:
        raise AfinaError("train.too_few_examples", n=0)
    _warn_of_cuts(log, encoder, train)
    plan = Plan(train, encoder, recipe.batch_size or 16, recipe.epochs or 1.0, recipe.seed, bool(recipe.augment))
    found = find_checkpoint(folder, log)
    tell_of_smaller_batches(folder, recipe, log)
    loop = Loop(
        folder=folder,
        recipe=recipe,
        engine=engine,
        plan=plan,
        held_out=[example for example in map(encoder.example, held_out) if any(example.learned[1:])],
        asked=questions(held_out or train) if live else (),
        turns=turns,
        log=log,
        adjustments=read_adjustments(folder),
        reserve=reserve,
        recall=_recall(log, train, held_out, recipe.seed) if live else (),
    )
    log.write(
        Started(
            time=time.time(),
            pid=os.getpid(),
            device=where,
            precision=str(precision),
            threads=torch.get_num_threads(),
            total_steps=plan.total_steps,
            steps_per_epoch=plan.steps_per_epoch,
            train_examples=len(train),
            held_out_examples=len(held_out),
            trainable_parameters=engine.weights.numel(),
            total_parameters=engine.total_parameters,
            resumed_from=found[0].step if found else 0,
        )
    )
    return loop, found


def _recall(
    log: EventLog, train: Sequence[Conversation], held_out: Sequence[Conversation], seed: int
) -> list[Conversation]:
    """What is asked in other words where every answer is there once; says so."""
    from studio.data.recall import has_unique_answers, recall_questions
    from studio.training.judging import RECALL_ASKED

    if not has_unique_answers([*train, *(c for c in held_out if not c.reworded_from)]):
        return []
    found = recall_questions(train, seed, RECALL_ASKED)
    if found:
        problem = Problem(code="train.unique_answers", severity=Severity.NOTE, params={"n": len(found)})
        log.write(Notice(time=time.time(), problem=problem))
    return found


def _warn_of_cuts(log: EventLog, encoder: Encoder, train: Sequence[Conversation]) -> None:
    """Says how many examples are cut off at the longest length.

    Raises:
        AfinaError: ``train.nothing_to_learn`` when no answer is left at all.
    """
    encoded = [encoder.example(conversation) for conversation in train]
    if not any(any(example.learned[1:]) for example in encoded):
        raise AfinaError("train.nothing_to_learn")
    if cut := sum(example.truncated for example in encoded):
        problem = Problem(code="train.truncated", severity=Severity.WARNING, field="max_length", params={"n": cut})
        log.write(Notice(time=time.time(), problem=problem))
