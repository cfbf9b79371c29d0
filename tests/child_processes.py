"""The child processes of a program, by the module that they run."""

from __future__ import annotations

from contextlib import suppress

import psutil


def running(module: str, parent: int | None = None) -> list[psutil.Process]:
    """Children of ``parent`` (of this process where None), and theirs, that run a module.

    One that ends while it is looked at has no command line any more; it does not run.
    """
    processes = []
    for child in psutil.Process(parent).children(recursive=True):
        with suppress(psutil.Error):
            if module in child.cmdline():
                processes.append(child)
    return processes
