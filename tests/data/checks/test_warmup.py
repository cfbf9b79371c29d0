"""What is compiled ahead is what a large set needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_CHECK = """
import json
from studio.data.checks import fast_scan_kernel, warmup
from studio.data.similarity import minhash_kernels

FUNCTIONS = (
    fast_scan_kernel.look, minhash_kernels.sketch, minhash_kernels.near_enough, minhash_kernels.join,
    minhash_kernels.apart, minhash_kernels.join_band, minhash_kernels.firsts,
)

def compiled():
    return [len(function.signatures) for function in FUNCTIONS]

warmup.compile_now()
before = compiled()
from studio.data.similarity import clusters
from studio.data.checks import facts
from studio.data.checks.facts import firsts
from studio.data.checks.fast_scan import BatchScanner
from studio.data.checks.scanner import Scanner
from studio.domain.conversation import Conversation

clusters.MANY = facts._MANY = 1
rows = [Conversation.pair(f"Where is parcel number {n}, please?", f"Parcel {n} is on its way to you.") for n in range(50)]
found = Scanner(BatchScanner()).scan(rows)
clusters.near([row.question for row in rows], 0.8)
firsts(found.rows["question"])
print(json.dumps([before, compiled()]))
"""


def run(folder: Path, source: str, **variables: str) -> str:
    """What a fresh Python prints that keeps compiled code in a folder of its own."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), **variables}
    command = [sys.executable, "-c", source]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new installation's, without any compiled code."""
    return tmp_path_factory.mktemp("compiled")


def test_another_process_compiles_once(folder: Path) -> None:
    source = """
from studio.compiled import is_kept
from studio.data.checks import fast_scan_kernel, warmup
was = is_kept(fast_scan_kernel.look)
warmup.compile_aside()
print(was, is_kept(fast_scan_kernel.look), len(fast_scan_kernel.look.signatures))
"""
    assert run(folder, source).split() == ["False", "True", "0"]
    assert run(folder, source).split() == ["True", "True", "0"]


def test_a_large_set_compiles_nothing_more(folder: Path) -> None:
    before, after = json.loads(run(folder, _CHECK))
    assert all(before)
    assert after == before


def test_code_that_cannot_be_kept_is_compiled_all_the_same(tmp_path: Path) -> None:
    """Where neither the folder of the source nor the user's can be written, each process compiles for itself."""
    (tmp_path / "file").touch()
    source = """
import numpy as np
from studio.compiled import is_kept
from studio.data.checks import fast_scan_kernel, warmup
from studio.data.similarity import minhash_kernels
warmup.compile_aside()
print(is_kept(fast_scan_kernel.look), minhash_kernels.firsts(np.array([5, 7, 5], np.uint64), *np.zeros((2, 3), np.int64)))
"""
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    assert run(tmp_path / "file" / "folder", source, **nowhere).split() == ["True", "2"]
