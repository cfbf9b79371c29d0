"""Runs on disk for the tests of training: a recipe, examples, and the real worker process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from studio.domain.conversation import Conversation
from studio.domain.event import Evaluation, Step
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Precision, Recipe
from studio.domain.run import RunResult
from studio.storage.workspace import RunFolder
from studio.training.recipes.presets import resolve
from studio.training.run_files.event_log import read_events

PAIRS = [
    Conversation.pair(question, answer, id=f"c{number}")
    for number, (question, answer) in enumerate(
        [
            ("How long does delivery take?", "Four days."),
            ("when will my parcel come", "Four days."),
            ("What does shipping cost?", "It costs R$ 14.70."),
            ("price of shipping please", "It costs R$ 14.70."),
            ("Can I return a bag?", "Yes, within 12 days."),
            ("I want my money back", "Yes, within 12 days."),
            ("Where are you?", "In Santos."),
            ("what city is the shop in", "In Santos."),
        ]
    )
]


def write_run(folder: Path, model_dir: Path, **choices: Any) -> RunFolder:
    """A run of the tiny model, ready for the worker; fp32, so that nothing is rounded."""
    card = BaseModelCard.model_validate_json((model_dir / "afina.json").read_text(encoding="utf-8"))
    chosen = {"epochs": 6.0, "batch_size": 2, "rank": 4, "learning_rate": 0.01, "evaluations": 3, "patience": 0}
    recipe = Recipe(model=card.id, precision=Precision.FP32, **(chosen | choices))
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    run.recipe.write_text(resolve(recipe, card, 6, 2, 20.0).model_dump_json(), encoding="utf-8")
    run.model.write_text(card.model_dump_json(), encoding="utf-8")
    run.train.write_text("".join(c.model_dump_json() + "\n" for c in PAIRS[:6]), encoding="utf-8")
    run.held_out.write_text("".join(c.model_dump_json() + "\n" for c in PAIRS[6:]), encoding="utf-8")
    return run


def start_worker(run: RunFolder, model_dir: Path) -> subprocess.Popen[bytes]:
    """The worker, as the supervisor starts it."""
    command = [sys.executable, "-m", "studio.training.worker", str(run.path)]
    with run.log.open("ab") as log:
        return subprocess.Popen(
            [*command, "--home", str(run.path.parent), "--model-dir", str(model_dir)], stdout=log, stderr=log
        )


def finish(run: RunFolder, model_dir: Path) -> RunResult:
    """Runs the worker to its end, in this very process: its imports take longer than such a run."""
    from studio.training.worker import main

    assert main([str(run.path), "--home", str(run.path.parent), "--model-dir", str(model_dir)]) == 0
    return RunResult.model_validate_json(run.result.read_text(encoding="utf-8"))


def losses(run: RunFolder) -> dict[int, float]:
    """Training loss of each step; a repeated step counts as it was taken last."""
    return {event.step: event.loss for event in read_events(run.events)[0] if isinstance(event, Step)}


def held_out_losses(run: RunFolder) -> dict[int, float]:
    """Held-out loss of each evaluation."""
    return {event.step: event.loss for event in read_events(run.events)[0] if isinstance(event, Evaluation)}
