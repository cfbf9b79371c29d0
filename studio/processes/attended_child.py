"""Waiting for a child process that somebody may stop."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any, Final

from studio.errors import Stopped

_EVERY: Final = 0.2  # seconds between two looks


def attend(
    process: subprocess.Popen[Any], cancelled: Callable[[], bool], look: Callable[[], None] = lambda: None
) -> None:
    """Waits until a process ends; it is killed where the wait ends otherwise.

    Args:
        process: just started.
        cancelled: asked before each look.
        look: called several times a second.

    Raises:
        Stopped: when ``cancelled`` says so.
    """
    try:
        while process.poll() is None:
            if cancelled():
                raise Stopped
            look()
            try:
                process.wait(_EVERY)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
