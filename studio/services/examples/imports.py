"""Imports in the background: a page starts one, looks at how far it is, and may stop it.

Files of a stranger are never read in this process: a few kilobytes may be made to fill the memory.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.domain.dataset import Mapping
from studio.domain.problem import Problem
from studio.errors import AfinaError, Stopped, from_exception
from studio.processes.json_child import run_aside
from studio.storage.files import scratch_folder

if TYPE_CHECKING:
    from studio.services.examples.datasets import DatasetService

_AT_ONCE: Final = 2_000_000  # bytes that are read while the page waits: some thousands of rows
_PATIENCE: Final = 5.0  # seconds that it waits: a small file may be made to take long
_LARGE: Final = 6_000_000  # bytes from which all cores work
_MEMORY: Final = (1_500_000_000, 20)  # bytes that reading may take: so many, and so many for each byte of the files
_HUB_BYTES: Final = 100_000_000  # a guess of what a dataset of the hub has


class ImportState(StrEnum):
    """Where an import stands."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class HubRequest:
    """A dataset of the Hugging Face hub; see :func:`studio.data.importing.hub_datasets.fetch`."""

    reference: str
    config: str | None = None
    split: str | None = None
    rows: int = 10_000
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ImportRequest:
    """What to import: files, a pasted text or a dataset of the hub.

    Args:
        paths: files and folders that make one dataset.
        text: what was pasted.
        hub: a dataset of the hub.
        mapping: columns as a person chose them; recognised where None.
        append: adds to the current examples instead of replacing them.
        again: reads the files of the current version once more, with ``mapping``; nothing else is brought.
    """

    paths: tuple[Path, ...] = ()
    text: str | None = None
    hub: HubRequest | None = None
    mapping: Mapping | None = None
    append: bool = False
    again: bool = False


@dataclass(frozen=True)
class ImportProgress:
    """What the screen shows of an import.

    Args:
        state: where it stands.
        phase: ``reading``, ``checking`` or ``saving``; key ``imports.phase.PHASE``.
        rows: read or checked so far.
        done: 0 to 1, by bytes of the files.
        problem: why it failed.
    """

    state: ImportState
    phase: str = "reading"
    rows: int = 0
    done: float = 0.0
    problem: Problem | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is under way."""
        return self.state is ImportState.RUNNING


@dataclass
class _Job:
    progress: ImportProgress = field(default_factory=lambda: ImportProgress(ImportState.RUNNING))
    cancel: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class ImportService:
    """Imports, one a project at a time. Safe to use from many threads.

    Args:
        datasets: where the examples go.
    """

    def __init__(self, datasets: DatasetService) -> None:
        self._datasets = datasets
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()

    def start(self, project_id: str, request: ImportRequest) -> None:
        """Begins an import; a small one is finished when this returns. What goes wrong is kept in :meth:`progress`.

        Raises:
            AfinaError: ``data.import_running`` while another one of the project is under way.
        """
        with self._lock:
            known = self._jobs.get(project_id)
            if known is not None and known.progress.is_running:
                raise AfinaError("data.import_running")
            job = self._jobs[project_id] = _Job()
        job.thread = threading.Thread(
            target=copy_context().run, args=(self._run, project_id, request, job), name="import", daemon=True
        )
        job.thread.start()
        if request.hub is None and self._bytes(project_id, request) <= _AT_ONCE:
            job.thread.join(_PATIENCE)

    def progress(self, project_id: str) -> ImportProgress | None:
        """Where the newest import of a project stands; None where there was none since the studio was started."""
        with self._lock:
            job = self._jobs.get(project_id)
        return job.progress if job is not None else None

    def cancel(self, project_id: str) -> None:
        """Stops an import; the project is as it was before. Does nothing where none is under way."""
        with self._lock:
            job = self._jobs.get(project_id)
        if job is not None:
            job.cancel.set()

    def forget(self, project_id: str) -> None:
        """Lets :meth:`progress` say None again, once a screen has shown how an import ended."""
        with self._lock:
            job = self._jobs.get(project_id)
            if job is not None and not job.progress.is_running:
                del self._jobs[project_id]

    def close(self) -> None:
        """Stops every import and waits for their ends."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel.set()
        for job in jobs:
            if job.thread is not None:
                job.thread.join(timeout=10)

    def _run(self, project_id: str, request: ImportRequest, job: _Job) -> None:
        def said(news: dict[str, Any]) -> None:
            job.progress = replace(job.progress, **news)

        began = time.time()
        try:
            before = self._datasets.version(project_id)
            with scratch_folder(self._datasets.workspace.home / "tmp") as folder:
                paths = _paths(request, folder)
                size = _HUB_BYTES if request.hub is not None else self._bytes(project_id, request)
                work = _job(project_id, paths, request) | {"large": size > _LARGE}
                memory = _MEMORY[0] + _MEMORY[1] * size
                run_aside(self._datasets.workspace.settings, work, said, job.cancel.is_set, memory)
            job.progress = replace(job.progress, state=ImportState.FINISHED, phase="saving", done=1.0)
        except Stopped:
            now = self._datasets.version(project_id)
            made = now is not None and (before is None or now.id != before.id)
            self._datasets.forget_uploads(project_id, since=began)
            # Stopped while it was checked: the examples are in, the check-up is made when it is asked for.
            job.progress = replace(job.progress, state=ImportState.FINISHED if made else ImportState.STOPPED)
        except Exception as error:  # whatever it is, the screen must say it
            with suppress(AfinaError):  # of a project that is gone, nothing is left
                self._datasets.forget_uploads(project_id, since=began)
            problem = Problem.of(from_exception(error))
            job.progress = replace(job.progress, state=ImportState.FAILED, problem=problem)

    def _bytes(self, project_id: str, request: ImportRequest) -> int:
        """How much there is to read."""
        return self._datasets.uploaded_bytes(project_id) if request.again else _size(request)


def _paths(request: ImportRequest, folder: Path) -> list[Path]:
    """The files to read; what was pasted becomes one of them."""
    if request.text is None:
        return list(request.paths)
    pasted = folder / "paste.txt"
    pasted.write_text(request.text, encoding="utf-8", errors="replace", newline="")
    return [*request.paths, pasted]


def _job(project_id: str, paths: list[Path], request: ImportRequest) -> dict[str, Any]:
    """The same for a process of its own."""
    return {
        "do": "import",
        "project_id": project_id,
        "paths": [str(path.absolute()) for path in paths],
        "hub": asdict(request.hub) if request.hub is not None else None,
        "mapping": request.mapping.model_dump(mode="json") if request.mapping is not None else None,
        "append": request.append,
        "again": request.again,
    }


def _size(request: ImportRequest) -> int:
    """Bytes to read; of what cannot be looked at, none: the import says what is wrong with it."""
    total = len(request.text or "")
    for path in request.paths:
        try:
            below = (p for p in path.rglob("*") if p.is_file()) if path.is_dir() else (path,)
            total += sum(file.stat().st_size for file in below)
        except OSError:
            continue
    return total
