"""A worker that dies or talks nonsense leaves nobody waiting."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studio.chat.client import _Worker
from studio.chat.protocol import Generate

HALF = """
import sys, time
asked = sys.stdin.readline()
sys.stdout.write('{"id": "one", "te')
sys.stdout.flush()
"""
NONSENSE = """
import sys, time
asked = sys.stdin.readline()
sys.stdout.write('a library that prints\\n')
sys.stdout.flush()
time.sleep(600)
"""


@pytest.mark.parametrize("script", [HALF, NONSENSE])
def test_who_waits_for_a_worker_that_breaks_off_is_told(script: str, tmp_path: Path) -> None:
    worker = _Worker([sys.executable, "-c", script], tmp_path / "log")
    try:
        ticket = worker.submit(Generate(id="one", asks=()))
        assert ticket is not None
        (last,) = ticket.replies()
        assert last.problem is not None
        assert last.problem.code == "chat.worker_died"
        assert worker.submit(Generate(id="two", asks=())) is None, "another worker must be asked"
    finally:
        worker.close()


def test_a_worker_that_reads_nonsense_ends(tiny_model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "studio.chat.worker", "--model-dir", str(tiny_model), "--home", str(tmp_path)]
    worker = _Worker(command, tmp_path / "log")
    try:
        assert worker._process.stdin is not None
        worker._process.stdin.write(b"nonsense\n")
        worker._process.stdin.flush()
        assert worker._process.wait(300) == 1
    finally:
        worker.close()
