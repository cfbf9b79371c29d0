"""The table of the faults, printed after the tests."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from studio.training.outcome import read_progress, read_result
from tests.faults.plant import Plant, Round
from tests.training.runs import wait_for

ROUNDS = pytest.StashKey[dict[str, list[Round]]]()


@pytest.fixture(scope="session")
def undisturbed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """Training losses of a run to which nothing happened."""
    with Plant(tmp_path_factory.mktemp("calm") / "home", tiny_model, Random(0)) as plant:
        run = plant.queue()
        plant.serve()
        wait_for(lambda: read_result(run), 120)
        return [point.value for point in read_progress(run).train_loss]


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> dict[str, list[Round]]:
    """What each fault showed, by its name."""
    return pytestconfig.stash.setdefault(ROUNDS, defaultdict(list))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash.get(ROUNDS, {})
    if not found:
        return
    terminalreporter.section("faults: each run ended finished, with every step and its adapter")
    line = "{:<28} {:>6} {:>12} {:>15} {:>14} {:>16}"
    terminalreporter.line(
        line.format("fault", "rounds", "most starts", "most repeated", "mean s to end", "loss difference")
    )
    for name, results in found.items():
        terminalreporter.line(
            line.format(
                name,
                len(results),
                max(r.starts for r in results),
                f"{max(r.repeated for r in results)} steps",
                f"{sum(r.seconds for r in results) / len(results):.1f}",
                f"{max(r.difference for r in results):.1e}",
            )
        )
