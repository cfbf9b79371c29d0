"""How long an exam of 200 questions takes, base and tuned model, answers of 60 tokens.

``python -m benchmarks.exam_speed [--model ID] [--questions 200] [--tokens 60]`` asks questions of the English sample,
in as many variations as are needed, of the installed base model and of an adapter on all its layers, in one batch as an
exam does, and prints seconds and tokens a second. No answer ends early: all are as long as the longest.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

from studio.domain.conversation import Message, Role
from studio.evaluation.answering import Answer, Answerer, ComputeTurns, Question
from studio.settings import Settings, assets_dir
from studio.storage.compute_lock import ComputeLock


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=60)
    args = parser.parse_args()
    from studio.chat.worker import load_engine

    settings = Settings()
    model_dir = settings.models_path / args.model
    with tempfile.TemporaryDirectory() as folder:
        adapter = make_adapter(model_dir, Path(folder) / "adapter")
        began = time.perf_counter()
        engine = load_engine(model_dir, settings.home)
        loaded = time.perf_counter() - began
        answerer = Answerer(engine, model_dir, ComputeTurns(ComputeLock(Path(folder)), lambda: False))
        tokens: list[int] = []
        asked = [
            Question(f"{side}/{number}", (Message(role=Role.USER, content=text),), tuned, args.tokens)
            for number, text in enumerate(questions(args.questions))
            for side, tuned in (("base", None), ("tuned", adapter))
        ]
        began = time.perf_counter()

        def note(question: Question, answer: Answer) -> None:
            tokens.append(answer.tokens)

        answerer.answer(asked, note, lambda: False)
        seconds = time.perf_counter() - began
    print(
        f"{args.questions} questions, two models, {sum(tokens) / len(tokens):.0f} tokens an answer: "
        f"{seconds:.1f} s ({sum(tokens) / seconds:.0f} tokens a second), loading {loaded:.1f} s"
    )


def questions(count: int) -> list[str]:
    """Questions of the sample, numbered where they repeat."""
    with (assets_dir() / "samples" / "en.train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["question"] for row in csv.DictReader(file)]
    return [texts[n % len(texts)] + (f" ({n // len(texts)})" if n >= len(texts) else "") for n in range(count)]


def make_adapter(model_dir: Path, folder: Path) -> Path:
    """An adapter of rank 16 on all linear layers that changes nothing: what it costs is that of a trained one."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    get_peft_model(model, LoraConfig(r=16, target_modules="all-linear")).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
