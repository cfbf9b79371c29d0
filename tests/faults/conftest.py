"""The table of the faults, printed after the tests."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.faults.plant import Round
from tests.faults.rounds import undisturbed_losses
from tests.faults.table import table

ROUNDS = pytest.StashKey[dict[str, list[Round]]]()


@pytest.fixture(scope="session")
def undisturbed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """Training losses of a run to which nothing happened."""
    return undisturbed_losses(tmp_path_factory.mktemp("calm") / "home", tiny_model)


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> dict[str, list[Round]]:
    """What each fault showed, by its name."""
    return pytestconfig.stash.setdefault(ROUNDS, defaultdict(list))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash.get(ROUNDS, {})
    if not found:
        return
    terminalreporter.section("faults: each run ended finished, with every step and its adapter")
    for line in table(found):
        terminalreporter.line(line)
