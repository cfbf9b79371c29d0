"""Strangers' chat templates are rendered by a child process with bounds of time and memory.

    python -m studio.models.template_process

A template is a program: ``{{ 7 ** 900000000 }}`` computes for hours, inside one call that nothing in the same process
can interrupt. The child reads a line of JSON a request and answers with one. It keeps its deadline itself, by a thread
of :mod:`faulthandler` that needs no interpreter lock, so that it ends in time even where its parent was killed; at rest
it ends with its standard input.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from studio.errors import AfinaError
from studio.models.template_renderer import TemplateRenderer, Turns
from studio.processes.child_limits import limit_memory, watch_memory

SECONDS: Final = 5  # for the renderings of one request
MEMORY: Final = 512_000_000  # bytes
_AT_ONCE: Final = 1_000_000  # characters of turns rendered for one request
_REMEMBERED: Final = 8  # templates

_LATE: Final = 1  # exit code of a child that ended itself at its deadline

Job = tuple[Turns, bool]  # turns, and whether the assistant speaks next


class TemplateProcess:
    """The child of this process, started when first needed and again after it was ended. Safe to use from threads.

    Args:
        seconds: that one request may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def render(self, source: str, bos: str, eos: str, jobs: list[Job]) -> list[str]:
        """The texts of several lists of turns.

        Args:
            source, bos, eos: of :class:`TemplateRenderer`.
            jobs: what to render; none only compiles the template.

        Raises:
            AfinaError: ``model.chat_template`` when the template refuses, ``model.template_limits`` when it took
                longer or more memory than it may.
        """
        letters = sum(len(turn["content"]) for turn in jobs[0][0]) if jobs else 0
        size = max(1, _AT_ONCE // (letters + 1))
        texts: list[str] = []
        for first in range(0, max(1, len(jobs)), size):
            request = {"source": source, "bos": bos, "eos": eos, "jobs": jobs[first : first + size]}
            with self._lock:
                said = self._ask(json.dumps(request).encode() + b"\n")
            if "error" in said:
                raise AfinaError(said["error"], **said["params"])
            texts += said["texts"]
        return texts

    def close(self) -> None:
        """Ends the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _ask(self, line: bytes) -> dict[str, Any]:
        for _ in range(2):  # a child at rest may have been ended by somebody else
            fresh = self._child is None
            child = self._child = self._child or self._start()
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(line)
                child.stdin.flush()
                if answer := child.stdout.readline():
                    return dict(json.loads(answer))
            except BrokenPipeError:
                pass
            was_working = child.wait() == _LATE
            self.close()
            if fresh or was_working:
                break
        return _beyond(self._seconds)

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "studio.models.template_process", str(self._seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        watch_memory(child, MEMORY)
        return child


@lru_cache(1)
def template_process(pid: int) -> TemplateProcess:
    """The child of the process ``pid``, which is this one: a forked process must not speak with its parent's child."""
    return TemplateProcess()


@lru_cache(_REMEMBERED)
def _renderer(source: str, bos: str, eos: str) -> TemplateRenderer:
    return TemplateRenderer(source, bos, eos)


def _beyond(seconds: float) -> dict[str, Any]:
    return {"error": "model.template_limits", "params": {"seconds": seconds, "limit_mb": MEMORY // 1_000_000}}


def _answer(line: bytes, seconds: float) -> dict[str, Any]:
    request = json.loads(line)
    try:
        renderer = _renderer(request["source"], request["bos"], request["eos"])
        return {"texts": [renderer.render(turns, add) for turns, add in request["jobs"]]}
    except MemoryError:
        return _beyond(seconds)
    except Exception as error:  # whatever a template raises
        return {"error": "model.chat_template", "params": {"detail": str(error)[:200] or type(error).__name__}}


def main() -> None:
    """Answers requests until the standard input is closed."""
    seconds = float(sys.argv[1])
    limit_memory(MEMORY)
    with Path(os.devnull).open("w") as nowhere:
        for line in sys.stdin.buffer:
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            said = json.dumps(_answer(line, seconds)).encode() + b"\n"
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
