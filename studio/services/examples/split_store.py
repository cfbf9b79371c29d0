"""The tests of stored versions: drawn once, a large one by a process of its own, and kept beside the version."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from studio.data.limits import DRAWN_AT_ONCE
from studio.data.splitting import saved_split as keeping
from studio.data.splitting.saved_split import Drawn, Parts
from studio.data.versions.versions import Versions, split_of
from studio.errors import AfinaError, Stopped
from studio.processes.job_registry import ActiveJob, JobRegistry
from studio.processes.large_job import run_large_job
from studio.storage.database import DatasetRow
from studio.storage.workspace import Workspace

_MAX_CACHED_SPLITS: Final = 8
_OPEN: Final = 2  # versions whose lines can be found at once: 24 bytes an example


class SplitStore:
    """The tests of the versions of a workspace. Safe to use from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._versions = Versions(workspace)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Drawn] = OrderedDict()
        self._parts: OrderedDict[str, Parts] = OrderedDict()
        self._jobs = JobRegistry(workspace.home, "split")

    def known(self, row: DatasetRow) -> Drawn | None:
        """The test of a version where it is drawn already, or soon drawn; never waits for a large one, but begins it."""
        found = self._found(row)
        if found is None and row.examples <= DRAWN_AT_ONCE:
            return self.draw(row)
        if found is None:
            self._jobs.start(row.id, lambda job: self._aside(row, job))
        return found

    def need(self, row: DatasetRow) -> Drawn:
        """The test of a version; waits until a large one is drawn.

        Raises ``disk.missing``, ``data.version_damaged``, ``disk.full`` …
        """
        found = self.known(row)
        if found is None:
            self._jobs.start(row.id, lambda job: self._aside(row, job))
            job = self._jobs.wait(row.id)
            found = self._found(row)
            if found is None and job is not None and job.problem is not None:
                raise AfinaError(job.problem.code, **job.problem.params)
        if found is None:
            raise Stopped
        return found

    def parts(self, row: DatasetRow, *, estimate: bool = False) -> Parts:
        """The examples of a version to learn from, to practise with, and those of its exam. They stay on disk.

        Raises as :meth:`need`.
        """
        found = self.known(row) if estimate else self.need(row)
        if found is None:
            return keeping.estimated_parts(self._path(row), row.held_out, split_of(row))
        with self._lock:
            if row.id not in self._parts:
                self._parts[row.id] = keeping.parts(self._path(row), found)
            self._parts.move_to_end(row.id)
            while len(self._parts) > _OPEN:
                self._parts.popitem(last=False)
            return self._parts[row.id]

    def draw(self, row: DatasetRow) -> Drawn:
        """Draws the test of a version in this process and keeps it. Raises as :meth:`need`."""
        choice = split_of(row)
        made = keeping.draw(self._versions.load(row), choice)
        keeping.save(self._path(row), made)
        return self._remember(row, made)

    def close(self) -> None:
        """Ends what is being drawn."""
        self._jobs.close()

    def _found(self, row: DatasetRow) -> Drawn | None:
        with self._lock:
            if row.id in self._known:
                self._known.move_to_end(row.id)
                return self._known[row.id]
        found = keeping.load(self._path(row), split_of(row))
        return self._remember(row, found) if found is not None else None

    def _remember(self, row: DatasetRow, drawn: Drawn) -> Drawn:
        with self._lock:
            self._known[row.id] = drawn
            while len(self._known) > _MAX_CACHED_SPLITS:
                self._known.popitem(last=False)
        return drawn

    def _aside(self, row: DatasetRow, job: ActiveJob) -> None:
        request = {"do": "draw", "version_id": row.id}
        run_large_job(self._workspace.settings, request, lambda _: None, job.is_cancelled, on_start=job.attach)
        if self._found(row) is None:
            raise AfinaError("disk.missing", path=str(keeping.path_of(self._path(row))))

    def _path(self, row: DatasetRow) -> Path:
        return self._versions.path(row)
