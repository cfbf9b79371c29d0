#!/usr/bin/env python3
"""How fast a training step is: Afina beside a plain loop of transformers and PEFT, and beside the matrix units alone.

    python benchmarks/train_speed.py MODEL_DIR [--pairs CSV] [--steps 6] [--rank 16]

The same pairs, base, rank, batch and weights; the contenders take turns step by step, so that a machine that is
slower for a while is slower for all of them. The limit is what the base's products and the logits of the learned
tokens would take at the speed of large bf16 products, measured in the same minute.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import statistics
import time
from pathlib import Path

import torch

from studio.domain.conversation import Conversation
from studio.domain.recipe import Method, Recipe
from studio.models.tokenizer import EncodedExample
from studio.training.adapters import PlainEngine
from studio.training.batches import Encoder
from studio.training.engine import Adaptation, Engine, learned_tokens
from studio.training.fused import FusedEngine
from studio.training.fused_shape import Shape, read_shape
from studio.training.memory import keep_freed_memory
from studio.training.precision import products_per_second

SAMPLE = Path(__file__).parent.parent / "assets" / "samples" / "en.train.csv"
BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--pairs", type=Path, default=SAMPLE, help="CSV with columns question and answer")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rank", type=int, default=16)
    args = parser.parse_args()
    keep_freed_memory()
    shape = read_shape(args.model_dir)
    if shape is None:
        raise SystemExit("the fused engine does not know this model")
    adaptation = Adaptation(Method.LORA, args.rank, 2.0 * args.rank, 0.0, None, None)
    examples = _examples(args.model_dir, args.pairs)
    engines: dict[str, Engine] = {
        "Afina": FusedEngine(args.model_dir, shape, adaptation, torch.bfloat16, 1),
        "transformers + PEFT, bf16": PlainEngine(args.model_dir, adaptation, torch.bfloat16, "cpu", 0, 1),
        "transformers + PEFT, fp32": PlainEngine(args.model_dir, adaptation, torch.float32, "cpu", 0, 1),
    }
    optimizers = {name: _optimizer(engine) for name, engine in engines.items()}
    seconds: dict[str, list[float]] = {name: [] for name in (*engines, "matrix limit")}
    for step in range(args.steps + 1):
        batch = examples[step * BATCH : (step + 1) * BATCH]
        for name, engine in engines.items():
            took = _step(engine, optimizers[name], batch)
            if step:  # the first one warms up
                seconds[name].append(took)
        flops = _flops(shape, batch)
        if step:
            seconds["matrix limit"].append(flops / products_per_second(torch.bfloat16, 2048, 0.5))
    _print(seconds)


def _examples(model_dir: Path, pairs: Path) -> list[EncodedExample]:
    encoder = Encoder.load(model_dir, Recipe(model="benchmark"))
    with pairs.open(newline="", encoding="utf-8") as file:
        rows = [Conversation.pair(row["question"], row["answer"]) for row in csv.DictReader(file)]
    return [encoder.example(row) for row in rows]


def _optimizer(engine: Engine) -> torch.optim.Optimizer:
    parameter = torch.nn.Parameter(engine.weights)
    parameter.grad = engine.gradients
    return torch.optim.AdamW([parameter], lr=1e-4, fused=True)


def _step(engine: Engine, optimizer: torch.optim.Optimizer, batch: list[EncodedExample]) -> float:
    began = time.perf_counter()
    engine.train(batch, 1.0 / learned_tokens(batch))
    optimizer.step()
    engine.gradients.zero_()
    return time.perf_counter() - began


def _flops(shape: Shape, batch: list[EncodedExample]) -> float:
    """Of the frozen products alone, forward and backward to the inputs: 4 a weight and token."""
    heads = shape.head_dim * (2 * shape.heads + 2 * shape.kv_heads)
    layer = shape.hidden * (heads + 3 * shape.intermediate)
    tokens = sum(len(example.input_ids) for example in batch)
    return 4.0 * (tokens * shape.layers * layer + learned_tokens(batch) * shape.hidden * shape.vocabulary)


def _print(seconds: dict[str, list[float]]) -> None:
    ours = statistics.median(seconds["Afina"])
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'':28} examples/s   Afina is")
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:28} {BATCH / middle:10.2f}   {middle / ours:.2f}x")
    print(json.dumps({name: BATCH / statistics.median(taken) for name, taken in seconds.items()}))


if __name__ == "__main__":
    main()
