"""The versions of a project's examples: what each changed, and the way back to any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from studio.data.versions import export as writing
from studio.data.versions.diff import Difference, difference
from studio.data.versions.rows import first_rows
from studio.data.versions.versions import Draft, Versions
from studio.domain.dataset import DatasetVersion
from studio.errors import AfinaError
from studio.storage.files import atomic_path
from studio.storage.workspace import Workspace

__all__ = ["Difference", "HistoryService"]

_SHOWN: Final = 20


class HistoryService:
    """What happened to the examples. Nothing is ever lost: undo moves a pointer, and going back makes a new version."""

    def __init__(self, workspace: Workspace) -> None:
        self._versions = Versions(workspace)

    def versions(self, project_id: str) -> list[DatasetVersion]:
        """Every version, the newest first. Raises ``general.not_found``."""
        self._versions.project(project_id)
        return self._versions.list(project_id)

    def steps(self, project_id: str) -> tuple[bool, bool]:
        """Whether there is something to undo, and something to redo. Raises ``data.no_dataset``."""
        row = self._versions.require_current(project_id)
        return row.parent_id is not None, self._versions.newest_child(row.id) is not None

    def undo(self, project_id: str) -> None:
        """Goes back to the version before. Raises ``data.nothing_to_undo``, ``data.no_dataset``."""
        row = self._versions.require_current(project_id)
        if row.parent_id is None:
            raise AfinaError("data.nothing_to_undo")
        self._versions.point(project_id, row.parent_id)

    def redo(self, project_id: str) -> None:
        """Goes forward again to the newest version made from this one.

        Raises ``data.nothing_to_redo``, ``data.no_dataset``.
        """
        child = self._versions.newest_child(self._versions.require_current(project_id).id)
        if child is None:
            raise AfinaError("data.nothing_to_redo")
        self._versions.point(project_id, child)

    def restore(self, project_id: str, version_id: str) -> None:
        """Makes a new version with the content of an old one. Raises ``general.not_found``."""
        old = self._versions.get(version_id)
        if old.project_id != project_id:
            raise AfinaError("general.not_found", what=version_id[:80])
        draft = Draft.like(old, "restore", {"number": old.number}).model_copy(update={"base": None})
        self._versions.add(project_id, self._versions.rows(old).lines(), lambda: draft)

    def changes(self, version_id: str, limit: int = _SHOWN) -> Difference:
        """What a version changed of the one that it was made from; of the first one, everything is new.

        Raises ``general.not_found``, ``disk.missing``, ``data.version_damaged``, ``data.version_before_removed``.
        """
        row = self._versions.get(version_id)
        if row.parent_id is None and row.number > 1:
            raise AfinaError("data.version_before_removed")
        if row.parent_id is None:
            counts = {"added": row.examples, "removed": 0, "changed": 0}
            return Difference(counts, first_rows(self._versions.path(row), limit))
        return self.diff(row.parent_id, version_id, limit)

    def diff(self, older_id: str, newer_id: str, limit: int = _SHOWN) -> Difference:
        """What was added, removed and changed between two versions of one project; the first examples of each.

        Raises ``general.not_found``; as :meth:`changes`.
        """
        older, newer = self._versions.get(older_id), self._versions.get(newer_id)
        if older.project_id != newer.project_id:
            raise AfinaError("general.not_found", what=newer_id[:80])
        return difference(self._versions.rows(older), self._versions.rows(newer), limit)

    def export(self, project_id: str, path: Path) -> Path:
        """Writes the current examples to ``path``, in the format of its ending: CSV, XLSX or JSONL.

        Raises ``data.no_dataset``, ``data.unknown_export``, ``disk.full`` …; ``path`` is then as it was.
        """
        row = self._versions.require_current(project_id)
        write = writing.writer(path.suffix)
        with atomic_path(path) as temporary:
            write(temporary, self._versions.rows(row))
        return path
