"""The process of a worker: started, found again after a restart of the server, and ended, on every system.

A process is known by its pid *and* by what was started under it, because a pid is given to another program once its
process is gone, and after a reboot at the latest. The command line names the run's folder; where it cannot be read,
the start time decides. The start time alone would not do: the system computes it from the clock, and clocks jump.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from studio.errors import from_exception
from studio.processes.environment import environment
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from studio.training.supervision.exit_diagnosis import kill_counter, memory_kills

WORKER_MODULE = "studio.training.worker"
_SAME_START = 1.0  # seconds; start times are rounded to the clock tick
LOG_HEADER = b"=== worker started ===\n"


@dataclass(frozen=True)
class WorkerProcess:
    """A process that works on one run.

    Args:
        started: when it started, seconds since 1970, as psutil gives it.
        child: the handle of a worker that this very process started; it tells the exit code.
    """

    pid: int
    started: float
    folder: RunFolder
    module: str = WORKER_MODULE
    child: subprocess.Popen[bytes] | None = None

    def is_alive(self) -> bool:
        """Whether this worker runs (or is suspended). A stranger under its pid does not count, nor does a zombie."""
        if self.child is not None and self.child.poll() is not None:
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            command = _command(process)
            if command:
                return works_on(command, self.folder, self.module)
            return bool(abs(process.create_time() - self.started) < _SAME_START)
        except psutil.Error:
            return False

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative is a signal. None while it runs, or when another server started it."""
        return None if self.child is None else self.child.poll()

    def end(self, *, force: bool) -> None:
        """Asks the worker and its children to terminate, or kills them."""
        if not self.is_alive():
            return
        try:
            process = psutil.Process(self.pid)
            family = [*process.children(recursive=True), process]
        except psutil.Error:
            return
        for member in family:
            try:
                member.kill() if force else member.terminate()
            except psutil.Error:
                continue


def spawn(folder: RunFolder, arguments: Sequence[str], *, python: str, module: str = WORKER_MODULE) -> WorkerProcess:
    """Starts ``python -m module FOLDER arguments…`` in a session of its own, so that it outlives this process.

    Its output is appended to ``worker.log``.

    Raises:
        AfinaError: ``disk.full``, ``disk.not_writable`` … when the log cannot be opened or the process not started.
    """
    try:
        with folder.log.open("ab") as log:
            log.write(LOG_HEADER)
            log.flush()
            return _start(folder, arguments, python, module, stdin=subprocess.DEVNULL, output=log)
    except OSError as error:
        raise from_exception(error) from error


def spawn_waiting(
    folder: RunFolder, arguments: Sequence[str], *, python: str, module: str = WORKER_MODULE
) -> WorkerProcess:
    """As :func:`spawn`, on a folder that is not there yet: its input is a pipe, and it opens the log itself, later.

    Raises:
        AfinaError: when the process cannot be started.
    """
    try:
        return _start(folder, arguments, python, module, stdin=subprocess.PIPE, output=subprocess.DEVNULL)
    except OSError as error:
        raise from_exception(error) from error


def _start(
    folder: RunFolder, arguments: Sequence[str], python: str, module: str, *, stdin: int, output: int | IO[bytes]
) -> WorkerProcess:
    child = subprocess.Popen(
        [python, "-m", module, str(folder.path.resolve()), *arguments],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment(),
        cwd=str(folder.path.parent),
        start_new_session=os.name != "nt",
        creationflags=_windows_flags(),
    )
    _offer_to_the_memory_killer(child.pid)
    return WorkerProcess(child.pid, _started(child.pid), folder, module, child)


def find(folder: RunFolder, module: str = WORKER_MODULE) -> WorkerProcess | None:
    """The worker of a run that another process started: by ``worker.json``, else by looking at every process.

    Looking is needed because a server may be killed between the start of a worker and the worker's first line.
    """
    noted = _noted(folder, module)
    if noted is not None and noted.is_alive():
        return noted
    for process in psutil.process_iter():
        try:
            if works_on(_command(process), folder, module) and process.status() != psutil.STATUS_ZOMBIE:
                return WorkerProcess(process.pid, process.create_time(), folder, module)
        except psutil.Error:
            continue
    return None


def works_on(command: Sequence[str], folder: RunFolder, module: str) -> bool:
    """Whether a command line is that of a worker of this run."""
    return module in command and str(folder.path.resolve()) in command


def announce(folder: RunFolder) -> None:
    """Notes in ``worker.json`` that this very process works on a run, and how many were killed for memory so far.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    process, counter = psutil.Process(), kill_counter()
    note = {
        "pid": process.pid,
        "process_started": process.create_time(),
        "kill_counter": str(counter),
        "memory_kills": memory_kills(counter),
    }
    write_atomic(folder.worker, json.dumps(note))


def kills_since_start(folder: RunFolder) -> tuple[int | None, int | None]:
    """How many processes had been killed for memory when the newest worker of a run started, and how many have now."""
    try:
        values = json.loads(folder.worker.read_text(encoding="utf-8"))
        return values["memory_kills"], memory_kills(Path(values["kill_counter"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def log_of_last_start(folder: RunFolder, limit: int = 20_000) -> str:
    """The end of what the newest worker printed, ``limit`` bytes at most."""
    try:
        with folder.log.open("rb") as file:
            file.seek(max(0, folder.log.stat().st_size - limit))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text.rpartition(LOG_HEADER.decode())[2]


def _noted(folder: RunFolder, module: str) -> WorkerProcess | None:
    try:
        values = json.loads(folder.worker.read_text(encoding="utf-8"))
        return WorkerProcess(int(values["pid"]), float(values["process_started"]), folder, module)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.AccessDenied, psutil.ZombieProcess, OSError):
        return []


def _started(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _windows_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0


def _offer_to_the_memory_killer(pid: int) -> None:
    """On Linux: when memory runs out, the worker goes before the studio; it can go on from its checkpoint."""
    if sys.platform == "linux":
        try:
            Path(f"/proc/{pid}/oom_score_adj").write_text("500", encoding="ascii")
        except OSError:
            return
