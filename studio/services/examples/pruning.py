"""What the files and versions of a project take on the disk, and the removal of those that nothing needs any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from studio.data.versions.uploads import Uploads
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.services.examples.imports import ImportService
from studio.storage.database import DatasetRow, ProjectRow, RunRow
from studio.storage.files import read_value, used_bytes
from studio.storage.workspace import Workspace

KEPT_STEPS: Final = 20
_STORED: Final = "dataset:"
_FRESH: Final = 86_400.0  # seconds in which a file that no version names may be one that is being read


@dataclass(frozen=True)
class DiskUse:
    """What a project takes, in bytes, and what of it can go."""

    uploads: int  # bytes of the files that were brought
    versions: int  # bytes of all versions, with what is kept beside them
    old_versions: tuple[int, ...]  # numbers of the versions that can go
    unused_uploads: tuple[str, ...]  # names of the files that only they were read from, or none
    reports: int  # how many results of check-ups of other versions can go; they are made anew when needed
    freed: int  # bytes of all that can go


@dataclass(frozen=True)
class _Removable:
    versions: list[DatasetRow]
    uploads: list[Path]
    reports: list[Path]
    files: list[Path]  # of the versions


class PruningService:
    """Tells the disk of a project, and tidies it up. Nothing that undo, redo or a run needs goes."""

    def __init__(self, workspace: Workspace, imports: ImportService) -> None:
        self._workspace = workspace
        self._imports = imports

    def disk_use(self, project_id: str) -> DiskUse:
        """What a project takes and what of it can go."""
        folder = self._workspace.project(project_id)
        with self._workspace.database.session() as session:
            found = self._removable(session, project_id)
        return DiskUse(
            uploads=used_bytes(folder / "uploads"),
            versions=used_bytes(folder / "datasets"),
            old_versions=tuple(sorted(row.number for row in found.versions)),
            unused_uploads=tuple(path.name.partition("-")[2] or path.name for path in found.uploads),
            reports=len(found.reports),
            freed=_bytes([*found.files, *found.uploads, *found.reports]),
        )

    def prune(self, project_id: str) -> int:
        """Removes what :meth:`disk_use` says can go. Returns the bytes that are free again.

        Raises ``data.being_read``.
        """
        progress = self._imports.progress(project_id)
        if progress is not None and progress.is_active:
            raise AfinaError("data.being_read")
        with self._workspace.database.session() as session:
            # The first statement writes, so that no other server moves the current version meanwhile.
            mine = update(ProjectRow).where(ProjectRow.id == project_id)
            session.execute(mine.values(updated_at=ProjectRow.updated_at))
            found = self._removable(session, project_id)
            gone = {row.id for row in found.versions}
            for row in session.scalars(select(DatasetRow).where(DatasetRow.parent_id.in_(gone))):
                row.parent_id = None
            for row in found.versions:
                session.delete(row)
        files = [*found.files, *found.uploads, *found.reports]
        freed = _bytes(files)
        for path in files:
            path.unlink(missing_ok=True)
        return freed

    def _removable(self, session: Session, project_id: str) -> _Removable:
        project = session.get(ProjectRow, project_id)
        query = select(DatasetRow).where(DatasetRow.project_id == project_id).order_by(DatasetRow.number.desc())
        rows = list(session.scalars(query))
        current = project.dataset_id if project is not None else None
        kept = _needed(rows, current) | _of_runs(self._workspace, session)
        old = [row for row in rows if row.id not in kept]
        used = {item["stored"] for row in rows if row.id in kept for item in row.details.get("uploads", ())}
        named = used | {item["stored"] for row in old for item in row.details.get("uploads", ())}
        folder = self._workspace.project(project_id)
        uploads = Uploads(folder / "uploads", 0)
        unused = [*uploads.unused(named, before=time.time() - _FRESH), *uploads.stored(named - used)]
        datasets = folder / "datasets"
        gone = {row.id for row in old}
        files = [path for path in datasets.glob("*") if path.name.partition(".")[0] in gone]
        reports = [path for path in datasets.glob("*.npz") if path.name.partition(".")[0] not in gone | {current}]
        return _Removable(old, unused, reports, files)


def _needed(rows: list[DatasetRow], current: str | None) -> set[str]:
    """Ids of the newest versions, of those that undo reaches from the current one, and of those that redo reaches."""
    by_id = {row.id: row for row in rows}
    child: dict[str, str] = {}
    for row in rows:  # the newest first, as redo takes it
        if row.parent_id is not None:
            child.setdefault(row.parent_id, row.id)
    needed = {row.id for row in rows[: KEPT_STEPS + 1]}
    before = by_id.get(current or "")
    for _ in range(KEPT_STEPS + 1):
        if before is not None:
            needed.add(before.id)
            before = by_id.get(before.parent_id or "")
    after = current
    while after is not None:
        needed.add(after)
        after = child.get(after)
    return needed


def _of_runs(workspace: Workspace, session: Session) -> set[str]:
    """Ids of the versions that runs of any project were made from, and those that their recipes name."""
    used: set[str] = set()
    for run_id, version_id in session.execute(select(RunRow.id, RunRow.dataset_id)).tuples():
        used |= {version_id} if version_id else set()
        recipe = read_value(workspace.run(run_id).recipe, Recipe)
        if recipe is None:
            continue
        used |= {entry.removeprefix(_STORED) for entry in recipe.data if entry.startswith(_STORED)}
    return used


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
