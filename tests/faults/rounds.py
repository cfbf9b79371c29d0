"""One round of a fault: harm a run, see how it ends, compare it with a run to which nothing happened."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from studio.training.run_files.status import read_progress
from tests.faults.faults import FAULTS
from tests.faults.plant import SECONDS, Plant, Round


def undisturbed_losses(home: Path, model: Path, patience: float = SECONDS) -> list[float]:
    """Training losses of a run to which nothing happened."""
    with Plant(home, model, Random(0), max(patience, 600)) as plant:
        run = plant.queue()
        plant.serve()
        plant.wait(run.result.exists)
        return [point.value for point in read_progress(run).train_loss]


def one_round(
    name: str, seed: int, home: Path, model: Path, undisturbed: list[float], patience: float = SECONDS
) -> Round:
    """Harms one run and checks how it ends.

    Args:
        name: of the fault.
        seed: decides the moment.
        home: folder of the workspace, which must not exist.
        model: folder of the tiny model.
        undisturbed: training losses to compare with.
        patience: seconds for one wait.
    """
    fault = FAULTS[name]
    with disk(home, fault.disk_mb), Plant(home / "home", model, Random(seed), patience) as plant:
        run = plant.queue()
        fault.harm(plant, run)
        result = plant.conclude(run, time.monotonic(), undisturbed)
    assert result.starts <= fault.starts
    assert result.repeated <= fault.repeated
    assert result.difference < 1e-5
    return result


@contextmanager
def disk(folder: Path, megabytes: int | None) -> Iterator[None]:
    """A disk of its own at ``folder`` where a size is given; the test is skipped where none can be mounted."""
    folder.mkdir(parents=True)
    if megabytes is None:
        yield
        return
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "afina-test", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk can only be mounted by root on Linux")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
