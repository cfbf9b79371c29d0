"""The child processes of a program, by the module that they run."""

from __future__ import annotations

from contextlib import suppress

import psutil


def is_over(process: psutil.Process | int) -> bool:
    """Whether a process has ended; nobody may have waited for it yet, and it may be gone between two looks."""
    try:
        process = psutil.Process(process) if isinstance(process, int) else process
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_all_of(home: object) -> None:
    """Kills every process whose command names a folder: workers outlive their server."""
    for process in psutil.process_iter(["cmdline"]):
        if any(str(home) in part for part in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                process.kill()


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
