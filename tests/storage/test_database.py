from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from studio.errors import AfinaError
from studio.settings import Settings
from studio.storage.database import Base, Database, ProjectRow
from studio.storage.workspace import Workspace, new_id


def project(identifier: str) -> ProjectRow:
    return ProjectRow(id=identifier, name="Loja", created_at=1.0, updated_at=1.0)


def test_migrations_make_the_schema_of_the_models(workspace: Workspace) -> None:
    with workspace.database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_what_is_written_is_found_after_a_restart(settings: Settings) -> None:
    first = Workspace.open(settings)
    with first.database.session() as session:
        session.add(project("project-1"))
    first.database.close()
    second = Workspace.open(settings)
    with second.database.session() as session:
        found = session.get(ProjectRow, "project-1")
        assert found is not None
        assert found.name == "Loja"
    second.database.close()


def test_a_failed_transaction_changes_nothing(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace.database.session() as session:
        session.add(project("project-2"))
        session.flush()
        raise RuntimeError
    with workspace.database.session() as session:
        assert session.get(ProjectRow, "project-2") is None


def test_a_database_of_a_newer_version_is_refused_politely(settings: Settings) -> None:
    Workspace.open(settings).database.close()
    with sqlite3.connect(settings.home / "afina.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(AfinaError) as caught:
        Workspace.open(settings)
    assert caught.value.code == "storage.newer"


def test_database_errors_have_codes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(AfinaError) as caught, database.session() as session:
        session.add(project("project-3"))
    assert caught.value.code == "storage.database"
    database.close()


def test_ids_cannot_leave_the_workspace(workspace: Workspace) -> None:
    assert workspace.run(new_id("run")).path.parent == workspace.home / "runs"
    for bad in ("../x", "a/b", "", ".", "A", "x" * 65, "run\n"):
        with pytest.raises(AfinaError):
            workspace.run(bad)
