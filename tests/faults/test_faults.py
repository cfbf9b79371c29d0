"""A run survives whatever happens to the machine: real processes, real kills, at moments chosen at random."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from random import Random

import pytest

from studio.domain.run import RunState
from studio.storage.run_result import read_result
from tests.faults.faults import FAULTS
from tests.faults.plant import Plant, Round
from tests.faults.rounds import one_round
from tests.faults.table import note
from tests.training.runs import wait_for

pytestmark = pytest.mark.model


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.always])
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
    record = os.environ.get("FAULTS_RECORD")
    for number in range(20):
        seed = time.time_ns()
        print(f"round {number}, seed {seed}")
        result = one_round(name, seed, tmp_path / f"home-{number}", tiny_model, undisturbed, patience=900)
        rounds[name].append(result)
        if record:
            note(Path(record), name, result)


def test_a_stop_after_a_crash_keeps_the_best_so_far(tmp_path: Path, tiny_model: Path) -> None:
    """Killed between the best adapter and its checkpoint, then stopped before it is as far again."""
    with Plant(tmp_path / "home", tiny_model, Random(1)) as plant:
        run = plant.queue()
        server = plant.serve()
        plant.wait_for_a_checkpoint(run, 3)
        plant.kill_server(server)
        plant.kill_worker(run)
        shutil.rmtree(sorted(run.checkpoints.glob("step-*"))[-1])
        run.stop_request.touch()
        plant.serve()
        wait_for(lambda: read_result(run))
        result = read_result(run)
        assert result is not None
        assert result.state is RunState.STOPPED
        assert result.adapter is not None
        assert (run.path / result.adapter / "adapter_model.safetensors").is_file()
