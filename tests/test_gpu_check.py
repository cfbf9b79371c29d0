"""The script for whoever has a graphics card, on the processor: its parts, its table, and a part that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_check.sh"


def table(*given: str) -> tuple[dict[str, str], int]:
    """What each part says, and the exit code."""
    ran = subprocess.run(
        [str(SCRIPT), *given], capture_output=True, text=True, env=os.environ | {"PYTHON": sys.executable}
    )
    rows = [line.strip("| ").split(" | ") for line in ran.stdout.splitlines()[2:]]
    return {row[0]: row[2] for row in rows}, ran.returncode


@pytest.mark.slow
@pytest.mark.model
def test_every_part_says_a_figure_or_why_not(tiny_model: Path) -> None:
    said, code = table(str(tiny_model), "--cpu")
    assert list(said) == ["LoRA", "QLoRA", "compiled", "killed and continued", "chat", "TRL"]
    assert code == 0, said
    assert "examples/s" in said["LoRA"]
    assert "NVIDIA" in said["QLoRA"]
    assert "off " in said["compiled"]
    assert "eager " in said["compiled"]
    assert "continued from step" in said["killed and continued"]
    assert "base and tuned at once" in said["chat"]
    assert "--trl" in said["TRL"]


@pytest.mark.slow
def test_a_part_that_fails_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    said, code = table(str(tmp_path), "--cpu", "--trl", str(tmp_path / "python"))
    assert code == 1
    assert len(said) == 6
    assert "afina.json" in said["LoRA"]
    assert said["TRL"].startswith("FAILED: ")
    assert "NVIDIA" in said["QLoRA"]
