"""The child process of :mod:`studio.processes.large_job`: reads files, checks, mends and counts large sets.

What only large sets need is imported where it is used: a small file is to be read in less than a second.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.data.importing.hub_datasets import HubDataset
from studio.data.importing.pipeline import ReadMonitor
from studio.data.versions.versions import Versions
from studio.domain.author import acting_as
from studio.domain.dataset import Mapping
from studio.errors import Stopped
from studio.processes.child import say, work_as_child
from studio.processes.child_limits import limit_memory
from studio.services.examples.datasets import DatasetService
from studio.services.examples.split_store import SplitStore
from studio.settings import Settings
from studio.storage.workspace import Workspace

if TYPE_CHECKING:
    from studio.data.checks.facts import Facts
    from studio.services.examples.checks import CheckService

_GRACE: Final = 3.0  # seconds to take away what is half written
_TOLD_EVERY: Final = 0.2  # seconds
_READING, _CHECKING = 0.6, 0.95  # how much of the whole is done when each is


class _ProgressReporter:
    """Says how far the work is: at most some times a second, and never less than before."""

    def __init__(self) -> None:
        self._phase, self._rows, self._done, self._told = "reading", 0, 0.0, 0.0

    def tell(self, phase: str = "reading", *, done: float = 0.0, rows: int = 0, at_once: bool = False) -> None:
        self._phase, self._rows, self._done = phase, max(self._rows, rows), max(self._done, done)
        now = time.monotonic()
        if at_once or now - self._told > _TOLD_EVERY:
            self._told = now
            say(phase=self._phase, rows=self._rows, done=round(self._done, 4))

    def saving(self) -> None:
        self.tell("saving", done=_CHECKING, at_once=True)


class _Work:
    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._stop = stop
        self._workspace = Workspace(settings)
        self.datasets = DatasetService(self._workspace)
        self.reporter = _ProgressReporter()
        self._monitor = ReadMonitor(
            on_rows=lambda rows: self.reporter.tell(rows=rows),
            on_share=lambda share: self.reporter.tell(done=_READING * share),
            on_file=lambda name: say(file=name),  # for the case that it ends this process
            cancelled=stop.is_set,
        )

    @cached_property
    def checks(self) -> CheckService:
        from studio.services.examples.checks import CheckService
        from studio.services.models import ModelService

        return CheckService(self.datasets, ModelService(self._workspace))

    def bring(self, job: dict[str, Any]) -> None:
        """Imports files or a dataset of the hub, and checks them where they are large."""
        self.datasets.watch(self._monitor)
        self._import(job)
        if job["large"] and self.checks.is_large(job["project_id"]):
            self.check(job)
        self.reporter.saving()

    def check(self, job: dict[str, Any]) -> None:
        """Checks the current examples."""
        self.checks.check_large(job["project_id"], self._facts(job["project_id"]))

    def fix(self, job: dict[str, Any]) -> None:
        """Mends the current examples: a new version, with its report."""
        version = self.datasets.version(job["project_id"])
        assert version is not None
        facts = self._facts(job["project_id"])
        self.reporter.saving()
        self.checks.fix_large(job["project_id"], job["codes"], facts, version.id)

    def draw(self, job: dict[str, Any]) -> None:
        """Draws the test of a version."""
        SplitStore(self.datasets.workspace).draw(Versions(self.datasets.workspace).get(job["version_id"]))

    def count(self, job: dict[str, Any]) -> None:
        """Says how many tokens of a base model each of some examples has."""
        from studio.domain.conversation import Conversation
        from studio.domain.model import BaseModelCard
        from studio.services.examples.token_lengths import ModelTokens

        card = BaseModelCard.model_validate(job["card"])
        conversations = [Conversation.model_validate(each) for each in job["conversations"]]
        say(lengths=ModelTokens(self._workspace, card, (), job["system_prompt"]).lengths(conversations))

    def _checking(self, share: float) -> None:
        if self._stop.is_set():
            raise Stopped
        self.reporter.tell("checking", done=_READING + (_CHECKING - _READING) * share)

    def _facts(self, project_id: str) -> Facts:
        """Of the current examples."""
        from studio.data.checks.scan_pool import scan_file

        version = self.datasets.version(project_id)
        assert version is not None
        return scan_file(self.datasets.file_of(version.id), self._checking)

    def _import(self, job: dict[str, Any]) -> None:
        mapping = Mapping.model_validate(job["mapping"]) if job["mapping"] is not None else None
        if job["hub"] is not None:
            self.datasets.import_hub(job["project_id"], HubDataset(**job["hub"]), job["append"])
            return
        if job["again"]:
            self.datasets.set_mapping(job["project_id"], mapping or Mapping())
            return
        paths = [Path(path) for path in job["paths"]]
        self.datasets.import_files(job["project_id"], paths, mapping, job["append"])


def main() -> None:
    """Runs the job on the standard input."""
    job = json.loads(sys.stdin.readline())
    if job["memory"] is not None:
        limit_memory(job["memory"])
    stop = threading.Event()

    def end() -> None:
        stop.set()
        time.sleep(_GRACE)
        os._exit(1)

    work = _Work(Settings(**job["settings"]), stop)
    does: dict[str, Callable[[dict[str, Any]], None]] = {
        "import": work.bring,
        "check": work.check,
        "fix": work.fix,
        "draw": work.draw,
        "count": work.count,
    }
    with acting_as(job["author"]):
        work_as_child(lambda: does[job["do"]](job), end)


if __name__ == "__main__":
    main()
