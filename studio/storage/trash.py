"""Projects that were deleted and can still be restored: what belongs to one is not served, and none of its runs starts."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from studio.storage.database import Database, ProjectRow, RunRow


def not_in_trash() -> ColumnElement[bool]:
    """The condition on runs that their project was not deleted."""
    return RunRow.project_id.not_in(select(ProjectRow.id).where(ProjectRow.deleted_at.is_not(None)))


def is_in_trash(database: Database, run_id: str) -> bool:
    """Whether a run belongs to a project that was deleted; a run that the database does not know does not."""
    with database.session() as session:
        return session.scalar(select(RunRow.id).where(RunRow.id == run_id, ~not_in_trash())) is not None
