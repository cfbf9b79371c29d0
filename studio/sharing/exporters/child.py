"""The child process in which an export is made, so that the web process never loads torch.

A child prints one JSON object a line: ``{"phase": "merging"}`` as it goes on, and ``{"error": code, "params": {…}}``
where it gives up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from studio.errors import AfinaError, Stopped, from_exception
from studio.parent import end_with_parent

_TICK: Final = 0.1  # seconds between two looks at whether to stop


@dataclass(frozen=True)
class Child:
    """How to run a child.

    Args:
        log: file for what it writes to stderr.
        report: called with the name of each phase.
        cancelled: asked all the time; True ends the child.
    """

    log: Path
    report: Callable[[str], None]
    cancelled: Callable[[], bool]

    def run(self, module: str, *arguments: Path | str) -> None:
        """Runs ``python -m MODULE ARGUMENTS`` to its end.

        Raises:
            AfinaError: what the child gave as its reason; ``export.failed`` when it died without one.
            Stopped: when cancelled.
        """
        command = [sys.executable, "-m", module, *map(str, arguments)]
        with (
            self.log.open("wb") as log,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            threading.Thread(target=self._end_when_cancelled, args=(process,), daemon=True).start()
            try:
                self._follow(process)
            finally:
                if process.poll() is None:
                    process.kill()
        if process.returncode != 0:
            raise AfinaError("export.failed", log=str(self.log))

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = _parsed(line)
            if "error" in said:
                raise AfinaError(str(said["error"]), **{"log": str(self.log), **said.get("params", {})})
            if "phase" in said:
                self.report(str(said["phase"]))
        process.wait()
        if self.cancelled():
            raise Stopped

    def _end_when_cancelled(self, process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            if self.cancelled():
                process.kill()
            time.sleep(_TICK)


def tell(**values: Any) -> None:
    """In a child: prints one line for its parent."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def run_as_child(work: Callable[[], None]) -> int:
    """In a child: does the work, and tells the parent why where it cannot. The child ends with its parent.

    Returns:
        The exit code.
    """
    end_with_parent()
    try:
        work()
    except Exception as error:
        import traceback

        traceback.print_exc()  # stderr is the log that the owner may send us
        known = from_exception(error)
        tell(error=known.code, params={name: str(value) for name, value in known.params.items()})
        return 1
    return 0


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
