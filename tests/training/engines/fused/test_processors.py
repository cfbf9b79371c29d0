"""The engine on a processor without oneDNN's layout for bf16, and where nothing can be compiled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
_IN_FP32 = "this processor trains in fp32"


Ended = dict[str, "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def ended(lesser: dict[str, str]) -> Ended:
    """What came of each command of this module, by its name: two processors at once, each with a core of its own."""
    plain = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    warmup = ("-m", "studio.training.engines.fused.warmup")
    commands = {  # the engine's tests find compiled what its warm-up compiles
        "lesser engine": (lesser, (warmup, _pytest(*_ENGINES))),
        "uncompiled": (plain, (warmup, _pytest(*_PLAIN))),
    }

    def run(name: str) -> Ended:
        environment, parts = commands[name]
        one_core = {**environment, "OMP_NUM_THREADS": "1"}
        return {
            f"{name} {number}": subprocess.run(
                [sys.executable, *arguments], env=one_core, capture_output=True, text=True, check=False
            )
            for number, arguments in enumerate(parts)
        }

    with ThreadPoolExecutor(2) as pool:
        return {name: found for part in pool.map(run, commands) for name, found in part.items()}


def _pytest(*names: str) -> tuple[str, ...]:
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore::FutureWarning", "-W", "ignore::RuntimeWarning")
    return ("-m", "pytest", *options, *(str(_TESTS_FOLDER / name) for name in names))


def _left_out(tests: subprocess.CompletedProcess[str]) -> set[str]:
    """Why some tests of a run that passed were left out."""
    assert tests.returncode == 0, tests.stdout[-5000:]
    return set(re.findall(r"^SKIPPED .*?:\d+: (.*)$", tests.stdout, re.MULTILINE))


def test_compiling_ahead_needs_no_special_processor(ended: Ended) -> None:
    assert (ended["lesser engine 0"].returncode, ended["lesser engine 0"].stderr) == (0, "")


@pytest.mark.model
def test_engine_and_chat_on_a_lesser_processor(ended: Ended) -> None:
    """The very tests of the engines; only what is about bf16 itself may be left out."""
    assert _left_out(ended["lesser engine 1"]) <= {_NO_LAYOUT, _IN_FP32}


def test_what_cannot_be_compiled_is_said_and_stops_nobody(ended: Ended) -> None:
    assert ended["uncompiled 0"].returncode == 0
    assert [line.split(":")[0] for line in ended["uncompiled 0"].stderr.splitlines()] == ["Warning", "Warning"]


@pytest.mark.model
def test_training_without_compiled_code(ended: Ended) -> None:
    assert not _left_out(ended["uncompiled 1"])
