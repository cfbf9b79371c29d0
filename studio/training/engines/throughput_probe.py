"""A short real measurement: ``python -m studio.training.engines.throughput_probe MODEL_DIR HOME [--method lora] [--rank 16]``.

Takes real training steps on made-up questions and answers of the usual length, for a few seconds, and prints one line
of JSON: ``{"tokens_per_second": …, "token_seconds": …, "step_seconds": …, "disturbed": …, "memory": …, "precision": …,
"engine": …, "device": …}``. Steps of two sizes tell what a token takes, and what a step takes whatever is in it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.recipe import Method, Recipe, Schedule
from studio.models.tokenizer import EncodedExample
from studio.processes.child import end_with_parent

if TYPE_CHECKING:
    import torch

    from studio.training.engines.base import Engine

_SECONDS: Final = 4.0  # of steps, after the first
_BATCHES: Final = (16, 4)  # examples of a step
_ALONE: Final = 0.9  # share of the cores that a measurement has with nothing else running
_MOST_DISTURBED: Final = 10.0
_LENGTHS: Final = (40, 80)  # tokens of an example, and half of them are learned


def main(arguments: list[str] | None = None) -> int:
    """Prints the measurement; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m studio.training.engines.throughput_probe", description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("home", type=Path, help="folder of the workspace")
    parser.add_argument("--method", type=Method, choices=list(Method), default=Method.LORA)
    parser.add_argument("--rank", type=int, default=16)
    args = parser.parse_args(arguments)
    end_with_parent()
    sys.stdout.write(json.dumps(measure(args.model_dir, args.home, args.method, args.rank)) + "\n")
    return 0


def measure(model_dir: Path, home: Path, method: Method, rank: int) -> dict[str, object]:
    """Trains for a few seconds and throws the result away.

    Args:
        home: of the workspace, which knows the speed of plain products.

    Returns:
        Tokens a second in large steps, seconds of a token and of a step, times that other programs slowed it down (the
        share of the cores that it did not get), peak memory in bytes, number format, engine and device.
    """
    from studio.training.engines.fused.allocator import keep_freed_memory, peak_memory

    keep_freed_memory()
    import torch

    from studio.models.probe import choose_precision, speed_here
    from studio.models.processor import best_device
    from studio.training.engines.optimizer import build_optimizer
    from studio.training.engines.select import build_engine

    recipe = _recipe(method, rank)
    where = best_device()
    precision = choose_precision(speed_here(home))
    engine = build_engine(model_dir, recipe, precision, where, 0)
    optimizer = build_optimizer(engine, recipe)
    chance = random.Random(0)
    taken: dict[int, list[tuple[int, float]]] = {size: [] for size in _BATCHES}
    for size in _BATCHES:  # the first steps also make room in memory and do not count
        _step(engine, optimizer, _batch(chance, size))
    # Other programs hardly change the processor time of a step, and change its time on the clock a lot.
    clock = time.process_time if where == "cpu" else time.perf_counter
    began, busy = time.perf_counter(), clock()
    while time.perf_counter() - began < _SECONDS:
        for size in _BATCHES:
            batch = _batch(chance, size)
            start = clock()
            _step(engine, optimizer, batch)
            taken[size].append((sum(len(example.input_ids) for example in batch), clock() - start))
    seconds, spent = time.perf_counter() - began, clock() - busy
    share = spent / seconds / torch.get_num_threads()
    (large, large_spent), (small, small_spent) = (_means(taken[size]) for size in _BATCHES)
    large_seconds, small_seconds = large_spent * seconds / spent, small_spent * seconds / spent
    slope = (large_seconds - small_seconds) / (large - small)
    step = min(max(0.0, small_seconds - slope * small), small_seconds)
    return {
        "tokens_per_second": large / large_seconds,
        "token_seconds": (large_seconds - step) / large,
        "step_seconds": step,
        "disturbed": max(1.0, min(_MOST_DISTURBED, _ALONE / max(share, 0.01))) if where == "cpu" else 1.0,
        "memory": peak_memory(),
        "precision": str(precision),
        "engine": engine.name,
        "device": where,
    }


def _step(engine: Engine, optimizer: torch.optim.Optimizer, batch: list[EncodedExample]) -> None:
    engine.train(batch, 1e-3)
    optimizer.step()
    engine.gradients.zero_()


def _means(taken: list[tuple[int, float]]) -> tuple[float, float]:
    """Tokens of a step, and the time spent on one: the median, which leaves out what disturbed a few steps."""
    return statistics.mean(tokens for tokens, _ in taken), statistics.median(seconds for _, seconds in taken)


def _batch(chance: random.Random, size: int) -> list[EncodedExample]:
    examples = []
    for _ in range(size):
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
        batch_size=_BATCHES[0],
        max_length=_LENGTHS[1],
    )


if __name__ == "__main__":
    sys.exit(main())
