"""The client of the decision worker: starts it, sends requests, ends it. Imports nothing heavy."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

from studio.errors import AfinaError
from studio.processes.environment import yielding_environment
from studio.storage.workspace import Workspace
from studio.trust.protocol import DecisionReply, DecisionRequest

_PATIENCE: Final = 60.0  # seconds for a reply; the first one waits for the encoder to be read
_GRACE: Final = 3.0  # seconds for it to end by itself


class DecisionClient:
    """Asks one worker, one question after the other. Safe to use from many threads.

    Args:
        workspace: where models live.
        python: the interpreter that runs it.
    """

    def __init__(self, workspace: Workspace, python: str = sys.executable) -> None:
        self._workspace, self._python = workspace, python
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the living worker."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ask(self, request: DecisionRequest) -> DecisionReply:
        """Sends a request and returns the reply; a worker that has ended is restarted.

        Raises:
            AfinaError: ``trust.failed``.
        """
        with self._lock:
            for _ in range(2):  # a worker may end, being idle, at this very moment
                line = self._exchange(request.model_dump_json() + "\n")
                if line is not None:
                    return DecisionReply.model_validate_json(line)
        raise AfinaError("trust.failed", detail="no reply")

    def close(self) -> None:
        """Ends the worker."""
        self._is_closed = True
        self._end()

    def _exchange(self, line: str) -> str | None:
        try:
            process = self._started()
            assert process.stdin is not None
            process.stdin.write(line)
            process.stdin.flush()
            reply = self._lines.get(timeout=_PATIENCE)
        except (OSError, ValueError, queue.Empty):
            reply = None
        if reply is None:
            self._end()
        return reply

    def _started(self) -> subprocess.Popen[str]:
        if self._is_closed:
            raise AfinaError("trust.failed", detail="closed")
        if self.pid is None or self._process is None:
            settings = self._workspace.settings
            command = [self._python, "-m", "studio.trust.decision_worker", "--models", str(self._workspace.models)]
            command += ["--home", str(self._workspace.home), "--idle-minutes", str(settings.chat_idle_minutes)]
            log = self._workspace.home / "logs" / "decisions.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as errors:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    env=yielding_environment(), encoding="utf-8",
                )  # fmt: skip
            self._lines = queue.SimpleQueue()
            reader = threading.Thread(target=_read, args=(self._process, self._lines), name="decisions", daemon=True)
            reader.start()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            if line.endswith("\n"):  # else it died while it wrote
                lines.put(line)
    lines.put(None)
