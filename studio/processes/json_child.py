"""Reading files, and work on large sets, in a process of its own: the page lives on, and a stop is a stop at once.

    python -m studio.services.examples.large_worker

The child gets its job as a line of JSON on its standard input and says how far it is in lines of JSON. It ends when
its standard input is closed, so that it never outlives the studio.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from studio.domain.author import author
from studio.errors import AfinaError, Stopped
from studio.processes.child_limits import watch_memory
from studio.processes.environment import environment
from studio.settings import Settings
from studio.storage.files import remove_half_made, scratch_folder

_LOOK_SECONDS: Final = 0.1
_OF_TRAINING: Final = ("HF_HUB_OFFLINE", "GLIBC_TUNABLES")
_GRACE: Final = 5.0  # seconds
_SETTINGS: Final = ("home", "models_dir", "database_url", "max_file_mb", "hf_endpoint")


def _environment() -> dict[str, str]:
    """As of a worker; but a training never needs the network, and an import of a dataset of the hub does.

    Nor does an import need the large pages that make a training faster.
    """
    return {name: value for name, value in environment().items() if name not in _OF_TRAINING or name in os.environ}


def run_aside(
    settings: Settings,
    job: dict[str, Any],
    on_said: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool] | None = None,
    memory: int | None = None,
) -> None:
    """Runs a job of :mod:`studio.services.examples.large_worker` and waits for its end.

    Args:
        settings: of the workspace.
        job: its ``do`` and arguments.
        on_said: called with what the child says: ``phase``, ``rows``, ``done``.
        cancelled: asked all the time; True ends the child.
        memory: bytes that it may take; no bound where None.

    Raises:
        AfinaError: what went wrong in the child; ``data.file_ended_reading`` when a file made it end before its time,
            ``general.unexpected`` when something else did; :class:`Stopped`.
    """
    with scratch_folder(settings.home / "tmp") as scratch:
        child = subprocess.Popen(
            [sys.executable, "-m", "studio.services.examples.large_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment() | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
            encoding="utf-8",
        )
        assert child.stdin is not None
        assert child.stdout is not None
        if memory is not None:
            watch_memory(child, memory)
        stopped = threading.Event()
        threading.Thread(target=_watch, args=(child, cancelled, stopped), name="watch-child", daemon=True).start()
        chosen = settings.model_dump(mode="json", include=set(_SETTINGS))
        problem: AfinaError | None = None
        reading: list[str] = []
        try:
            child.stdin.write(json.dumps({"settings": chosen, "author": author(), "memory": memory, **job}) + "\n")
            child.stdin.flush()
            problem = _listen(child.stdout, on_said, reading)
        except (BrokenPipeError, ValueError):
            pass  # it was ended before it could listen, or in the middle of a line; its exit code says so
        finally:
            child.kill()
            code = child.wait()
            child.stdout.close()
            _close(child.stdin)
        if code:
            remove_half_made(settings.home / "projects" / str(job["project_id"]), child.pid)
    if stopped.is_set():
        raise Stopped
    if problem is not None:
        raise problem
    if code and reading and memory is not None:
        raise AfinaError("data.file_ended_reading", file=reading[-1], limit_mb=memory // 1_000_000)
    if code:
        raise AfinaError("general.unexpected", kind="child", detail=f"exit {code}")


def _watch(child: subprocess.Popen[str], cancelled: Callable[[], bool] | None, stopped: threading.Event) -> None:
    """Ends a child when a person stops it."""
    while child.poll() is None:
        if cancelled is not None and cancelled():
            stopped.set()
            _close(child.stdin)  # it takes away what it has half written, and ends
            try:
                child.wait(_GRACE)
            except subprocess.TimeoutExpired:
                child.kill()
            return
        threading.Event().wait(_LOOK_SECONDS)


def _listen(lines: Iterable[str], on_said: Callable[[dict[str, Any]], None], reading: list[str]) -> AfinaError | None:
    """Tells what a child says until it ends, and notes the files that it begins to read; returns what went wrong."""
    problem: AfinaError | None = None
    for line in lines:
        said = json.loads(line)
        if "error" in said:
            problem = AfinaError(said["error"], **said["params"])
        elif "file" in said:
            reading.append(said["file"])
        else:
            on_said(said)
    return problem


def _close(stream: Any) -> None:
    try:
        stream.close()
    except (BrokenPipeError, ValueError):
        return
