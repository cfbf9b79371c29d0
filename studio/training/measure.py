"""A short real measurement: ``python -m studio.training.measure MODEL_DIR [--method lora] [--rank 16]``.

Takes real training steps on made-up questions and answers of the usual length, for a few seconds, and prints one line
of JSON: ``{"tokens_per_second": …, "memory": …, "precision": …, "engine": …, "device": …}``.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Final

from studio.domain.recipe import Method, Precision, Recipe, Schedule
from studio.models.tokenizer import EncodedExample

_SECONDS: Final = 4.0  # of steps, after the first
_BATCH: Final = 16
_LENGTHS: Final = (40, 80)  # tokens of an example, and half of them are learned


def main(arguments: list[str] | None = None) -> int:
    """Prints the measurement; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m studio.training.measure", description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--method", type=Method, choices=list(Method), default=Method.LORA)
    parser.add_argument("--rank", type=int, default=16)
    args = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(args.model_dir, args.method, args.rank)) + "\n")
    return 0


def measure(model_dir: Path, method: Method, rank: int) -> dict[str, object]:
    """Trains for a few seconds and throws the result away.

    Args:
        model_dir: folder of an installed base model.
        method: of tuning.
        rank: of the adapter.

    Returns:
        Tokens a second, peak memory in bytes, number format, engine and device.
    """
    from studio.training.memory import keep_freed_memory, peak_memory

    keep_freed_memory()
    from studio.training.building import build_engine, device
    from studio.training.optimizer import optimizer_of
    from studio.training.precision import choose

    recipe = _recipe(method, rank)
    where = device()
    precision = choose(Precision.AUTO, where)
    engine = build_engine(model_dir, recipe, precision, where, 0)
    optimizer = optimizer_of(engine, recipe)
    chance = random.Random(0)
    tokens, began = 0, time.perf_counter()
    for number in range(1000):
        batch = _batch(chance)
        engine.train(batch, 1e-3)
        optimizer.step()
        engine.gradients.zero_()
        if number == 0:  # the first step also makes room in memory and does not count
            began = time.perf_counter()
            continue
        tokens += sum(len(example.input_ids) for example in batch)
        if time.perf_counter() - began > _SECONDS:
            break
    return {
        "tokens_per_second": tokens / (time.perf_counter() - began),
        "memory": peak_memory(),
        "precision": str(precision),
        "engine": engine.name,
        "device": where,
    }


def _batch(chance: random.Random) -> list[EncodedExample]:
    examples = []
    for _ in range(_BATCH):
        length = chance.randint(*_LENGTHS)
        ids = [chance.randrange(100, 1000) for _ in range(length)]
        examples.append(EncodedExample(ids, [place >= length // 2 for place in range(length)], truncated=False))
    return examples


def _recipe(method: Method, rank: int) -> Recipe:
    return Recipe(
        model="measured",
        method=method,
        rank=rank,
        alpha=2.0 * rank,
        dropout=0.0,
        learning_rate=1e-4,
        schedule=Schedule.CONSTANT,
        weight_decay=0.0,
        batch_size=_BATCH,
        max_length=_LENGTHS[1],
    )


if __name__ == "__main__":
    sys.exit(main())
