"""A child process that ends with the process that started it, however that ended, on every system."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def end_with_parent(end: Callable[[], None] = lambda: os._exit(1)) -> None:
    """Ends this process when the one that started it is gone: its end of our standard input closes then.

    For a child whose standard input is a pipe that nobody writes into.

    Args:
        end: what is done then, in a thread.
    """

    def wait() -> None:
        # Not through sys.stdin: its lock, held while waiting, would make the interpreter abort when it ends.
        while os.read(0, 1024):
            continue
        end()

    threading.Thread(target=wait, name="parent", daemon=True).start()
