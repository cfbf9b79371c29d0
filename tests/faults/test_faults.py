"""A run survives whatever happens to the machine: real processes, real kills, at moments chosen at random."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from tests.faults.faults import FAULTS
from tests.faults.plant import Plant, Round

pytestmark = pytest.mark.model


def one_round(name: str, seed: int, home: Path, model: Path, undisturbed: list[float]) -> Round:
    """Harms one run and checks how it ends."""
    fault = FAULTS[name]
    with Plant(home, model, Random(seed)) as plant:
        run = plant.queue()
        fault.harm(plant, run)
        result = plant.conclude(run, time.monotonic(), undisturbed)
    assert result.starts <= fault.starts
    assert result.repeated <= fault.repeated
    assert result.difference < 1e-5
    return result


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_survives(
    name: str, tmp_path: Path, tiny_model: Path, undisturbed: list[float], rounds: dict[str, list[Round]]
) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    rounds[name].append(one_round(name, seed, tmp_path / "home", tiny_model, undisturbed))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_run_survives_twenty_times(
    name: str, tmp_path: Path, tiny_model: Path, undisturbed: list[float], rounds: dict[str, list[Round]]
) -> None:
    for number in range(20):
        seed = time.time_ns()
        print(f"round {number}, seed {seed}")
        rounds[name].append(one_round(name, seed, tmp_path / f"home-{number}", tiny_model, undisturbed))
