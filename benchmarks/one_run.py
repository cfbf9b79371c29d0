"""A run of the real worker on two lists of pairs, without server and database, and what it cost."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from studio.domain.conversation import Conversation
from studio.domain.event import Step
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult
from studio.processes.environment import environment
from studio.storage.workspace import RunFolder
from studio.training.loop.dataloader import Encoder
from studio.training.recipes.presets import resolve
from studio.training.run_files.event_log import read_events


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Args:
        adapter: the folder that was kept; gone when the context ends.
        seconds: wall time from the first step to the end, live answers, evaluations and checkpoints included.
        step_seconds: of the optimizer steps alone.
        examples: that the steps looked at, counted with repetition.
        tokens: of those.
        peak_bytes: resident memory of the worker at its highest (VmHWM).
        recipe: resolved.
    """

    adapter: Path
    seconds: float
    step_seconds: float
    examples: int
    tokens: int
    peak_bytes: int
    recipe: Recipe


def read_pairs(path: Path) -> list[Conversation]:
    """The pairs of a CSV with columns question and answer."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Conversation.pair(row["question"], row["answer"]) for row in csv.DictReader(file)]


@contextmanager
def trained(
    model_dir: Path, recipe: Recipe, train: Sequence[Conversation], held_out: Sequence[Conversation]
) -> Iterator[Outcome]:
    """Runs the worker to its end.

    Args:
        model_dir: folder of the base model.
        recipe: open choices are made as in the studio.
        train: pairs to learn.
        held_out: pairs for the evaluations; may be empty.
    """
    with tempfile.TemporaryDirectory() as home:
        run = write_run(Path(home), model_dir, recipe, train, held_out)
        resolved = Recipe.model_validate_json(run.recipe.read_bytes())
        command = [sys.executable, "-m", "studio.training.worker", str(run.path)]
        with run.log.open("ab") as log:
            command += ["--home", home, "--model-dir", str(model_dir)]
            worker = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
            peak = _peak_until_end(worker)
        result = RunResult.model_validate_json(run.result.read_text(encoding="utf-8"))
        if result.adapter is None:
            raise SystemExit(run.log.read_text(encoding="utf-8"))
        steps = {event.step: event for event in read_events(run.events)[0] if isinstance(event, Step)}
        yield Outcome(
            run.path / result.adapter,
            result.seconds,
            sum(step.seconds for step in steps.values()),
            result.steps * (resolved.batch_size or 1),
            sum(step.tokens for step in steps.values()),
            peak,
            resolved,
        )


def write_run(
    home: Path, model_dir: Path, recipe: Recipe, train: Sequence[Conversation], held_out: Sequence[Conversation]
) -> RunFolder:
    """A run that waits for its worker, in a folder of ``home``; for the others see :func:`trained`."""
    card = BaseModelCard.model_validate_json((model_dir / "afina.json").read_text(encoding="utf-8"))
    encoder = Encoder.load(model_dir, recipe)
    mean = sum(len(encoder.example(pair).input_ids) for pair in train) / len(train)
    resolved = resolve(recipe, card, len(train), len(held_out), mean)
    run = RunFolder(home / "run")
    run.path.mkdir()
    run.recipe.write_text(resolved.model_dump_json(), encoding="utf-8")
    run.model.write_text(card.model_dump_json(), encoding="utf-8")
    run.train.write_text("".join(pair.model_dump_json() + "\n" for pair in train), encoding="utf-8")
    run.held_out.write_text("".join(pair.model_dump_json() + "\n" for pair in held_out), encoding="utf-8")
    return run


def _peak_until_end(worker: subprocess.Popen[bytes]) -> int:
    status, peak = Path(f"/proc/{worker.pid}/status"), 0
    while worker.poll() is None:
        for line in status.read_text(encoding="ascii").splitlines() if status.exists() else ():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1]) * 1024
        time.sleep(0.1)
    return peak
