"""Who takes part: how each is installed, started and timed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from studio.app import build_services
from studio.domain.recipe import Preset, Recipe
from studio.settings import Settings

_PEERS: Final = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Job:
    """One training, the same for everybody.

    Attributes:
        model: folder of the base model.
        train: CSV of pairs, columns question and answer.
        held_out: CSV of pairs that nobody trains on.
        out: an empty folder for what the training leaves.
        setup: ``default`` or ``best``.
        rank: of the adapter, on all linear layers.
        batch: examples a step.
        passes: times through the pairs.
        seed: of whatever is random.
    """

    model: Path
    train: Path
    held_out: Path
    out: Path
    setup: str
    rank: int
    batch: int
    passes: int
    seed: int


@dataclass(frozen=True)
class Timing:
    """What a training took.

    Attributes:
        seconds: of training steps; start, loading and saving are left out for everybody.
        examples: trained on in this time.
        memory: largest resident memory of the training process in bytes.
        adapter: folder in PEFT's format.
        versions: what ran.
    """

    seconds: float
    examples: float
    memory: int
    adapter: Path
    versions: str


class Contender(Protocol):
    """A way to train."""

    @property
    def name(self) -> str:
        """Shown."""

    @property
    def setups(self) -> tuple[str, ...]:
        """Ways to set it up, each timed."""

    def prepare(self) -> None:
        """Installs what is missing. Raises ``subprocess.CalledProcessError`` where that fails."""

    def train(self, job: Job) -> Timing:
        """Trains. Raises ``subprocess.CalledProcessError`` or ``RuntimeError`` where that fails."""


@dataclass(frozen=True)
class Peer:
    """Another project in an environment of its own.

    Attributes:
        name: shown.
        script: in ``peers/``, run by the environment's Python.
        packages: installed one after the other; a line holds what must be resolved together.
        folder: where environments live.
    """

    name: str
    script: str
    packages: tuple[tuple[str, ...], ...]
    folder: Path
    setups: tuple[str, ...] = ("default", "best")

    @property
    def _python(self) -> Path:
        return self.folder / self.script.removesuffix(".py") / "bin" / "python"

    def prepare(self) -> None:
        """Makes the environment once."""
        done = self._python.parent.parent / ".ready"
        if done.exists():
            return
        subprocess.run([sys.executable, "-m", "venv", str(self._python.parent.parent)], check=True)
        for together in self.packages:
            subprocess.run([str(self._python), "-m", "pip", "install", "--quiet", *together], check=True)
        done.touch()

    def train(self, job: Job) -> Timing:
        """Runs the script on the job and reads the timing that it leaves."""
        told = {name: str(value) if isinstance(value, Path) else value for name, value in vars(job).items()}
        path = job.out / "job.json"
        path.write_text(json.dumps(told), encoding="utf-8")
        with (job.out / "log.txt").open("wb") as log:
            child = subprocess.Popen([str(self._python), str(_PEERS / self.script), str(path)], stdout=log, stderr=log)
            memory = _watch_memory(child)
        if child.returncode:
            tail = (job.out / "log.txt").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended with {child.returncode}:\n{tail}")
        timing = json.loads((job.out / "timing.json").read_text(encoding="utf-8"))
        return Timing(timing["seconds"], timing["examples"], memory, job.out / "adapter", timing["versions"])


@dataclass(frozen=True)
class Afina:
    """This project, through the service that the button calls: live answers, evaluations and checkpoints included."""

    name: str = "Afina"
    setups: tuple[str, ...] = ("default",)

    def prepare(self) -> None:
        """Nothing: it runs in this environment."""

    def train(self, job: Job) -> Timing:
        """Runs a recipe in a workspace of its own."""
        card = json.loads((job.model / "afina.json").read_text(encoding="utf-8"))["id"]
        recipe = Recipe(
            model=card,
            data=(str(job.train),),
            held_out=(str(job.held_out),),
            preset=Preset.BALANCED,
            rank=job.rank,
            batch_size=job.batch,
            epochs=job.passes,
            seed=job.seed,
        )
        services = build_services(Settings(home=job.out / "home", models_dir=job.model.parent))
        try:
            services.models.accept_licence(card)
            services.runs.supervise()
            run_id = services.runs.start_from_files(recipe, locale="en")
            while not services.runs.view(run_id).state.is_over:
                time.sleep(0.5)
            view = services.runs.view(run_id)
            if view.result is None or view.result.adapter is None:
                raise RuntimeError(f"Afina's run ended {view.state.value} without an adapter")
            with job.train.open(newline="", encoding="utf-8") as file:
                examples = job.passes * sum(1 for _ in csv.DictReader(file))
            adapter = services.workspace.run(run_id).path / view.result.adapter
            progress = view.progress
            return Timing(progress.training_seconds, examples, progress.memory, adapter, "this checkout")
        finally:
            services.close()


def _watch_memory(child: subprocess.Popen[Any]) -> int:
    """The largest resident memory of one process below ``child``, in bytes, from the system's accounting at its end."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024
