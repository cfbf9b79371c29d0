"""How much longer two answers take than one, and how many words a second come out.

    python -m benchmarks.chat_speed MODEL_DIR [--tokens 64] [--rounds 7]

The cases take turns, round by round, so that whatever else the machine does hits all of them; each figure is the
median of its rounds, and the ratio is the median of the rounds' ratios. The adapter is LoRA of rank 16 on all linear
layers with random weights: its content does not change the time. The bar: a pair takes at most 1.3x of one answer.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import torch

from studio.chat.batch_decoder import Row
from studio.chat.engine import Engine
from studio.chat.sampling import Sampling
from studio.models.hardware import machine

QUESTION = "Hello! I bought a bag of coffee last week and it has not arrived yet. When will my order be here? " * 2
CASES = {
    "base alone": ("base",),
    "tuned alone": ("tuned",),
    "pair": ("base", "tuned"),
    "4 pairs": ("base", "tuned") * 4,
    "8 pairs": ("base", "tuned") * 8,
}


def make_adapter(model_dir: Path, folder: Path) -> Path:
    """Writes a LoRA adapter of rank 16 on all linear layers, with random weights."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear"))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    tuned.save_pretrained(folder)
    return folder


def answer(engine: Engine, sides: tuple[str, ...], adapter: Path, tokens: int) -> tuple[float, float]:
    """Answers one question on each side; returns seconds to the first token and in all."""
    prompt = engine.tokenizer.encode(QUESTION)
    made = [engine.row(prompt, tokens, adapter if side == "tuned" else None, Sampling()) for side in sides]
    decoder, rows = made[0][0], [row for _, row in made]
    began = time.perf_counter()
    decoder.join(rows)
    decoder.step()
    first = time.perf_counter() - began
    while len(rows[0].ids) < tokens:
        decoder.step()
    seconds = time.perf_counter() - began
    _finish(rows)
    decoder.leave()
    return first, seconds


def _finish(rows: list[Row]) -> None:
    for row in rows:
        row.is_over = True


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        adapter = make_adapter(given.model_dir, Path(folder))
        engine = Engine(given.model_dir, torch.bfloat16 if given.precision == "bf16" else torch.float32)
        for sides in CASES.values():
            answer(engine, sides, adapter, 4)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
        for _ in range(given.rounds):
            for name, sides in CASES.items():
                taken[name].append(answer(engine, sides, adapter, given.tokens))
    here = machine()
    print(f"{here.cpu}, {here.cores} cores, {platform.system()}, torch {torch.__version__}, {given.precision}")
    print(f"{given.model_dir.name}, {len(engine.tokenizer.encode(QUESTION))} tokens asked, {given.tokens} answered\n")
    print("| Case | first token, ms | answer, s | tokens/s | x base alone | x tuned alone |")
    print("|---|---|---|---|---|---|")
    for name, sides in CASES.items():
        first = statistics.median(f for f, _ in taken[name])
        seconds = statistics.median(s for _, s in taken[name])
        ratios = [
            statistics.median(s / one for (_, s), (_, one) in zip(taken[name], taken[single], strict=True))
            for single in ("base alone", "tuned alone")
        ]
        speed = len(sides) * given.tokens / seconds
        print(f"| {name} | {first * 1e3:.0f} | {seconds:.2f} | {speed:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
