"""The table of examples: pages of it, changes by hand, and one text replaced everywhere. A million rows are fine."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from studio.data.checks.check import Finding
from studio.data.checks.report import Change
from studio.data.importing.findings import label_list
from studio.data.jsonl_codec import line_id, parsed
from studio.data.versions import editing
from studio.data.versions.editing import HeldOut, Replacement, RowEdit
from studio.data.versions.queries import Query, Sort, select, topics
from studio.data.versions.rows import Rows
from studio.data.versions.versions import Draft, Versions, version_of
from studio.domain.conversation import Conversation, row_label
from studio.domain.dataset import DatasetVersion
from studio.errors import AfinaError
from studio.storage.database import DatasetRow
from studio.storage.workspace import Workspace

if TYPE_CHECKING:
    from studio.services.examples.checks import CheckService

__all__ = ["HeldOut", "Matches", "Query", "Replacement", "RowEdit", "Sort", "TablePage", "TableRow", "TableService"]

PAGE: Final = 50
_MAX_CACHED_VERSIONS: Final = 4  # versions with what was worked out of them
_TOPICS: Final = 200


@dataclass(frozen=True)
class TableRow:
    """A row of the table."""

    place: int  # 1-based, among all examples
    conversation: Conversation  # the example
    problems: tuple[str, ...] = ()  # codes of the checks that found something in it; empty where it was not checked yet


@dataclass(frozen=True)
class TablePage:
    """Some rows of the table."""

    rows: tuple[TableRow, ...]  # of this page
    total: int  # rows that are wanted, on all pages
    page: int  # 1-based; the last one where a later one was asked for
    pages: int  # how many there are, at least 1
    version: DatasetVersion  # of the examples
    topics: tuple[str, ...] = ()  # to choose from
    several_files: bool = False  # whether a row's number needs the name of its file


@dataclass(frozen=True)
class Matches:
    """Where a text stands."""

    places: int = 0  # how often
    examples: int = 0  # in how many of them
    changes: tuple[Change, ...] = ()  # the first of these, before and after
    emptied: tuple[str, ...] = ()  # labels of the rows whose question or answer would be left empty


@dataclass
class _Known:
    lines: Rows
    topics: tuple[str, ...]
    orders: OrderedDict[tuple[Query, str], Sequence[int]] = field(default_factory=OrderedDict)


class TableService:
    """The rows of the current examples of a project. Safe to use from many threads."""

    def __init__(self, workspace: Workspace, checks: CheckService) -> None:
        self._versions = Versions(workspace)
        self._checks = checks
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def page(
        self, project_id: str, query: Query | None = None, *, problem: str = "", page: int = 1, size: int = PAGE
    ) -> TablePage:
        """One page of the table.

        Raises ``data.no_dataset``, ``disk.missing``, ``data.version_damaged``, ``checks.unknown``.
        """
        row = self._versions.require_current(project_id)
        known = self._of(row)
        places = self._places(project_id, known, query or Query(), problem)
        pages = max(1, -(-len(places) // size))
        page = min(max(1, page), pages)
        shown = places[(page - 1) * size : page * size]
        found = self._problems(project_id)
        rows = tuple(
            TableRow(place + 1, conversation, tuple(finding.code for finding in found if _has(finding, place)))
            for place, conversation in zip(shown, known.lines.at(shown), strict=True)
        )
        several = len(set(row.files)) > 1 or len(row.details.get("tables", ())) > 1
        return TablePage(rows, len(places), page, pages, version_of(row), known.topics, several)

    def apply(
        self, project_id: str, edits: Sequence[RowEdit], deleted: Sequence[str] = (), base: str = ""
    ) -> DatasetVersion:
        """Makes a version from changed, new and deleted rows; where nothing changes, none is made.

        Args:
            project_id: the project, which may have no examples yet.
            edits: changed and new rows.
            deleted: ids of rows that go.
            base: id of the version that was on the screen; the current one where empty. Changes of other rows that
                were made meanwhile stay.

        Raises:
            AfinaError: ``data.edit_incomplete`` naming the rows with a question or an answer missing,
                ``data.edit_conflict`` naming those that changed meanwhile, ``data.edit_empty`` when nothing would be
                left; nothing is changed then.
        """
        current = self._versions.current(project_id)
        lines = self._of(current).lines if current is not None else None
        made = editing.plan(lines, edits, deleted)
        if made.incomplete:
            rows = label_list(made.incomplete)
            raise AfinaError("data.edit_incomplete", n=len(made.incomplete), rows=rows)
        self._refuse_conflicts(project_id, current, base, made)
        left = (len(lines) if lines is not None else 0) - len(made.deleted) + len(made.added)
        if not left:
            raise AfinaError("data.edit_empty")
        if not made.changes_nothing:
            draft = Draft.like(current, "edit", made.counts)
            self._versions.add(project_id, editing.applied(lines, made), lambda: draft)
        return version_of(self._versions.require_current(project_id))

    def matches(self, project_id: str, replacement: Replacement, limit: int = 5) -> Matches:
        """Where a text stands, and the first examples as they would become. Raises as :meth:`page`."""
        lines = self._of(self._versions.require_current(project_id)).lines
        places, examples, changes, emptied = 0, 0, list[Change](), list[str]()
        for row, line in enumerate(lines.lines(), start=1):
            old, new, count = _replaced(line, replacement)
            if old is None or new is None:
                continue
            places += count
            examples += 1
            if len(changes) < limit:
                changes.append(Change(old, new))
            if not new.answer.strip() or (old.question and not new.question.strip()):
                emptied.append(row_label(old, row))
        return Matches(places, examples, tuple(changes), tuple(emptied))

    def replace(self, project_id: str, replacement: Replacement) -> DatasetVersion:
        """Makes a version with a text replaced everywhere; where it stands nowhere, none is made.

        Raises ``data.replace_empties``; as :meth:`page`.
        """
        current = self._versions.require_current(project_id)
        found = self.matches(project_id, replacement, limit=0)
        if found.emptied:
            raise AfinaError("data.replace_empties", n=len(found.emptied), rows=label_list(found.emptied))
        if found.places:
            lines = self._of(current).lines
            counts = {
                "n": found.places,
                "examples": found.examples,
                "find": replacement.find[:80],
                "put": replacement.put[:80],
            }
            draft = Draft.like(current, "replace", counts)
            self._versions.add(
                project_id, (_replaced(line, replacement)[1] or line for line in lines.lines()), lambda: draft
            )
        return version_of(self._versions.require_current(project_id))

    def _refuse_conflicts(self, project_id: str, current: DatasetRow | None, base: str, made: editing.Plan) -> None:
        """Refuses changes of rows that are not as they were on the screen."""
        touched = made.changed.keys() | made.deleted
        clashing = set(made.missing)
        if current is not None and base and base != current.id and touched:
            shown = self._versions.get(base)
            if shown.project_id != project_id:
                raise AfinaError("general.not_found", what=base[:80])
            clashing |= _differing(self._of(shown).lines, self._of(current).lines, touched)
        if clashing:
            rows = label_list(self._labels(current, clashing))
            raise AfinaError("data.edit_conflict", n=len(clashing), rows=rows)

    def _labels(self, current: DatasetRow | None, keys: set[str]) -> list[str]:
        """Labels of the rows with these ids; one that is gone has the number of its id."""
        lines = self._of(current).lines.lines() if current is not None else ()
        found = {key: row_label(parsed(line), n) for n, line in enumerate(lines, 1) if (key := line_id(line)) in keys}
        return [found.get(key, f"#{editing.number_of(key)}") for key in keys]

    def _of(self, row: DatasetRow) -> _Known:
        with self._lock:
            if row.id not in self._known:
                lines = self._versions.rows(row)
                self._known[row.id] = _Known(lines, tuple(topics(lines, _TOPICS)))
            self._known.move_to_end(row.id)
            while len(self._known) > _MAX_CACHED_VERSIONS:
                self._known.popitem(last=False)
            return self._known[row.id]

    def _places(self, project_id: str, known: _Known, query: Query, problem: str) -> Sequence[int]:
        key = (query, problem)
        if key not in known.orders:
            among: array[int] | None = None
            if problem:
                found = self._checks.report(project_id).findings
                rows = next((finding.rows for finding in found if finding.code == problem), None)
                among = array("q", rows.tobytes()) if rows is not None else array("q")
            known.orders[key] = select(known.lines, query, among)
            while len(known.orders) > _MAX_CACHED_VERSIONS:
                known.orders.popitem(last=False)
        return known.orders[key]

    def _problems(self, project_id: str) -> tuple[Finding, ...]:
        report = self._checks.known(project_id)
        return report.findings if report else ()


def _has(finding: Finding, place: int) -> bool:
    """Whether a check found something in the example at a place."""
    at = int(finding.rows.searchsorted(place))
    return at < finding.count and int(finding.rows[at]) == place


def _replaced(line: bytes, replacement: Replacement) -> tuple[Conversation | None, Conversation | None, int]:
    """An example before and after, and how often the text stands in it; None twice where it stands nowhere."""
    if not replacement.may_be_in(line):
        return None, None, 0
    old = parsed(line)
    new, count = replacement.within(old)
    return (old, new, count) if count else (None, None, 0)


def _differing(shown: Rows, current: Rows, keys: set[str]) -> set[str]:
    """The ids among ``keys`` of examples that are not the same in both."""

    def chosen(lines: Rows) -> dict[str, bytes]:
        return {key: line for line in lines.lines() if (key := line_id(line)) in keys}

    before, after = chosen(shown), chosen(current)
    return {key for key in keys if before.get(key) != after.get(key)}
