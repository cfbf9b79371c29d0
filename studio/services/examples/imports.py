"""Imports in the background: a page starts one, looks at how far it is, and may stop it.

Files of a stranger are never read in this process: a few kilobytes may be made to fill the memory.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.data.importing.hub_datasets import HubDataset
from studio.domain.dataset import Mapping
from studio.errors import AfinaError, Stopped
from studio.processes.job_registry import ActiveJob, Job, JobRegistry
from studio.processes.large_job import run_large_job
from studio.storage.files import scratch_folder

if TYPE_CHECKING:
    from studio.services.examples.datasets import DatasetService

_AT_ONCE: Final = 2_000_000  # bytes that are read while the page waits: some thousands of rows
_PATIENCE: Final = 5.0  # seconds that it waits: a small file may be made to take long
_LARGE: Final = 6_000_000  # bytes from which all cores work
_MEMORY: Final = (1_500_000_000, 20)  # bytes that reading may take: so many, and so many for each byte of the files
_HUB_BYTES: Final = 100_000_000  # a guess of what a dataset of the hub has


@dataclass(frozen=True)
class ImportRequest:
    """What to import: files, a pasted text or a dataset of the hub."""

    paths: tuple[Path, ...] = ()  # files and folders that make one dataset
    text: str | None = None  # what was pasted
    hub: HubDataset | None = None  # a dataset of the hub
    mapping: Mapping | None = None  # columns as a person chose them; recognised where None
    append: bool = False  # adds to the current examples instead of replacing them
    again: bool = False  # reads the files of the current version once more, with ``mapping``; nothing else is brought


class ImportService:
    """Imports, one a project at a time. Safe to use from many threads."""

    def __init__(self, datasets: DatasetService) -> None:
        self._datasets = datasets
        self._jobs = JobRegistry(datasets.workspace.home, "import")

    def start(self, project_id: str, request: ImportRequest) -> None:
        """Begins an import; a small one is finished when this returns. What goes wrong is kept in :meth:`progress`.

        Raises ``data.import_running``.
        """
        job = self._jobs.start(
            project_id, lambda job: self._run(project_id, request, job), project=project_id, stage="reading"
        )
        if job is None:
            raise AfinaError("data.import_running")
        if request.hub is None and self._bytes(project_id, request) <= _AT_ONCE:
            job.ended.wait(_PATIENCE)

    def progress(self, project_id: str) -> Job | None:
        """Where the newest import of a project stands; None where there was none, or its end was shown.

        Its stage is ``reading``, ``checking`` or ``saving`` (key ``examples.import.phase.STAGE``), ``done`` are rows.
        """
        return self._jobs.get(project_id)

    def cancel(self, project_id: str) -> None:
        """Stops an import; the project is as it was before. Does nothing where none is under way."""
        self._jobs.cancel(project_id)

    def forget(self, project_id: str) -> None:
        """Lets :meth:`progress` say None again, once a screen has shown how an import ended."""
        self._jobs.forget(project_id)

    def close(self) -> None:
        """Stops every import and waits for their ends."""
        self._jobs.close()

    def _run(self, project_id: str, request: ImportRequest, job: ActiveJob) -> None:
        def told(news: dict[str, Any]) -> None:
            job.update(stage=news["phase"], done=news["rows"], fraction=news["done"])

        began = time.time()
        before = self._datasets.version(project_id)
        try:
            with scratch_folder(self._datasets.workspace.home / "tmp") as folder:
                paths = _paths(request, folder)
                size = _HUB_BYTES if request.hub is not None else self._bytes(project_id, request)
                work = _job(project_id, paths, request) | {"large": size > _LARGE}
                memory = _MEMORY[0] + _MEMORY[1] * size
                run_large_job(self._datasets.workspace.settings, work, told, job.is_cancelled, memory, job.attach)
            job.update(stage="saving")
        except Exception as error:
            with suppress(AfinaError):  # of a project that is gone, nothing is left
                self._datasets.forget_uploads(project_id, since=began)
                now = self._datasets.version(project_id)
                if isinstance(error, Stopped) and now is not None and (before is None or now.id != before.id):
                    return  # stopped while it was checked: the examples are in, the check-up is made when it is asked for
            raise

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
