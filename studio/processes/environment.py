"""The environment of child processes."""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """The environment of a child process that computes. What the person set stays.

    Threads that wait busily take the cores from the page and from the answers in a chat. Threads that sleep at once cost
    a run a fifth of its speed, since a step is hundreds of short products: so they wait for some microseconds, then sleep.
    A step walks through more memory than 4 KB pages can be looked up for quickly, so glibc asks for pages of 2 MB.
    """
    gentle = {
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # read before the first line of Python; other systems ignore it
        "GOMP_SPINCOUNT": "20000",
        "KMP_BLOCKTIME": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONFAULTHANDLER": "1",
    }
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return gentle | dict(os.environ) | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
