"""Files to conversations: what was read, how it was mapped, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import Any, Final

from studio.data.importing import message_logs, readers, record_layouts
from studio.data.importing.column_mapping import Guess, unfit
from studio.data.importing.findings import Findings
from studio.data.importing.readers import archive
from studio.data.importing.record_layouts import Kind
from studio.data.importing.result import InputFile, ReadResult
from studio.data.importing.row_conversion import choose, conversation_of, used_columns, with_lists
from studio.data.importing.table import ReadCounter, Record, SourceFile, Table
from studio.data.importing.table_notes import note_doubts, note_layout
from studio.data.limits import MAX_CELL, SAMPLE_ROWS
from studio.data.opinions import is_opinion_file
from studio.domain.conversation import Conversation
from studio.domain.dataset import Mapping, TableRead
from studio.domain.problem import Severity
from studio.errors import AfinaError, Stopped, from_exception

_MEGABYTE: Final = 1_000_000
_SAMPLE_SHOWN: Final = 10  # rows
_SAMPLE_COLUMNS: Final = 100
_COLUMNS_NAMED: Final = 20
_WITH_TITLES: Final = ("delimited", "sheets", "word", "web_pages")  # readers of tables with titles above columns
_SAMPLE_CELL: Final = 500  # characters


@dataclass(frozen=True)
class ReadMonitor:
    """Follows the reading of files; by default nobody does."""

    on_rows: Callable[[int], None] = lambda _: None  # called now and then with the number of rows read
    # called now and then with the share of the files' bytes that was read, 0 to 1
    on_share: Callable[[float], None] = lambda _: None
    on_file: Callable[[str], None] = lambda _: None  # called with the name of each file before it is opened
    cancelled: Callable[[], bool] = lambda: False  # asked now and then; True stops with :class:`Stopped`


class Reading:
    """One pass over files. Iterate :meth:`conversations` to its end, then ask for the rest.

    Args:
        files: what to read, in order.
        mapping: columns as a person chose them; used for every table that has them, others are guessed.
        max_bytes: size above which a file is refused before it is opened.
        monitor: follows the reading.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        mapping: Mapping | None = None,
        *,
        max_bytes: int | None = None,
        monitor: ReadMonitor | None = None,
    ) -> None:
        self._files = files
        self._wanted = mapping
        self._max_bytes = max_bytes
        self._monitor = monitor or ReadMonitor()
        self._rows = 0
        self._done = 0  # bytes of the files that were read to their end
        self._meter = ReadCounter()
        self._ids: Iterator[str] = repeat("")
        self.findings = Findings()
        self.columns: list[str] = []
        self.mapping = Mapping()
        self.sample: list[dict[str, str]] = []
        self.files: list[TableRead] = []

    def conversations(self, first_id: int | None = None) -> Iterator[Conversation]:
        """Yields the examples of all files. A file that cannot be read becomes a problem; the others go on.

        Args:
            first_id: they are named ``e<first_id>`` and so on; not at all where None.
        """
        self._ids = map("e{}".format, count(first_id)) if first_id is not None else repeat("")
        for file in self._files:
            self._meter = ReadCounter()
            self._monitor.on_file(file.name)
            try:
                yield from self._file(file)
                self._done += _weight(file)
            except Stopped:
                raise
            except AfinaError as error:
                self.findings.file(error.code, file.name, **{k: v for k, v in error.params.items() if k != "file"})
            except OSError as error:
                known = from_exception(error)
                code = "data.unreadable" if known.code == "general.unexpected" else known.code
                params = {"kind": type(error).__name__, **known.params}
                self.findings.file(code, file.name, **{k: v for k, v in params.items() if k != "file"})
            except MemoryError:
                self.findings.file("data.too_much_memory", file.name)
            except Exception as error:  # a reader that fails must cost its own file only
                self.findings.file("data.unreadable", file.name, kind=type(error).__name__)

    def _file(self, file: InputFile) -> Iterator[Conversation]:
        if is_opinion_file(file.path):
            raise AfinaError("data.opinions", file=file.name)
        if self._max_bytes is not None and (size := file.path.stat().st_size) > self._max_bytes:
            raise AfinaError(
                "data.too_large",
                file=file.name,
                size_mb=round(size / _MEGABYTE),
                limit_mb=round(self._max_bytes / _MEGABYTE),
            )
        source = SourceFile(file.path, file.name, self.findings, meter=self._meter)
        reader = archive.FOLDER if file.path.is_dir() else readers.choose(source)
        before = len(self.findings.problems())
        names: list[str] = []
        chosen = left_out = 0
        wanted = self._wanted.sheets if self._wanted is not None else ()
        for table in reader.read(source):
            if wanted and table.sheet is not None and table.sheet not in wanted:
                left_out += 1
                names.append(table.sheet)
                self.files.append(_table_read(table, reader.name, chosen=False))
                continue
            chosen += 1
            yield from self._table(table, reader.name, file.held_out)
        if not chosen and left_out:
            self.files = self.files[:-left_out]
            self.findings.file(
                "data.no_sheet", file.name, Severity.WARNING, sheet=", ".join(wanted), known=", ".join(names)
            )
            for table in reader.read(source):
                yield from self._table(table, reader.name, file.held_out)
        elif not chosen and len(self.findings.problems()) == before:
            raise AfinaError("data.empty_file", file=file.name)

    def _table(
        self, table: Table, reader: str, held_out: bool | None, speakers: Counter[str] | None = None
    ) -> Iterator[Conversation]:
        first = list(islice(table.rows, SAMPLE_ROWS))
        if not first:
            self.findings.file("data.no_rows", table.label)
            return
        table, first = with_lists(table, first)
        values = [row.values for row in first]
        if (log := message_logs.log_of(table.columns, values)) is not None:
            yield from self._log(table, log, first, reader, held_out)
            return
        how = record_layouts.layout(table.columns, values)
        if how.kind in (Kind.COLUMNS, Kind.PREFERENCE):
            self.columns += [column for column in table.columns if column not in self.columns]
            self.sample += [_shown(row) for row in values[: _SAMPLE_SHOWN - len(self.sample)]]
        found = choose(table, values, how, self._wanted)
        if how.kind is Kind.COLUMNS and not found.mapping.is_complete:
            kinds = dict(islice(unfit(table.columns, values).items(), _COLUMNS_NAMED))
            code = "data.columns_unknown" if reader in _WITH_TITLES else "data.fields_unknown"
            code = "data.no_questions_in_text" if reader == "documents" else code
            self.findings.file(code, table.label, columns=", ".join(table.columns)[:300], kinds=kinds)
            self.files.append(_table_read(table, reader))
            return
        note_layout(self.findings, table, how, found, values)
        self._remember(how, found)
        if how.kind is Kind.COLUMNS:
            note_doubts(self.findings, table, values, found.mapping)
        examples = 0
        flag = held_out if held_out is not None else table.held_out
        for example in self._converted(table, first, how, found.mapping, flag):
            examples += 1
            yield example
        whole = how.kind not in (Kind.COLUMNS, Kind.PREFERENCE)
        spoken = tuple((speakers or Counter()).most_common())
        fields = {"mapping": found.mapping, "examples": examples, "turns": whole, "speakers": spoken}
        self.files.append(_table_read(table, reader, **fields))

    def _converted(
        self, table: Table, first: list[Record], how: record_layouts.Layout, mapping: Mapping, held_out: bool | None
    ) -> Iterator[Conversation]:
        """What the rows of a table become."""
        used = used_columns(mapping, how)
        for row in chain(first, table.rows):
            self._tick()
            records, others = (
                record_layouts.wordings(row.values, mapping) if how.kind is Kind.COLUMNS else ([row.values], 0)
            )
            if others:
                self.findings.row("data.other_answers", table.label, row.number, Severity.WARNING, amount=others)
            for values in records:
                converted = record_layouts.convert(values, how, mapping)
                if converted.problem:
                    self._note(converted.problem, table, row.number)
                    continue
                if converted.note:
                    self._note(converted.note, table, row.number, Severity.NOTE)
                for code, amount in converted.left_out:
                    self.findings.row(code, table.label, row.number, Severity.NOTE, amount=amount)
                record = Record(row.number, values)
                yield conversation_of(record, table, converted.messages, mapping, used, held_out, next(self._ids))

    def _log(
        self, table: Table, log: message_logs.Log, first: list[Record], reader: str, held_out: bool | None
    ) -> Iterator[Conversation]:
        """The conversations of a log of messages."""
        messages = []
        heard: Counter[str] = Counter()
        for row in chain(first, table.rows):
            self._tick()
            messages.append(row)
            if name := record_layouts.shown(row.values.get(log.sender)).strip():
                heard[name] += 1
        wanted = self._wanted.company if self._wanted is not None else None
        # A name that was chosen for another chat is no speaker of this one.
        company = wanted if wanted in heard else message_logs.company_of(log, [row.values for row in first])
        if company is not None:
            self.mapping = self.mapping.model_copy(update={"company": company})
            others = ", ".join(name for name, _ in heard.most_common() if name != company)[:200]
            self.findings.file("data.company", table.label, Severity.NOTE, company=company, others=others)
        rest = tuple(name for name in table.columns if name not in log.columns)
        grouped = message_logs.conversations(messages, log, company, self.findings, table.label)
        whole = replace(table, columns=("messages", *rest), rows=grouped)
        yield from self._table(whole, reader, held_out, heard)

    def _remember(self, how: record_layouts.Layout, found: Guess) -> None:
        """Keeps the mapping of the first table that has one."""
        if how.kind in (Kind.COLUMNS, Kind.PREFERENCE) and not self.mapping.is_complete:
            sheets = self._wanted.sheets if self._wanted is not None else ()
            self.mapping = found.mapping.model_copy(update={"company": self.mapping.company, "sheets": sheets})

    def _note(self, code: str, table: Table, row: int, severity: Severity = Severity.WARNING) -> None:
        params = {"limit": MAX_CELL} if code == "data.cell_too_long" else {}
        self.findings.row(code, table.label, row, severity, **params)

    def _tick(self) -> None:
        self._rows += 1
        if self._rows % 1_000 == 0:
            self._monitor.on_rows(self._rows)
            self._monitor.on_share(
                min(1.0, (self._done + self._meter.letters) / max(1, sum(map(_weight, self._files))))
            )
            if self._monitor.cancelled():
                raise Stopped


def read_files(
    paths: Sequence[Path | InputFile],
    mapping: Mapping | None = None,
    *,
    max_bytes: int | None = None,
) -> ReadResult:
    """Reads files into conversations; nothing is raised for what a file holds, see ``ReadResult.problems``.

    Args: as of :class:`Reading`; a path is read under its own name.
    """
    files = [path if isinstance(path, InputFile) else InputFile.of(path) for path in paths]
    reading = Reading(files, mapping, max_bytes=max_bytes)
    conversations = tuple(reading.conversations())
    return ReadResult(
        conversations,
        tuple(reading.columns),
        reading.mapping,
        reading.findings.problems(),
        tuple(reading.sample),
        tuple(reading.files),
    )


def _weight(file: InputFile) -> int:
    """Bytes of a file for the share that is read; a folder, and what cannot be looked at, has none."""
    try:
        return file.path.stat().st_size
    except OSError:
        return 0


def _shown(row: dict[str, Any]) -> dict[str, str]:
    return {name: record_layouts.shown(value)[:_SAMPLE_CELL] for name, value in islice(row.items(), _SAMPLE_COLUMNS)}


def _table_read(table: Table, reader: str, **fields: Any) -> TableRead:
    return TableRead(
        file=table.file, reader=reader, sheet=table.sheet, detail=table.detail, columns=table.columns, **fields
    )
