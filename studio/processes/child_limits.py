"""Bounds of a child process that works on what a stranger made.

The kernel keeps the bound where it can (Linux). Elsewhere the parent looks at the child several times a second.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, Final

_LOOK_SECONDS: Final = 0.05
_KERNEL: Final = sys.platform == "linux"


def limit_memory(limit: int) -> None:
    """Bounds the private memory of this process, in bytes: beyond it an allocation fails. Called by a child, of itself."""
    if sys.platform == "linux":
        import resource

        # Not the address space: libraries reserve gigabytes of it that they never touch.
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def limit_file_size(limit: int) -> None:
    """Bounds the files that this process writes, in bytes; beyond it a write fails. Not on Windows."""
    if sys.platform != "win32":
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def watch_memory(process: subprocess.Popen[Any], limit: int) -> None:
    """Ends a child that takes more than ``limit`` bytes, on systems where it cannot bound itself. Returns at once."""
    if not _KERNEL:
        threading.Thread(target=_watch, args=(process, limit), name="watch-memory", daemon=True).start()


def _watch(process: subprocess.Popen[Any], limit: int) -> None:
    import psutil

    with suppress(psutil.Error):
        child = psutil.Process(process.pid)
        while process.poll() is None:
            if child.memory_info().rss > limit:
                process.kill()
            threading.Event().wait(_LOOK_SECONDS)
