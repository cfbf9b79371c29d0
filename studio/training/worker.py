"""The process that trains one run: ``python -m studio.training.worker RUN_DIR --home HOME --model-dir DIR``.

It reads ``recipe.json``, ``model.json``, ``train.jsonl`` and ``held_out.jsonl`` from the run's folder, writes
``events.jsonl`` as it goes, and ``result.json`` last. Started again, it goes on from the newest intact checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from studio.domain.event import Ended, Notice, Phase, Started
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState, progress_of
from studio.errors import AfinaError, from_exception
from studio.storage.files import write_atomic
from studio.storage.turns import Turns
from studio.storage.workspace import RunFolder
from studio.training.events import EventLog, read_events

if TYPE_CHECKING:
    from studio.domain.conversation import Conversation
    from studio.training.batches import Encoder


def main(arguments: list[str] | None = None) -> int:
    """Trains; returns 0 when ``result.json`` is written, or the run has paused."""
    parser = argparse.ArgumentParser(prog="python -m studio.training.worker", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder of the installed base model")
    args = parser.parse_args(arguments)
    folder = RunFolder(args.run_dir)
    _announce(folder)
    with EventLog(folder.events) as log:
        try:
            result: RunResult | None = _train(folder, args.home, args.model_dir, log)
        except Exception as error:
            traceback.print_exc()  # into worker.log, for the helper
            result = _failed(folder, from_exception(error))
        if result is None:
            log.write(Ended(time=time.time(), state="paused", step=progress_of(read_events(folder.events)[0]).step))
        else:
            _finish(folder, log, result)
    return 0


def _announce(folder: RunFolder) -> None:
    import psutil

    process = psutil.Process()
    write_atomic(folder.worker, json.dumps({"pid": process.pid, "process_started": process.create_time()}))


def _train(folder: RunFolder, home: Path, model_dir: Path, log: EventLog) -> RunResult | None:
    log.write(Phase(time=time.time(), name="loading_model"))
    recipe = Recipe.model_validate_json(folder.recipe.read_text(encoding="utf-8"))

    from studio.training import checkpoints, memory
    from studio.training.batches import Encoder, Plan, read_conversations
    from studio.training.building import build_engine, device, questions
    from studio.training.loop import Loop
    from studio.training.precision import choose

    memory.keep_freed_memory()
    import torch

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
    found = checkpoints.newest(folder.checkpoints)
    loop = Loop(
        folder=folder,
        recipe=recipe,
        engine=engine,
        plan=plan,
        held_out=[example for example in map(encoder.example, held_out) if any(example.learned[1:])],
        asked=questions(held_out or train),
        turns=Turns(home),
        log=log,
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
    return loop.run(found)


def _warn_of_cuts(log: EventLog, encoder: Encoder, train: list[Conversation]) -> None:
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


def _failed(folder: RunFolder, error: AfinaError) -> RunResult:
    """The result of a run that could not go on; the best adapter so far stays usable."""
    best: dict[str, object] = {}
    if folder.best.is_file():
        best = json.loads(folder.best.read_text(encoding="utf-8"))
    progress = progress_of(read_events(folder.events)[0])
    return RunResult(
        state=RunState.FAILED,
        steps=progress.step,
        best_step=best.get("step"),
        adapter=best.get("adapter"),
        seconds=progress.training_seconds,
        ended_at=time.time(),
        problem=Problem.of(error),
    )


def _finish(folder: RunFolder, log: EventLog, result: RunResult) -> None:
    """Tells the end twice: as an event for the screen, then in the file that counts."""
    log.write(Ended(time=time.time(), state=result.state.value, step=result.steps, problem=result.problem))
    write_atomic(folder.result, result.model_dump_json(indent=1))


if __name__ == "__main__":
    sys.exit(main())
