"""The engine on a processor without oneDNN's layout for bf16, and where nothing can be compiled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS_FOLDER = Path(__file__).parents[3]
_ENGINES = (
    "training/engines/fused/test_linear.py",
    "training/engines/fused/test_kernels.py",
    "training/engines/fused/test_engine.py",
    "chat/test_engine.py",
)
_PLAIN = ("training/test_worker.py::test_a_run_learns_and_leaves_everything_that_is_promised",)
_NO_LAYOUT = "oneDNN has no layout for bf16 weights on this processor: the plain path is used, tested above"


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _tests(environment: dict[str, str], *names: str) -> list[str]:
    """Runs tests in an environment; returns why some were left out."""
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore::FutureWarning", "-W", "ignore::RuntimeWarning")
    ended = _run(environment, "-m", "pytest", *options, *(str(_TESTS_FOLDER / name) for name in names))
    assert ended.returncode == 0, ended.stdout[-5000:]
    return re.findall(r"^SKIPPED .*?:\d+: (.*)$", ended.stdout, re.MULTILINE)


def test_compiling_ahead_needs_no_special_processor(lesser: dict[str, str]) -> None:
    ended = _run(lesser, "-m", "studio.training.engines.fused.warmup")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.model
def test_engine_and_chat_on_a_lesser_processor(lesser: dict[str, str]) -> None:
    """The very tests of the engines; only what is about the layout itself may be left out."""
    skipped = _tests(lesser, *_ENGINES)
    assert set(skipped) <= {_NO_LAYOUT}


def test_what_cannot_be_compiled_is_said_and_stops_nobody() -> None:
    ended = _run({**os.environ, "NUMBA_DISABLE_JIT": "1"}, "-m", "studio.training.engines.fused.warmup")
    assert ended.returncode == 0
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == ["Warning", "Warning"]


@pytest.mark.model
def test_training_without_compiled_code() -> None:
    assert not _tests({**os.environ, "NUMBA_DISABLE_JIT": "1"}, *_PLAIN)
