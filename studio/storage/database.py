"""The database: projects, dataset versions, runs, links. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Engine, ForeignKey, String, Text, UniqueConstraint, create_engine, event, false, true
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from studio.errors import AfinaError, from_exception


class Base(DeclarativeBase):
    """Tables. Times are seconds since 1970, UTC."""


class ProjectRow(Base):
    __tablename__ = "project"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[float]
    updated_at: Mapped[float]
    model_id: Mapped[str | None] = mapped_column(String(64))
    system_prompt: Mapped[str | None] = mapped_column(Text)
    dataset_id: Mapped[str | None] = mapped_column(String(64))  # the current version; undo moves it
    mapping: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # remembered for the next upload
    deleted_at: Mapped[float | None]  # in the trash since then
    careful: Mapped[float | None]  # share of questions that may get a wrong known answer; None for the default
    handover_sentence: Mapped[str | None] = mapped_column(Text)  # None for the default of the language
    handover_contact: Mapped[str | None] = mapped_column(Text)


class DatasetRow(Base):
    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    parent_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[float]
    action: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    examples: Mapped[int]
    held_out: Mapped[int]
    files: Mapped[list[str]] = mapped_column(JSON)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)  # columns, mapping and problems found while reading


class RunRow(Base):
    __tablename__ = "run"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    dataset_id: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[float]
    state: Mapped[str] = mapped_column(String(16), index=True)
    position: Mapped[float] = mapped_column(index=True)  # order in the queue
    attempts: Mapped[int] = mapped_column(default=0)  # starts of a worker, for giving up on a run that keeps dying
    model_id: Mapped[str] = mapped_column(String(64))
    model_name: Mapped[str] = mapped_column(String(200))
    train_examples: Mapped[int]
    held_out_examples: Mapped[int]


class LinkRow(Base):
    __tablename__ = "link"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    questions: Mapped[list[str]] = mapped_column(JSON)
    locale: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]
    visits: Mapped[int] = mapped_column(default=0)
    answers: Mapped[int] = mapped_column(default=0)
    shows_before: Mapped[bool] = mapped_column(default=True, server_default=true())
    chosen_by: Mapped[str] = mapped_column(String(16), default="owner", server_default="owner")
    expires_at: Mapped[float | None]
    per_hour: Mapped[int | None]  # questions that are answered in an hour; None for as many as come
    hour_started_at: Mapped[float] = mapped_column(default=0.0, server_default="0")  # by the first question of it
    asked_this_hour: Mapped[int] = mapped_column(default=0, server_default="0")
    password_digest: Mapped[str | None] = mapped_column(
        String(200)
    )  # of what visitors must know; None lets everybody in
    is_blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    takes_suggestions: Mapped[bool] = mapped_column(default=False, server_default=false())


class LinkDayRow(Base):
    """Totals of a link for one day while a given run answered: no visitor and no question is stored."""

    __tablename__ = "link_day"

    token: Mapped[str] = mapped_column(ForeignKey("link.token", ondelete="CASCADE"), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)  # proleptic Gregorian ordinal, as this computer's clock has it
    visits: Mapped[int] = mapped_column(default=0)
    answers: Mapped[int] = mapped_column(default=0)
    handed_over: Mapped[int] = mapped_column(default=0)
    before: Mapped[int] = mapped_column(default=0)  # blind votes for the answer before training
    after: Mapped[int] = mapped_column(default=0)
    tie: Mapped[int] = mapped_column(default=0)
    both_bad: Mapped[int] = mapped_column(default=0)
    suggestions: Mapped[int] = mapped_column(default=0)


class SuggestedAnswerRow(Base):
    """A suggested better answer that the owner has neither accepted nor dropped yet."""

    __tablename__ = "suggested_answer"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(String(200))  # title of the link that it came by, or name of a file
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)  # that it corrects
    better: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float]


class WidgetRow(Base):
    """Chat widgets on the owner's sites; each belongs to a demo link."""

    __tablename__ = "widget"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    token: Mapped[str] = mapped_column(ForeignKey("link.token", ondelete="CASCADE"), unique=True)
    sites: Mapped[list[str]] = mapped_column(JSON)  # origins, such as https://shop.example
    colour: Mapped[str] = mapped_column(String(7))


class VoteRow(Base):
    """What a person preferred of two answers to an exam question, not knowing whose each was."""

    __tablename__ = "vote"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    against: Mapped[str] = mapped_column(String(64), primary_key=True)  # the other run; empty for the base model
    voter: Mapped[str] = mapped_column(String(60), primary_key=True)
    question_id: Mapped[str] = mapped_column(String(64), primary_key=True)  # of the question with both its answers
    choice: Mapped[str] = mapped_column(String(16))
    voted_at: Mapped[float]


class ApiKeyRow(Base):
    """Keys of the API. Of the key itself only its digest is kept: who reads the database cannot ask with it."""

    __tablename__ = "api_key"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    hint: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]
    last_used_at: Mapped[float | None]
    per_minute: Mapped[int]
    per_day: Mapped[int]
    day: Mapped[int] = mapped_column(default=0)  # days since 1970, UTC, to which `used_today` belongs
    used_today: Mapped[int] = mapped_column(default=0)
    minute_started_at: Mapped[float] = mapped_column(default=0.0, server_default="0")  # by the first question of it
    used_this_minute: Mapped[int] = mapped_column(default=0, server_default="0")


class AcceptanceRow(Base):
    """Terms of a model that the owner accepted."""

    __tablename__ = "acceptance"

    model_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    licence: Mapped[str] = mapped_column(String(200))
    accepted_at: Mapped[float]


class AddedModelRow(Base):
    """Base models that a person added: hub ids and local folders."""

    __tablename__ = "added_model"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(Text)  # `org/name` or a path
    card: Mapped[dict[str, Any]] = mapped_column(JSON)
    added_at: Mapped[float]


class Database:
    """A connection pool with short sessions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = create_engine(url, **_engine_options(url))
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
        self._session = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error.

        Raises:
            AfinaError: for what SQLAlchemy raises (``storage.database``, ``disk.full`` …).
        """
        with self._session() as session:
            try:
                yield session
                session.commit()
            except SQLAlchemyError as error:
                session.rollback()
                raise from_exception(error) from error
            except BaseException:
                session.rollback()
                raise

    def upgrade(self) -> None:
        """Brings the schema to the newest migration.

        Raises:
            AfinaError: ``storage.newer`` when a newer Afina made this database; ``storage.damaged``,
                ``disk.not_writable`` and others with the ``path`` of its file.
        """
        from alembic import command
        from alembic.config import Config
        from alembic.util.exc import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        try:
            with self.engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            raise AfinaError("storage.newer") from error
        except SQLAlchemyError as error:
            known = from_exception(error)
            known.params["path"] = self.engine.url.database or ""  # no password of a server is in it
            raise known from error

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def _engine_options(url: str) -> dict[str, Any]:
    if make_url(url).get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": 30, "check_same_thread": False}}
    return {"pool_pre_ping": True}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not wait for each other
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
