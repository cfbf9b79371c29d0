"""A worker in waiting: it has imported what a run needs before anybody presses the button.

It is started on the folder of a run that is not there yet, so its command line names the run as any worker's does, and
a restarted server adopts it as any worker. It waits on its standard input, which costs the cores nothing, and leaves
when its server is gone or when nobody has come for a while.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from studio.models.probe import choose_precision, speed_here
from studio.storage.workspace import RunFolder, Workspace, new_id
from studio.training.supervision.worker_process import LOG_HEADER, WorkerProcess, spawn_waiting

WAIT_OPTION: Final = "--wait"
_PATIENCE: Final = 900.0  # seconds that it waits for a run


class PrewarmedWorker:
    """At most one worker in waiting. Safe to use from many threads."""

    def __init__(self, workspace: Workspace, python: str, module: str) -> None:
        self._workspace = workspace
        self._python = python
        self._module = module
        self._lock = threading.Lock()
        self._waiting: WorkerProcess | None = None
        self._promised = False

    def prepare(self) -> None:
        """Starts one unless one waits.

        Raises:
            AfinaError: when the process cannot be started.
        """
        with self._lock:
            if self._waiting is not None and not self._promised and self._waiting.exit_code is None:
                return
            self._dismiss()
            folder = self._workspace.run(new_id("run"))
            self._waiting = spawn_waiting(
                folder, [WAIT_OPTION, str(self._workspace.home)], python=self._python, module=self._module
            )

    def reserve(self) -> str | None:
        """The id of the run that the waiting worker is for, given once; None when nobody waits."""
        with self._lock:
            if self._waiting is None or self._promised or self._waiting.exit_code is not None:
                return None
            self._promised = True
            return self._waiting.folder.path.name

    def take(self, folder: RunFolder, arguments: Sequence[str]) -> WorkerProcess | None:
        """Sends the waiting worker to its run; one that waits for another run leaves, since this one needs the memory.

        Returns:
            The worker; None when none waits for this run.
        """
        with self._lock:
            worker, self._waiting = self._waiting, None
            self._promised = False
            if worker is None or worker.child is None or worker.child.stdin is None:
                return None
            fits = worker.folder == folder and worker.exit_code is None
            try:
                with worker.child.stdin as line:
                    if fits:
                        line.write(json.dumps(list(arguments)).encode() + b"\n")
                return worker if fits else None
            except OSError:  # it has left this very moment
                return None

    def close(self) -> None:
        """Lets the waiting worker go."""
        with self._lock:
            self._dismiss()

    def _dismiss(self) -> None:
        """It leaves when its input ends, at the latest when its imports are done."""
        worker, self._waiting = self._waiting, None
        self._promised = False
        if worker is not None and worker.child is not None and worker.child.stdin is not None:
            worker.child.stdin.close()
            try:
                worker.child.kill()
                worker.child.wait(timeout=1.0)
            except (OSError, subprocess.TimeoutExpired):
                return


def wait_for_run(folder: RunFolder, home: Path) -> list[str] | None:
    """The waiting itself, in the worker: imports, then the arguments of the run; None when there will be no run.

    From then on, what is printed goes into the run's ``worker.log``.

    Raises:
        OSError: when the log cannot be opened.
    """
    from studio.training.engines.fused import allocator

    allocator.keep_freed_memory()
    from studio.models.processor import best_device
    from studio.training.engines import select  # noqa: F401 - what a run needs
    from studio.training.engines.fused import warmup

    if best_device() == "cpu":
        warmup.compile_now([choose_precision(speed_here(home))])
    leave = threading.Timer(_PATIENCE, os._exit, (0,))
    leave.daemon = True
    leave.start()
    line = sys.stdin.readline()
    leave.cancel()
    if not line.endswith("\n"):
        return None
    log = os.open(folder.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(log, LOG_HEADER)
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    return [str(argument) for argument in json.loads(line)]
