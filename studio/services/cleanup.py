"""What was left behind by processes that were killed, and by what was deleted: found and removed at the start.

Only what nobody can miss goes: half-written files of processes that are gone, exports of runs that are gone (they were made
from the run), uploads that no version was read from, projects that were deleted a month ago. Nothing goes
because the database does not know it: a database may have been lost, and the files be all that is left.
"""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import Final

from sqlalchemy import select

from studio.data.versions.uploads import Uploads
from studio.data.versions.versions import Versions
from studio.services.projects import ProjectService
from studio.storage.database import ProjectRow
from studio.storage.files import remove_abandoned
from studio.storage.workspace import Workspace

_LOG: Final = logging.getLogger(__name__)
_OLD: Final = 86_400.0  # seconds: an import of another server may be on its way


def clean_up(workspace: Workspace) -> list[Path]:
    """Removes what was left behind in a workspace, names it in the log, and says what it was.

    What another process is making stays: its name says which process makes it.
    """
    home = workspace.home
    removed = []
    for folder in (home / "projects", home / "runs", home / "exports", home / "tmp", workspace.models):
        removed += remove_abandoned(folder)
    removed += [workspace.project(project.id) for project in ProjectService(workspace).erase_expired()]
    removed += _exports_of_nothing(home / "exports", home / "runs")
    removed += _unused_uploads(workspace)
    for path in removed:
        _LOG.warning("removed what was left behind: %s", path)
    return removed


def _exports_of_nothing(exports: Path, runs: Path) -> list[Path]:
    """Removes exports of runs that are gone: a model in them may have been made from what was deleted."""
    if not runs.is_dir():
        return []
    gone = [path for path in exports.glob("run-*") if not (runs / "-".join(path.name.split("-")[:2])).exists()]
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)  # the log of an export that failed
    return gone


def _unused_uploads(workspace: Workspace) -> list[Path]:
    """Removes files that were brought to a project and from which no version came."""
    with workspace.database.session() as session:
        projects = list(session.scalars(select(ProjectRow.id)))
    versions = Versions(workspace)
    removed = []
    for project_id in projects:
        folder = workspace.project(project_id) / "uploads"
        if folder.is_dir():
            uploads = Uploads(folder, workspace.settings.max_upload_mb)
            removed += uploads.forget(versions.uploads(project_id), before=time.time() - _OLD)
    return removed
