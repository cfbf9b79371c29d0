"""What a graphics card does with Afina: ``benchmarks/gpu_check.sh MODEL_DIR [--cpu] [--trl PYTHON]``.

Each part runs in a process of its own, with a time limit; one that fails says why in its row, and the others go on.
``--cpu`` runs the same parts on the processor, to try the script. ``--trl`` names a Python that has TRL.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.one_run import trained, write_run
from studio.domain.conversation import Conversation
from studio.domain.event import Checkpoint, Started
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Method, Recipe
from studio.domain.run import RunResult
from studio.processes.environment import environment
from studio.training.run_files.event_log import read_events

_PART_SECONDS: Final = 75  # six parts stay below eight minutes
_PAIRS: Final = 96
_BATCH: Final = 8
_PASSES: Final = 2
_STEPS: Final = 40  # with and without compiling
_MEASURED: Final = 15  # of them, at the end
_TRL: Final = Path(__file__).parent / "train_vs_peers" / "peers" / "trl_sft.py"


def main() -> None:
    """Prints the table; ends with 1 where a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--cpu", action="store_true", help="on the processor")
    parser.add_argument("--trl", type=Path, help="a Python with trl and peft")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        print(json.dumps(PARTS[given.part](given)))
        return
    print("| part | seconds | what came of it |\n| --- | --- | --- |", flush=True)
    failed = False
    for part in PARTS:
        began = time.monotonic()
        said, is_right = _said(part)
        failed |= not is_right
        print(f"| {part} | {time.monotonic() - began:.0f} | {said} |", flush=True)
    sys.exit(failed)


def _said(part: str) -> tuple[str, bool]:
    """What a part says, and whether it went well."""
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if "--cpu" in sys.argv else {}
    command = [sys.executable, "-m", "benchmarks.gpu_check", *sys.argv[1:], "--part", part]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | hidden,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, wrong = child.communicate(timeout=_PART_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)  # its worker as well
        child.communicate()
        return f"FAILED: not done within {_PART_SECONDS} s", False
    if child.returncode:
        lines = wrong.strip().splitlines() or [f"ended with {child.returncode}"]
        return f"FAILED: {lines[-1]}".replace("|", "/"), False
    return str(json.loads(out.strip().splitlines()[-1])), True


def _pairs() -> list[Conversation]:
    return [
        Conversation.pair(f"How much is coat number {n} in your shop?", f"Coat {n} costs {17 + 3 * n} dollars, with a hanger.")
        for n in range(_PAIRS)
    ]  # fmt: skip


def _recipe(model_dir: Path, method: Method) -> Recipe:
    card = BaseModelCard.model_validate_json((model_dir / "afina.json").read_bytes())
    return Recipe(model=card.id, method=method, rank=16, epochs=_PASSES, batch_size=_BATCH, evaluations=4, patience=0)


def _train(method: Method) -> Callable[[argparse.Namespace], str]:
    def part(given: argparse.Namespace) -> str:
        if method is Method.QLORA and given.cpu:
            return "left out: weights in 4 bits need an NVIDIA card"
        with trained(given.model_dir, _recipe(given.model_dir, method), _pairs(), []) as run:
            seconds = run.step_seconds
            return f"{run.examples / seconds:.1f} examples/s, {run.tokens / seconds:.0f} tokens/s"

    return part


def _compile(given: argparse.Namespace) -> str:
    from studio.models.probe import choose_precision, speed_here
    from studio.models.processor import best_device, number_format
    from studio.training.engines.base import Adaptation, EngineOptions
    from studio.training.engines.optimizer import build_optimizer
    from studio.training.engines.peft_engine import PlainEngine
    from studio.training.loop.dataloader import Encoder
    from studio.training.recipes.presets import resolve

    card = BaseModelCard.model_validate_json((given.model_dir / "afina.json").read_bytes())
    recipe = resolve(_recipe(given.model_dir, Method.LORA), card, _PAIRS, 0, 40.0)
    encoder = Encoder.load(given.model_dir, recipe)
    batch = [encoder.example(pair) for pair in _pairs()[:_BATCH]]
    told = []
    with tempfile.TemporaryDirectory() as home:
        dtype = number_format(choose_precision(speed_here(Path(home))))
    for backend in (None, "eager" if given.cpu else "inductor"):
        engine = PlainEngine(EngineOptions(given.model_dir, Adaptation.of(recipe), dtype, 0), best_device(), 0, backend)
        optimizer, taken = build_optimizer(engine, recipe), []
        for _ in range(_STEPS):
            began = time.perf_counter()
            engine.train(batch, 1e-4)
            optimizer.step()
            engine.gradients.zero_()
            taken.append(time.perf_counter() - began)
            engine.hasten(taken[-1], 100_000)
        tokens = _MEASURED * sum(len(example.input_ids) for example in batch)
        told.append(f"{backend or 'off'} {tokens / sum(taken[-_MEASURED:]):.0f} tokens/s")
    return ", ".join(told)


def _resume(given: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as home:
        run = write_run(Path(home), given.model_dir, _recipe(given.model_dir, Method.LORA), _pairs(), [])
        command = [sys.executable, "-m", "studio.training.worker", str(run.path)]
        command += ["--home", home, "--model-dir", str(given.model_dir)]
        with run.log.open("ab") as log:
            worker = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
            while worker.poll() is None and not any(isinstance(e, Checkpoint) for e in read_events(run.events)[0]):
                time.sleep(0.05)
            worker.kill()
            worker.wait()
            subprocess.run(command, stdout=log, stderr=log, env=environment(), check=True)
        result = RunResult.model_validate_json(run.result.read_bytes())
        starts = [event.resumed_from for event in read_events(run.events)[0] if isinstance(event, Started)]
    if len(starts) < 2 or not starts[-1]:
        raise SystemExit(f"it was not killed under way, or began anew: starts {starts}")
    return f"killed, continued from step {starts[-1]}, {result.state} at step {result.steps}"


def _chat(given: argparse.Namespace) -> str:
    command = [sys.executable, "-m", "benchmarks.chat_speed", str(given.model_dir), "--tokens", "24", "--rounds", "2"]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(said.stderr.strip().splitlines()[-1])
    row = next(line for line in said.stdout.splitlines() if line.startswith("| pair |"))
    first, seconds, speed, alone, _ = (cell.strip() for cell in row.split("|")[2:-1])
    return f"base and tuned at once: {speed} tokens/s, first token {first} ms, {seconds} s; {alone}x of the base alone"


def _trl(given: argparse.Namespace) -> str:
    if given.trl is None:
        return "not installed: name a Python that has trl==1.16.0 and peft==0.21.2 with --trl"
    with tempfile.TemporaryDirectory() as folder:
        train, job = Path(folder) / "train.csv", Path(folder) / "job.json"
        with train.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerows([("question", "answer"), *((pair.question, pair.answer) for pair in _pairs())])
        told = {"model": str(given.model_dir), "train": str(train), "out": folder, "setup": "best", "rank": 16}
        told |= {"batch": _BATCH, "passes": _PASSES, "seed": 0, "use_cpu": given.cpu}
        job.write_text(json.dumps(told), encoding="utf-8")
        said = subprocess.run([str(given.trl), str(_TRL), str(job)], capture_output=True, text=True)
        if said.returncode:
            raise SystemExit((said.stderr.strip().splitlines() or ["no word"])[-1])
        timing = json.loads((Path(folder) / "timing.json").read_text(encoding="utf-8"))
    return f"{timing['examples'] / timing['seconds']:.1f} examples/s; {timing['versions']}"


PARTS: Final[dict[str, Callable[[argparse.Namespace], str]]] = {
    "LoRA": _train(Method.LORA),
    "QLoRA": _train(Method.QLORA),
    "compiled": _compile,
    "killed and continued": _resume,
    "chat": _chat,
    "TRL": _trl,
}


if __name__ == "__main__":
    main()
