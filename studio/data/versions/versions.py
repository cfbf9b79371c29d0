"""Versions of a project's examples: rows in the database, conversations in files; undo moves a pointer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, cast

from pydantic import Field
from sqlalchemy import CursorResult, func, select, update

from studio.data.importing.result import require
from studio.data.limits import SHOWN
from studio.data.versions.rows import Rows, first_rows, write_rows
from studio.domain.author import author
from studio.domain.conversation import Conversation
from studio.domain.dataset import DatasetVersion, DatasetView, Mapping, SplitChoice, VersionDetails
from studio.errors import AfinaError
from studio.storage.database import DatasetRow, ProjectRow
from studio.storage.workspace import Workspace, new_id

_ABANDONED: Final = 3_600.0  # seconds since something was last written to a half written version


class Draft(VersionDetails):
    """What a new version is made from, and how."""

    action: str = Field(description="Suffix of the catalog key ``version.<action>``.")
    params: dict[str, Any] = Field(description="Values named in its sentence.")
    files: tuple[str, ...] = Field(default=(), description="Names of the files.")
    uploads: tuple[dict[str, Any], ...] = Field(default=(), description="Where they are kept, to be read again.")
    base: str | None = Field(
        default=None, description="Id of the version that it was made from, if that must still be the current one."
    )

    @classmethod
    def like(cls, row: DatasetRow | None, action: str, params: dict[str, Any]) -> Draft:
        """A draft with the files, columns and mapping of an earlier version."""
        earlier = {**row.details, "files": row.files, "base": row.id} if row is not None else {}
        return cls.model_validate({**earlier, "action": action, "params": params})


def split_of(row: DatasetRow | None) -> SplitChoice:
    """How the test of a version is drawn; as usual before the first import."""
    return SplitChoice.model_validate(row.details.get("split", {}) if row is not None else {})


class Versions:
    """The versions of all projects of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def add(
        self,
        project_id: str,
        conversations: Iterable[Conversation | bytes],
        draft: Callable[[], Draft],
        minimum: int = 1,
    ) -> None:
        """Writes a version and makes it the current one. ``draft`` is asked for once all conversations are read.

        Lines of an earlier version may stand for conversations; see :func:`studio.data.versions.rows.write_rows`.

        Raises:
            AfinaError: ``data.too_few_rows`` and its kin below ``minimum`` examples; ``data.changed_meanwhile`` when the
                version that it was made from is not the current one any more; ``disk.full`` …; the project is then as it
                was.
        """
        version_id = new_id("data")
        path = self._folder(project_id) / f"{version_id}.jsonl"
        _clear(path.parent)
        examples, held_out = write_rows(path, conversations)
        try:
            made = draft()
            require(examples, made.problems, minimum)
            self._insert(project_id, version_id, examples, held_out, made)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _insert(self, project_id: str, version_id: str, examples: int, held_out: int, made: Draft) -> None:
        with self._workspace.database.session() as session:
            # The first statement writes, so that of two that change the same version at once only one does.
            mine = update(ProjectRow).where(ProjectRow.id == project_id).values(updated_at=time.time())
            if made.base is not None:
                mine = mine.where(ProjectRow.dataset_id == made.base)
            if not cast("CursorResult[Any]", session.execute(mine)).rowcount:
                raise AfinaError("data.changed_meanwhile")
            project = session.get_one(ProjectRow, project_id)
            newest = session.scalar(select(func.max(DatasetRow.number)).where(DatasetRow.project_id == project_id))
            session.add(
                DatasetRow(
                    id=version_id,
                    project_id=project_id,
                    number=(newest or 0) + 1,
                    parent_id=project.dataset_id,
                    created_at=time.time(),
                    action=made.action,
                    params=made.params,
                    examples=examples,
                    held_out=held_out,
                    files=list(made.files),
                    details={
                        "author": author(),
                        **made.model_dump(
                            mode="json", exclude={"action", "params", "files", "base"}, exclude_defaults=True
                        ),
                    },
                )
            )
            project.dataset_id = version_id

    def project(self, project_id: str) -> ProjectRow:
        """The project. Raises ``general.not_found``."""
        with self._workspace.database.session() as session:
            row = session.get(ProjectRow, project_id)
        if row is None or row.deleted_at is not None:
            raise AfinaError("general.not_found", what=project_id[:80])
        return row

    def get(self, version_id: str) -> DatasetRow:
        """One version. Raises ``general.not_found``."""
        with self._workspace.database.session() as session:
            row = session.get(DatasetRow, version_id)
        if row is None:
            raise AfinaError("general.not_found", what=version_id[:80])
        return row

    def current(self, project_id: str) -> DatasetRow | None:
        """The current version; None before the first import."""
        version_id = self.project(project_id).dataset_id
        return self.get(version_id) if version_id else None

    def require_current(self, project_id: str) -> DatasetRow:
        """The current version. Raises ``data.no_dataset``."""
        row = self.current(project_id)
        if row is None:
            raise AfinaError("data.no_dataset")
        return row

    def list(self, project_id: str) -> list[DatasetVersion]:
        """Every version of a project, the newest first."""
        with self._workspace.database.session() as session:
            query = select(DatasetRow).where(DatasetRow.project_id == project_id).order_by(DatasetRow.number.desc())
            return [version_of(row) for row in session.scalars(query)]

    def uploads(self, project_id: str) -> set[str]:
        """Names under which the files are kept that any version of a project was read from."""
        with self._workspace.database.session() as session:
            query = select(DatasetRow.details).where(DatasetRow.project_id == project_id)
            return {item["stored"] for details in session.scalars(query) for item in details.get("uploads", ())}

    def newest_child(self, version_id: str) -> str | None:
        """The newest version made from this one."""
        with self._workspace.database.session() as session:
            query = select(DatasetRow.id).where(DatasetRow.parent_id == version_id).order_by(DatasetRow.number.desc())
            return session.scalars(query.limit(1)).first()

    def point(self, project_id: str, version_id: str) -> None:
        """Makes an existing version the current one."""
        with self._workspace.database.session() as session:
            project = session.get_one(ProjectRow, project_id)
            project.dataset_id = version_id
            project.updated_at = time.time()

    def remember(self, project_id: str, mapping: Mapping) -> None:
        """Keeps a mapping that a person chose, for the next upload."""
        with self._workspace.database.session() as session:
            session.get_one(ProjectRow, project_id).mapping = mapping.model_dump(mode="json")

    def rows(self, row: DatasetRow) -> Rows:
        """The examples of a version, which stay on disk. Raises ``disk.missing`` …"""
        return Rows(self.path(row))

    def load(self, row: DatasetRow) -> tuple[Conversation, ...]:
        """The examples of a version in memory. Raises ``disk.missing``, ``data.version_damaged``."""
        return tuple(self.rows(row))

    def view(self, project_id: str) -> DatasetView:
        """The current version with everything a screen shows, and its first examples. Raises ``data.no_dataset``."""
        row = self.require_current(project_id)
        return DatasetView(
            **dict(Draft.like(row, row.action, row.params)),
            version=version_of(row),
            conversations=first_rows(self.path(row), SHOWN),
            can_undo=row.parent_id is not None,
            can_redo=self.newest_child(row.id) is not None,
        )

    def path(self, row: DatasetRow) -> Path:
        """Where the examples of a version lie, one a line."""
        return self._folder(row.project_id) / f"{row.id}.jsonl"

    def _folder(self, project_id: str) -> Path:
        return self._workspace.project(project_id) / "datasets"


def _clear(folder: Path) -> None:
    """Takes away what a killed process left half written; what is being written is newer."""
    for path in folder.glob(".*.jsonl.*.tmp"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
        except OSError:  # gone already, or held by another process on Windows
            continue


def version_of(row: DatasetRow) -> DatasetVersion:
    """A row of the database as a value."""
    return DatasetVersion(
        id=row.id,
        project_id=row.project_id,
        number=row.number,
        created_at=row.created_at,
        action=row.action,
        params=row.params,
        examples=row.examples,
        held_out=row.held_out,
        files=tuple(row.files),
        author=row.details.get("author", ""),
        parent=row.parent_id,
    )
