"""Projects: what the home page shows, and how one is made, changed and removed."""

from __future__ import annotations

import math
import shutil
import time
from typing import Any, Final

from sqlalchemy import select, update

from studio.data.text import clean
from studio.domain.project import Project, ProjectCard, RunCard
from studio.domain.run import RunState
from studio.domain.study import STUDY_PREFIX
from studio.errors import AfinaError
from studio.processes.job_registry import forget_jobs
from studio.services.runs.state_reader import RunReader
from studio.storage.database import DatasetRow, LinkRow, ProjectRow, RunRow
from studio.storage.workspace import Workspace, new_id

_MAX_NAME: Final = 200
_KEEP: Final = object()
_WAITS: Final = (RunState.QUEUED, RunState.PAUSED)  # no worker has such a run
TRASH_DAYS: Final = 30
_DAY: Final = 86_400.0


class ProjectService:
    """Projects of a workspace."""

    def __init__(self, workspace: Workspace, reader: RunReader | None = None) -> None:
        self._workspace = workspace
        self._reader = reader or RunReader()

    def list(self) -> list[ProjectCard]:
        """Every project with its runs, the last touched first; not those in the trash."""
        query = select(ProjectRow).where(ProjectRow.deleted_at.is_(None))
        with self._workspace.database.session() as session:
            rows = session.scalars(query.order_by(ProjectRow.updated_at.desc(), ProjectRow.id)).all()
            own = ~RunRow.id.startswith(f"{STUDY_PREFIX}-")
            runs = session.scalars(select(RunRow).where(own).order_by(RunRow.created_at.desc(), RunRow.id)).all()
            sizes = dict(session.execute(select(DatasetRow.id, DatasetRow.examples)).tuples().all())
        return [
            ProjectCard(
                project=_project(row),
                model_name=self._model_name(row.model_id),
                examples=sizes.get(row.dataset_id or "", 0),
                runs=tuple(self._run_card(run) for run in runs if run.project_id == row.id),
            )
            for row in rows
        ]

    def create(self, name: str) -> Project:
        """Makes an empty project. Raises ``project.no_name``."""
        now = time.time()
        row = ProjectRow(id=new_id("project"), name=_name(name), created_at=now, updated_at=now)
        with self._workspace.database.session() as session:
            session.add(row)
        return _project(row)

    def get(self, project_id: str) -> Project:
        """One project that is not in the trash. Raises ``general.not_found``."""
        return self._one(project_id, in_trash=False)

    def update(
        self, project_id: str, *, name: Any = _KEEP, model_id: Any = _KEEP, system_prompt: Any = _KEEP
    ) -> Project:
        """Changes what is given; what is not given stays.

        Raises:
            AfinaError: ``general.not_found``, ``project.no_name``, ``project.long_system_prompt``.
        """
        self.get(project_id)
        with self._workspace.database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            if name is not _KEEP:
                row.name = _name(name)
            if model_id is not _KEEP:
                row.model_id = model_id
            if system_prompt is not _KEEP:
                row.system_prompt = _system_prompt(system_prompt)
            row.updated_at = time.time()
        return _project(row)

    def delete(self, project_id: str) -> None:
        """Moves a project to the trash: its links and exports close at once, and runs that wait do so until it is back.

        Raises:
            AfinaError: ``general.not_found``; ``project.run_active`` while one of its runs is being worked on.
        """
        self.get(project_id)
        with self._workspace.database.session() as session:
            # The first statement writes, so that no supervisor takes one of its runs from the queue meanwhile.
            mine = update(ProjectRow).where(ProjectRow.id == project_id, ProjectRow.deleted_at.is_(None))
            session.execute(mine.values(deleted_at=time.time()))
            for run in session.scalars(select(RunRow).where(RunRow.project_id == project_id)):
                state = self._reader.standing(run, self._workspace.run(run.id))[0]
                if not state.is_over and state not in _WAITS:
                    raise AfinaError("project.run_active", name=run.name)

    def trash(self) -> tuple[Project, ...]:
        """The projects that can be restored, the last deleted first."""
        query = select(ProjectRow).where(ProjectRow.deleted_at.is_not(None))
        with self._workspace.database.session() as session:
            return tuple(_project(row) for row in session.scalars(query.order_by(ProjectRow.deleted_at.desc())))

    def restore(self, project_id: str) -> Project:
        """Takes a project out of the trash, with everything that it had.

        Raises:
            AfinaError: ``general.not_found`` where it is not in the trash.
        """
        self._one(project_id, in_trash=True)
        with self._workspace.database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            row.deleted_at, row.updated_at = None, time.time()
        return _project(row)

    def erase(self, project_id: str) -> None:
        """Deletes a project in the trash for good, with its examples, runs, exports and links.

        Raises:
            AfinaError: ``general.not_found`` where it is not in the trash.
        """
        self._one(project_id, in_trash=True)
        with self._workspace.database.session() as session:
            runs = session.scalars(select(RunRow.id).where(RunRow.project_id == project_id)).all()
            versions = session.scalars(select(DatasetRow.id).where(DatasetRow.project_id == project_id)).all()
            links = session.scalars(select(LinkRow.token).where(LinkRow.run_id.in_(runs))).all()
            session.delete(session.get_one(ProjectRow, project_id))
        for run_id in runs:
            shutil.rmtree(self._workspace.run(run_id).path, ignore_errors=True)
            shutil.rmtree(self._workspace.exports(run_id), ignore_errors=True)
        shutil.rmtree(self._workspace.project(project_id), ignore_errors=True)
        forget_jobs(self._workspace.home, (project_id, *runs, *versions, *links))

    def erase_expired(self) -> tuple[Project, ...]:
        """Deletes for good what has been in the trash for :data:`TRASH_DAYS`. Returns what that was."""
        gone = tuple(project for project in self.trash() if days_left(project) <= 0)
        for project in gone:
            self.erase(project.id)
        return gone

    def _one(self, project_id: str, *, in_trash: bool) -> Project:
        with self._workspace.database.session() as session:
            row = session.get(ProjectRow, project_id)
        if row is None or (row.deleted_at is not None) != in_trash:
            raise AfinaError("general.not_found", what=project_id[:80])
        return _project(row)

    def _model_name(self, model_id: str | None) -> str | None:
        if not model_id:
            return None
        from studio.models.catalog import Catalog

        try:
            return Catalog(self._workspace).get(model_id).name
        except AfinaError:
            return model_id

    def _run_card(self, row: RunRow) -> RunCard:
        state, fraction = self._reader.standing(row, self._workspace.run(row.id))
        return RunCard(
            id=row.id,
            name=row.name,
            state=state,
            created_at=row.created_at,
            model_name=row.model_name,
            examples=row.train_examples,
            fraction=fraction,
        )


def days_left(project: Project) -> int:
    """Days that a project in the trash can still be restored, the begun one counted; 0 or less once it is over."""
    return math.ceil(TRASH_DAYS - (time.time() - (project.deleted_at or 0.0)) / _DAY)


def _project(row: ProjectRow) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        updated_at=row.updated_at,
        model_id=row.model_id,
        system_prompt=row.system_prompt,
        deleted_at=row.deleted_at,
    )


def _name(name: str) -> str:
    text = " ".join(clean(name)[0].split())[:_MAX_NAME]
    if not text:
        raise AfinaError("project.no_name")
    return text


def _system_prompt(text: str | None) -> str | None:
    cleaned = clean(text or "")[0]
    if len(cleaned) > 4_000:
        raise AfinaError("project.long_system_prompt", limit=4_000)
    return cleaned or None
