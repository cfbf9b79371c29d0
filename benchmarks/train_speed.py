"""How fast the real worker trains, beside the matrix units of this machine alone.

    python -m benchmarks.train_speed [--model DIR] --train train.csv --held-out held_out.csv --passes 3 --batch 16
        --rank 16 --lr 1e-3 [--json]

Trains LoRA on all linear layers through the worker that the studio starts, then judges the adapter with plain
transformers and PEFT in fp32. The limit is what the products that a step cannot do without would take at the speed
that ``torch.mm`` reaches, in the number format of the run, on products of the very same sizes, measured just before and just after. Pairs:
``python ../shared/bench/support_pairs.py OUT``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from benchmarks.one_run import Outcome, read_pairs, trained
from benchmarks.train_vs_peers.judge import judge
from studio.domain.recipe import Method, Precision, Recipe
from studio.models.probe import choose_precision, measured
from studio.models.processor import number_format
from studio.models.tokenizer import EncodedExample
from studio.training.engines.base import learned_tokens
from studio.training.engines.fused.model_config import ModelConfig, read_model_config
from studio.training.loop.dataloader import Encoder

_SECONDS: Final = 0.3  # of measuring each size of product


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = Path(os.environ.get("AFINA_TEST_MODELS", "models"))
    parser.add_argument("--model", type=Path, default=models / "smollm2-135m-instruct", help="folder of the base model")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, help="judges the adapter; left out, only speed is measured")
    parser.add_argument("--precision", type=Precision, default=Precision.AUTO, choices=list(Precision))
    parser.add_argument("--method", type=Method, default=Method.LORA, choices=[Method.LORA, Method.LAST_LAYERS])
    parser.add_argument("--passes", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    args = parser.parse_args()
    precision = choose_precision(measured("cpu"), args.precision)
    recipe = Recipe(
        model="measured",
        method=args.method,
        rank=args.rank if args.method is Method.LORA else None,
        precision=precision,
        learning_rate=args.lr,
        batch_size=args.batch,
        epochs=args.passes,
        evaluations=1,
        augment=False,
    )
    pairs = read_pairs(args.train)
    encoder = Encoder.load(args.model, recipe)
    examples = [encoder.example(pair) for pair in pairs]
    before = limit(args.model, examples, args.batch, args.rank, number_format(precision))
    with trained(args.model, recipe, pairs, []) as outcome:
        arithmetic = limit(args.model, examples, args.batch, args.rank, number_format(precision))
        verdict = judge(args.model, outcome.adapter, args.held_out) if args.held_out else None
    for name in ("gflops", "examples_per_s"):  # a machine that others share is not equally fast all the time
        arithmetic[name] = statistics.harmonic_mean((before[name], arithmetic[name]))
    reached = outcome.examples / outcome.step_seconds
    found: dict[str, object] = {
        "examples_per_s": reached,
        "tokens_per_s": outcome.tokens / outcome.step_seconds,
        "peak_bytes": outcome.peak_bytes,
        "precision": precision.value,
        "seconds": outcome.seconds,
        "step_seconds": outcome.step_seconds,
        "limit_examples_per_s": arithmetic["examples_per_s"],
        "share_of_limit": reached / arithmetic["examples_per_s"],
    }
    if verdict is not None:
        found |= {"held_out_loss": verdict.loss, "right_answers": verdict.right, "asked": verdict.asked}
    print(json.dumps(found) if args.json else _table(found, arithmetic, outcome))


def limit(
    model_dir: Path, examples: Sequence[EncodedExample], batch: int, rank: int, dtype: torch.dtype
) -> dict[str, float]:
    """The arithmetic of LoRA's limit, in GFLOP an example, and the speed of the products, in GFLOP/s.

    A frozen weight costs 2 FLOP a token forward and 2 for the derivative by its input; the output embeddings likewise,
    at learned positions only; a LoRA weight 6, with its own gradient. Causal attention of L tokens needs two products
    of L L/2 D a head forward and four backward.
    """
    shape = read_model_config(model_dir)
    if shape is None:
        raise SystemExit("the fused engine does not know this model")
    count = len(examples)
    lengths = [len(example.input_ids) for example in examples]
    sizes = _sizes(shape)
    tokens, learned = sum(lengths) / count, learned_tokens(examples) / count
    frozen = 4e-9 * tokens * shape.layers * sum(rows * columns for rows, columns in sizes)
    head = 4e-9 * learned * shape.hidden * shape.vocabulary
    linear = (
        (1, shape.hidden, shape.heads * shape.head_dim),
        (2, shape.hidden, shape.kv_heads * shape.head_dim),
        (1, shape.heads * shape.head_dim, shape.hidden),
        (2, shape.hidden, shape.intermediate),
        (1, shape.intermediate, shape.hidden),
    )
    lora = 6e-9 * tokens * shape.layers * rank * sum(n * (i + o) for n, i, o in linear)
    squares = sum(length * length for length in lengths) / count
    attention = 6e-9 * squares * shape.layers * shape.heads * shape.head_dim
    speed = _speed(sizes, round(batch * tokens), (shape.vocabulary, shape.hidden), round(batch * learned), dtype)
    total = frozen + head + lora + attention
    return {
        "frozen": frozen,
        "head": head,
        "lora": lora,
        "attention": attention,
        "gflop": total,
        "gflops": speed,
        "examples_per_s": speed / total,
    }


def _sizes(shape: ModelConfig) -> list[tuple[int, int]]:
    """Rows and columns of the four products of a layer: into attention, out of it, into the gate, out of it."""
    heads = shape.heads * shape.head_dim
    return [
        (heads + 2 * shape.kv_heads * shape.head_dim, shape.hidden),
        (shape.hidden, heads),
        (2 * shape.intermediate, shape.hidden),
        (shape.hidden, shape.intermediate),
    ]


def _speed(
    sizes: Sequence[tuple[int, int]], tokens: int, head: tuple[int, int], learned: int, dtype: torch.dtype
) -> float:
    """GFLOP/s of ``torch.mm`` over one layer's products forward and backward and one of the head."""
    flop, seconds = 0.0, 0.0
    for (rows, columns), count in [*((size, tokens) for size in sizes), (head, learned)]:
        weight = torch.randn(rows, columns).to(dtype)
        x, dy = torch.randn(count, columns).to(dtype), torch.randn(count, rows).to(dtype)
        for left, right in ((x, weight.t()), (dy, weight)):
            out = torch.mm(left, right)
            taken = []
            began = time.perf_counter()
            while time.perf_counter() - began < _SECONDS:
                start = time.perf_counter()
                torch.mm(left, right, out=out)
                taken.append(time.perf_counter() - start)
            flop += 2e-9 * count * rows * columns
            seconds += statistics.median(taken)
    return flop / seconds


def _table(found: dict[str, object], arithmetic: dict[str, float], outcome: Outcome) -> str:
    lines = [f"{name:>22}  {value:,.4g}" for name, value in found.items() if isinstance(value, float | int)]
    parts = " + ".join(f"{arithmetic[name]:.2f} {name}" for name in ("frozen", "head", "lora", "attention"))
    limited = (
        f"limit: {parts} = {arithmetic['gflop']:.2f} GFLOP an example; torch.mm reaches "
        f"{arithmetic['gflops']:,.0f} GFLOP/s on these sizes: {arithmetic['examples_per_s']:.1f} examples/s"
    )
    return "\n".join([f"{outcome.examples} examples, {torch.get_num_threads()} threads", *lines, limited])


if __name__ == "__main__":
    main()
