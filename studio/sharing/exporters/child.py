"""The child process in which an export is made, so that the web process never loads torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.errors import AfinaError, Stopped
from studio.processes.child import run_child


@dataclass(frozen=True)
class Child:
    """How to run a child.

    Args:
        log: file for what it writes to stderr.
        report: called with the name of each phase, as the child says it: ``{"phase": "merging"}``.
        cancelled: asked all the time; True ends the child.
        on_start: called with its process id.
    """

    log: Path
    report: Callable[[str], None]
    cancelled: Callable[[], bool]
    on_start: Callable[[int], object] = lambda pid: None

    def run(self, module: str, *arguments: Path | str) -> None:
        """Runs ``python -m MODULE ARGUMENTS`` to its end.

        Raises:
            AfinaError: what the child gave as its reason; ``export.failed`` when it died without one.
            Stopped: when cancelled.
        """
        try:
            code = run_child(
                module,
                arguments,
                on_message=lambda message: self.report(str(message["phase"])),
                on_start=self.on_start,
                cancelled=self.cancelled,
                log=self.log,
            )
        except Stopped:
            raise
        except AfinaError as error:
            raise AfinaError(error.code, **{"log": str(self.log), **error.params}) from error
        if code:
            raise AfinaError("export.failed", log=str(self.log))
