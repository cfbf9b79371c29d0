"""The environment of child processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_COMPUTING: Final = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # read before the first line of Python; other systems ignore it
    "GOMP_SPINCOUNT": "20000",
    "KMP_BLOCKTIME": "1",
    "HF_HUB_OFFLINE": "1",
}
_YIELDING: Final = {"KMP_BLOCKTIME": "0", "GOMP_SPINCOUNT": "2000", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
_ALL: Final = {
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "PYTHONFAULTHANDLER": "1",
}


def environment() -> dict[str, str]:
    """The environment of a child process that trains or computes as fast as it can. What the person set stays.

    Threads that wait busily take the cores from the page and from the answers in a chat. Threads that sleep at once cost
    a run a fifth of its speed, since a step is hundreds of short products: so they wait for some microseconds, then sleep.
    A step walks through more memory than 4 KB pages can be looked up for quickly, so glibc asks for pages of 2 MB.
    """
    return _with_package(_COMPUTING)


def yielding_environment() -> dict[str, str]:
    """As :func:`environment`, of a child beside which a run may train: threads that wait give up the core at once."""
    return _with_package(_YIELDING)


def online_environment() -> dict[str, str]:
    """As :func:`environment`, of a child that reads files or the hub: it needs the network, and no large pages."""
    return _with_package({})


def _with_package(chosen: dict[str, str]) -> dict[str, str]:
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return _ALL | chosen | dict(os.environ) | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
