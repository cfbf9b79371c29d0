"""What a person does with examples: bring files, choose columns, edit, undo, see what the model sees, split."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from studio.data import split as splitting
from studio.data import store
from studio.data.limits import MIN_EXAMPLES
from studio.data.reading import InputFile, Reading, ReadResult, read_files, require
from studio.data.text import clean
from studio.domain.conversation import Conversation, Message, Role
from studio.domain.dataset import DatasetVersion, DatasetView, Mapping, Segment
from studio.domain.problem import Problem
from studio.errors import AfinaError, from_exception
from studio.settings import assets_dir
from studio.storage.database import DatasetRow, ProjectRow
from studio.storage.files import require_space
from studio.storage.workspace import Workspace, new_id

_UNSAFE = re.compile(r"[^\w.\- ]+")


@dataclass(frozen=True)
class EditedRow:
    """A row of the table as a person left it.

    Args:
        id: of the example that was edited; None for a new row.
        question: empty together with the answer deletes the row.
        answer: see above.
        held_out: whether it is kept for the test; None lets the studio decide.
    """

    id: str | None
    question: str
    answer: str
    held_out: bool | None = None


@dataclass(frozen=True)
class _Draft:
    """What a new version is made from."""

    action: str
    params: dict[str, Any]
    files: tuple[str, ...]
    uploads: list[dict[str, Any]]
    columns: Sequence[str] = ()
    mapping: Mapping = field(default_factory=Mapping)
    problems: Sequence[Problem] = ()


class DatasetService:
    """The examples of projects: every change is a new version, and every version stays.

    Args:
        workspace: where they are kept.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def max_bytes(self) -> int:
        """Size above which a file is refused."""
        return self._workspace.settings.max_upload_mb * 1_000_000

    def read_paths(self, paths: Sequence[Path], mapping: Mapping | None = None) -> ReadResult:
        """Reads files without a project. The limit of uploads does not hold: the files are on this computer already."""
        return read_files(list(paths), mapping)

    def import_files(
        self,
        project_id: str,
        paths: Sequence[Path],
        mapping: Mapping | None = None,
        append: bool = False,
        on_progress: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> DatasetView:
        """Makes a version from files; the current one stays reachable by undo.

        Args:
            project_id: the project.
            paths: one file or several, which make one dataset.
            mapping: columns as a person chose them; recognised where None.
            append: adds to the current examples instead of replacing them.
            on_progress: called now and then with the number of rows read.
            cancelled: asked now and then; True stops and leaves everything as it was.

        Raises:
            AfinaError: what kept every file from being read; ``data.no_usable_rows``, ``data.too_few_rows``,
                ``data.too_large``, ``disk.full`` …; the project is then as it was.
        """
        project = self._project(project_id)
        for path in paths:
            self._check_size(path)
        uploads = [self._keep(project_id, path) for path in paths]
        remembered = mapping or (Mapping.model_validate(project.mapping) if project.mapping else None)
        return self._import(project_id, uploads, remembered, "import", append, on_progress, cancelled)

    def use_sample(self, project_id: str, locale: str) -> DatasetView:
        """Makes a version of the bundled sample, with its held-out questions.

        Raises:
            AfinaError: ``data.no_sample`` for a language without one.
        """
        self._project(project_id)
        folder = assets_dir() / "samples"
        parts = ((folder / f"{locale}.train.csv", False), (folder / f"{locale}.heldout.csv", True))
        if not re.fullmatch(r"[a-z]{2}", locale) or not all(path.is_file() for path, _ in parts):
            raise AfinaError("data.no_sample", locale=locale[:8])
        uploads = [self._keep(project_id, path, held_out) for path, held_out in parts]
        return self._import(project_id, uploads, None, "sample", False)

    def set_mapping(self, project_id: str, mapping: Mapping) -> DatasetView:
        """Reads the files of the current version again with other columns. Later edits stay in the earlier version.

        Raises:
            AfinaError: ``data.mapping_incomplete``, ``data.column_missing``, ``data.no_dataset``, or as
                :meth:`import_files`.
        """
        if not mapping.is_complete:
            raise AfinaError("data.mapping_incomplete")
        row = self._current_row(project_id)
        columns = set(row.details.get("columns", []))
        missing = [name for name in (*mapping.question, *mapping.answer) if name not in columns]
        if missing:
            raise AfinaError("data.column_missing", column=missing[0])
        view = self._import(project_id, list(row.details.get("uploads", [])), mapping, "mapping", False)
        with self._workspace.database.session() as session:
            project = session.get_one(ProjectRow, project_id)
            project.mapping = mapping.model_dump(mode="json")
        return view

    def edit(self, project_id: str, rows: Sequence[EditedRow]) -> DatasetView:
        """Makes a version in which the table is exactly ``rows``, in their order; rows left out are deleted.

        Raises:
            AfinaError: ``data.edit_incomplete`` naming the rows with a question or an answer missing,
                ``data.edit_empty`` when nothing would be left, ``data.no_dataset``; nothing is changed then.
        """
        current = self._current_row_or_none(project_id)
        before = {c.id: c for c in self._read(current)} if current is not None else {}
        cleaned = [
            EditedRow(row.id, clean(row.question or "")[0], clean(row.answer or "")[0], row.held_out) for row in rows
        ]
        incomplete = [n for n, row in enumerate(cleaned, start=1) if bool(row.question) != bool(row.answer)]
        if incomplete:
            raise AfinaError("data.edit_incomplete", n=len(incomplete), rows=", ".join(map(str, incomplete[:20])))
        kept = [row for row in cleaned if row.question]
        if not kept:
            raise AfinaError("data.edit_empty")
        after = list(_edited(before, kept))
        if list(before.values()) == after:
            return self._view(project_id)
        ids = {c.id for c in after}
        params = {
            "added": len(ids - before.keys()),
            "removed": len(before.keys() - ids),
            "changed": sum(1 for c in after if c.id in before and before[c.id] != c),
        }
        details = current.details if current is not None else {}
        draft = _Draft(
            "edit",
            params,
            tuple(current.files) if current is not None else (),
            list(details.get("uploads", [])),
            details.get("columns", ()),
            Mapping.model_validate(details.get("mapping", {})),
        )
        self._store(project_id, after, lambda: draft)
        return self._view(project_id)

    def undo(self, project_id: str) -> DatasetView:
        """Goes back to the version before. Raises ``data.nothing_to_undo``."""
        row = self._current_row(project_id)
        if row.parent_id is None:
            raise AfinaError("data.nothing_to_undo")
        self._point(project_id, row.parent_id)
        return self._view(project_id)

    def redo(self, project_id: str) -> DatasetView:
        """Goes forward again to the newest version made from this one. Raises ``data.nothing_to_redo``."""
        row = self._current_row(project_id)
        child = self._newest_child(row.id)
        if child is None:
            raise AfinaError("data.nothing_to_redo")
        self._point(project_id, child)
        return self._view(project_id)

    def versions(self, project_id: str) -> list[DatasetVersion]:
        """Every version, the newest first."""
        with self._workspace.database.session() as session:
            query = select(DatasetRow).where(DatasetRow.project_id == project_id).order_by(DatasetRow.number.desc())
            return [_version(row) for row in session.scalars(query)]

    def restore(self, project_id: str, version_id: str) -> DatasetView:
        """Makes a new version with the content of an old one. Raises ``general.not_found``."""
        old = self._row(version_id)
        if old.project_id != project_id:
            raise AfinaError("general.not_found", what=version_id)
        details = old.details
        draft = _Draft(
            "restore",
            {"number": old.number},
            tuple(old.files),
            list(details.get("uploads", [])),
            details.get("columns", ()),
            Mapping.model_validate(details.get("mapping", {})),
            [Problem.model_validate(problem) for problem in details.get("problems", [])],
        )
        self._store(project_id, self._read(old), lambda: draft)
        return self._view(project_id)

    def current(self, project_id: str) -> DatasetView | None:
        """The current version; None before the first import."""
        return self._view(project_id) if self._current_row_or_none(project_id) is not None else None

    def load(self, version_id: str) -> list[Conversation]:
        """The examples of a version. Raises ``general.not_found``."""
        return list(self._read(self._row(version_id)))

    def preview(self, project_id: str, conversation_id: str, model_id: str) -> tuple[Segment, ...]:
        """What the model sees of an example and which part it learns, from the function that makes the batches.

        Raises:
            AfinaError: ``general.not_found`` for an unknown example; ``model.not_installed``.
        """
        from studio.models.chat_template import ChatTemplate

        row = self._current_row(project_id)
        found = next((c for c in self._read(row) if c.id == conversation_id), None)
        if found is None:
            raise AfinaError("general.not_found", what=conversation_id[:80])
        project = self._project(project_id)
        return ChatTemplate.load(self._workspace.model(model_id)).segments(with_system(found, project.system_prompt))

    def split(self, project_id: str, seed: int) -> tuple[list[Conversation], list[Conversation]]:
        """Training and held-out examples of the current version; see :func:`studio.data.split.plan`."""
        return splitting.split(list(self._read(self._current_row(project_id))), seed)

    def split_plan(self, project_id: str, seed: int) -> splitting.Split:
        """Like :meth:`split`, and says what the test can show."""
        return splitting.plan(list(self._read(self._current_row(project_id))), seed)

    # Inside -----------------------------------------------------------------------------------------------------

    def _import(
        self,
        project_id: str,
        uploads: list[dict[str, Any]],
        mapping: Mapping | None,
        action: str,
        append: bool,
        on_progress: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> DatasetView:
        folder = self._uploads(project_id)
        files = [InputFile(folder / u["stored"], u["name"], u.get("held_out")) for u in uploads]
        reading = Reading(files, mapping, on_progress=on_progress, cancelled=cancelled)
        current = self._current_row_or_none(project_id) if append else None
        before = list(self._read(current)) if current is not None else []
        earlier = list(current.details.get("uploads", [])) if current is not None else []

        def conversations() -> Iterator[Conversation]:
            yield from before
            yield from _numbered(reading.conversations(), _next_number(before))

        def draft() -> _Draft:
            names = (*(current.files if current is not None else ()), *(u["name"] for u in uploads))
            return _Draft(
                action,
                {"n": len(uploads), "files": ", ".join(u["name"] for u in uploads)[:300]},
                tuple(names),
                [*earlier, *uploads],
                reading.columns,
                reading.mapping,
                reading.findings.problems(),
            )

        self._store(project_id, conversations(), draft, minimum=MIN_EXAMPLES)
        return self._view(project_id)

    def _store(
        self,
        project_id: str,
        conversations: Iterable[Conversation],
        draft: Callable[[], _Draft],
        minimum: int = 1,
    ) -> None:
        """Writes a version and makes it the current one. ``draft`` is asked for once all is read."""
        version_id = new_id("data")
        path = self._path(project_id, version_id)
        written = store.write(path, conversations)
        made = draft()
        try:
            require(written.examples, made.problems, minimum)
            details = {
                "columns": list(made.columns),
                "mapping": made.mapping.model_dump(mode="json"),
                "problems": [problem.model_dump(mode="json") for problem in made.problems],
                "uploads": made.uploads,
            }
            with self._workspace.database.session() as session:
                project = session.get_one(ProjectRow, project_id)
                number = session.scalar(
                    select(func.coalesce(func.max(DatasetRow.number), 0)).where(DatasetRow.project_id == project_id)
                )
                session.add(
                    DatasetRow(
                        id=version_id,
                        project_id=project_id,
                        number=(number or 0) + 1,
                        parent_id=project.dataset_id,
                        created_at=time.time(),
                        action=made.action,
                        params=made.params,
                        examples=written.examples,
                        held_out=written.held_out,
                        files=list(made.files),
                        details=details,
                    )
                )
                project.dataset_id = version_id
                project.updated_at = time.time()
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _view(self, project_id: str) -> DatasetView:
        row = self._current_row(project_id)
        return DatasetView(
            version=_version(row),
            conversations=tuple(self._read(row)),
            columns=tuple(row.details.get("columns", [])),
            mapping=Mapping.model_validate(row.details.get("mapping", {})),
            problems=tuple(Problem.model_validate(problem) for problem in row.details.get("problems", [])),
            can_undo=row.parent_id is not None,
            can_redo=self._newest_child(row.id) is not None,
        )

    def _check_size(self, path: Path) -> None:
        try:
            size = path.stat().st_size
        except OSError as error:
            raise from_exception(error) from error
        if size > self.max_bytes:
            raise AfinaError(
                "data.too_large", file=path.name, size_mb=round(size / 1e6), limit_mb=round(self.max_bytes / 1e6)
            )
        if size == 0:
            raise AfinaError("data.empty_file", file=path.name)

    def _keep(self, project_id: str, path: Path, held_out: bool | None = None) -> dict[str, Any]:
        """Copies an upload into the project under its hash, once."""
        folder = self._uploads(project_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            require_space(folder, path.stat().st_size * 2)  # the upload, and the version made of it
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
            stored = f"{digest}-{_UNSAFE.sub('_', path.name)[-100:]}"
            if not (folder / stored).exists():
                partial = folder / f".{stored}.part"
                shutil.copyfile(path, partial)
                partial.replace(folder / stored)
        except OSError as error:
            raise from_exception(error) from error
        return {"name": path.name, "stored": stored, "held_out": held_out}

    def _uploads(self, project_id: str) -> Path:
        return self._workspace.project(project_id) / "uploads"

    def _path(self, project_id: str, version_id: str) -> Path:
        return self._workspace.project(project_id) / "datasets" / f"{version_id}.jsonl"

    def _read(self, row: DatasetRow) -> Iterator[Conversation]:
        return store.read(self._path(row.project_id, row.id))

    def _project(self, project_id: str) -> ProjectRow:
        with self._workspace.database.session() as session:
            row = session.get(ProjectRow, project_id)
        if row is None:
            raise AfinaError("general.not_found", what=project_id[:80])
        return row

    def _row(self, version_id: str) -> DatasetRow:
        with self._workspace.database.session() as session:
            row = session.get(DatasetRow, version_id)
        if row is None:
            raise AfinaError("general.not_found", what=version_id[:80])
        return row

    def _current_row_or_none(self, project_id: str) -> DatasetRow | None:
        version_id = self._project(project_id).dataset_id
        return self._row(version_id) if version_id else None

    def _current_row(self, project_id: str) -> DatasetRow:
        row = self._current_row_or_none(project_id)
        if row is None:
            raise AfinaError("data.no_dataset")
        return row

    def _newest_child(self, version_id: str) -> str | None:
        with self._workspace.database.session() as session:
            query = select(DatasetRow.id).where(DatasetRow.parent_id == version_id).order_by(DatasetRow.number.desc())
            return session.scalars(query.limit(1)).first()

    def _point(self, project_id: str, version_id: str) -> None:
        with self._workspace.database.session() as session:
            project = session.get_one(ProjectRow, project_id)
            project.dataset_id = version_id
            project.updated_at = time.time()


def with_system(conversation: Conversation, system_prompt: str | None) -> Conversation:
    """The conversation with the project's system prompt before it, where it has none of its own."""
    if not system_prompt or any(message.role is Role.SYSTEM for message in conversation.messages):
        return conversation
    system = Message(role=Role.SYSTEM, content=system_prompt)
    return conversation.model_copy(update={"messages": (system, *conversation.messages)})


def _version(row: DatasetRow) -> DatasetVersion:
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
    )


def _numbered(conversations: Iterable[Conversation], first: int) -> Iterator[Conversation]:
    for number, conversation in enumerate(conversations, start=first):
        yield conversation.model_copy(update={"id": f"e{number}"})


def _next_number(conversations: Iterable[Conversation]) -> int:
    return max((int(c.id[1:]) for c in conversations if c.id[1:].isdigit()), default=0) + 1


def _edited(before: dict[str, Conversation], rows: Sequence[EditedRow]) -> Iterator[Conversation]:
    number = _next_number(before.values())
    used: set[str] = set()
    for row in rows:
        old = before.get(row.id) if row.id and row.id not in used else None
        if old is None:
            yield Conversation.pair(row.question, row.answer, id=f"e{number}", held_out=row.held_out)
            number += 1
            continue
        used.add(old.id)
        yield _changed(old, row)


def _changed(old: Conversation, row: EditedRow) -> Conversation:
    """The conversation with its last question and last answer replaced; its other turns stay."""
    messages = list(old.messages)
    if row.answer != old.answer:
        at = max(i for i, message in enumerate(messages) if message.role is Role.ASSISTANT)
        messages[at] = messages[at].model_copy(update={"content": row.answer})
    if row.question != old.question:
        at = max(i for i, message in enumerate(messages[:-1]) if message.role is Role.USER)
        messages[at] = messages[at].model_copy(update={"content": row.question})
    return old.model_copy(update={"messages": tuple(messages), "held_out": row.held_out})
