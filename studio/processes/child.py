"""The one way in which the studio lets a child process work: ``python -m MODULE``, lines of JSON, and an end with its parent.

The parent may hand over a request, one line of JSON on the child's standard input. The child says how far it is in lines
of JSON on its standard output; a line with ``error`` and ``params`` says why it gave up. Its standard input stays open
as long as somebody wants the result: the child ends when that closes, so it never outlives the studio.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, TypedDict, Unpack

from studio.errors import AfinaError, Stopped, from_exception
from studio.processes.child_limits import watch_memory
from studio.processes.environment import environment

_TICK: Final = 0.1  # seconds between two looks at whether to stop
_GIVES_WAY: Final = 5  # so that a page is given three times as much of a core as answers
_GRACE: Final = 5.0  # seconds in which a stopped child takes away what it has half written

Cancelled = Callable[[], bool]  # whether somebody has asked to stop


def never() -> bool:
    """For what nobody stops."""
    return False


class ChildOptions(TypedDict, total=False):
    """How a process is waited for.

    Args:
        on_tick: called several times a second.
        on_start: called with its process id.
        cancelled: asked several times a second; True ends it.
        variables: its environment; as this one's where left out, for :func:`run_child` that of a child that computes.
        memory: bytes that it may take, on systems where it cannot bound itself.
        log: file for what it writes to its standard error.
    """

    on_tick: Callable[[], object]
    on_start: Callable[[int], object]
    cancelled: Cancelled
    variables: Mapping[str, str]
    memory: int | None
    log: Path


def run_child(
    module: str,
    arguments: Sequence[str | Path] = (),
    *,
    request: Mapping[str, Any] | None = None,
    on_message: Callable[[dict[str, Any]], object] = lambda message: None,
    **options: Unpack[ChildOptions],
) -> int:
    """Runs a module in a process of its own and waits for its end; returns its exit code.

    Args:
        request: written as one line to its standard input.
        on_message: called with each line of JSON that it prints.

    Raises:
        AfinaError: what the child gave as its reason.
        Stopped: it was cancelled.
    """
    reasons: list[AfinaError] = []

    def on_line(line: str) -> None:
        message = _parsed(line)
        if "error" in message:
            reasons.append(AfinaError(str(message["error"]), **message.get("params", {})))
        elif message:
            on_message(message)

    options.setdefault("variables", environment())
    line = None if request is None else json.dumps(request) + "\n"
    code = run_process([sys.executable, "-m", module, *map(str, arguments)], on_line, request=line, **options)
    if reasons:
        raise reasons[-1]
    return code


def run_process(
    command: Sequence[str],
    on_line: Callable[[str], object],
    *,
    request: str | None = None,
    folder: Path | None = None,
    **options: Unpack[ChildOptions],
) -> int:
    """Runs any program, in a folder if one is named, and waits for its end; returns its exit code.

    Raises:
        Stopped: it was cancelled.
    """
    with Path(options.get("log", os.devnull)).open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env=options.get("variables"), cwd=folder, encoding="utf-8", errors="replace",
        )  # fmt: skip
    try:
        if (on_start := options.get("on_start")) is not None:
            on_start(process.pid)
        if (memory := options.get("memory")) is not None:
            watch_memory(process, memory)
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(process, lines), name="child", daemon=True).start()
        if request is not None:
            _send(process, request)
        for line in _lines(process, lines, options.get("on_tick", never), options.get("cancelled", never)):
            on_line(line)
        return process.wait()
    finally:
        process.kill()
        process.wait()
        _close(process.stdin)


def _lines(
    process: subprocess.Popen[str],
    lines: queue.SimpleQueue[str | None],
    on_tick: Callable[[], object],
    cancelled: Cancelled,
) -> Iterator[str]:
    """What a process prints until it ends, looking several times a second at whether to stop."""
    looked = 0.0
    while True:
        if time.monotonic() - looked > _TICK:
            looked = time.monotonic()
            on_tick()
            if cancelled():
                _close(process.stdin)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE)
                raise Stopped
        with suppress(queue.Empty):
            if (line := lines.get(timeout=_TICK)) is None:
                return
            yield line


def _listen(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _send(process: subprocess.Popen[str], request: str) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it ended before it could listen; its exit code says so
        process.stdin.write(request)
        process.stdin.flush()


def _parsed(line: str) -> dict[str, Any]:
    """A line as a message; an empty one where a library printed something else."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _close(stream: IO[str] | None) -> None:
    with suppress(BrokenPipeError, ValueError):
        if stream is not None:
            stream.close()


# What follows is for the child.


def say(**message: Any) -> None:
    """Prints a message for the parent."""
    sys.stdout.write(json.dumps(message, default=str) + "\n")
    sys.stdout.flush()


def end_with_parent(end: Callable[[], None] = lambda: os._exit(1)) -> None:
    """Ends this process when the one that started it is gone: its end of our standard input closes then."""

    def wait() -> None:
        # Not through sys.stdin: its lock, held while waiting, would make the interpreter abort when it ends.
        while os.read(0, 1024):
            continue
        end()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def give_way() -> None:
    """Lets the web process go first where it wants the same core: answers take all of them, and a page a moment of one."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_GIVES_WAY)


def work_as_child(work: Callable[[], object], end: Callable[[], None] = lambda: os._exit(1)) -> int:
    """Does the work of a child, and tells the parent why where it cannot.

    Args:
        end: as of :func:`end_with_parent`.

    Returns:
        The exit code.
    """
    end_with_parent(end)
    try:
        work()
    except Exception as error:  # the parent must say it
        traceback.print_exc()  # into the log that the owner may send us
        known = from_exception(error)
        say(error=known.code, params=known.params)
        return 1
    return 0
