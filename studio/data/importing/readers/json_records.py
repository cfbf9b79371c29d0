"""JSON and JSON lines: lists of records in the many wrappings that tools give them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

from studio.data.importing import exports
from studio.data.importing.cells import table_of_cells
from studio.data.importing.chat_formats import turns_column
from studio.data.importing.column_mapping import guess
from studio.data.importing.column_names import held_out_value
from studio.data.importing.exports import export_of
from studio.data.importing.message_logs import log_of
from studio.data.importing.readers.json_envelopes import (
    has_pair,
    inside_categories,
    inside_wrappers,
    is_text_by_question,
    single_part,
    texts_by_topic,
)
from studio.data.importing.table import Reader, Record, SourceFile, Table
from studio.data.limits import MAX_COLUMNS, SAMPLE_ROWS
from studio.data.text import lines, read_text
from studio.domain.problem import Severity
from studio.errors import AfinaError

_CHAT_KEYS: Final = ("messages", "conversations", "conversation", "turns", "dialog", "dialogue")

_REPLY: Final = frozenset(("error", "errors", "message", "detail", "status", "code", "documentation_url", "success"))


def _sniff(source: SourceFile) -> float:
    start = source.start.lstrip()
    if not start.startswith(("{", "[")):
        return 0.2 if source.suffix in ("json", "jsonl", "ndjson") and start else 0.0
    return 0.95 if start[1:].lstrip()[:1] in ('"', "{", "[", "}", "]") else 0.5


def _read(source: SourceFile) -> Iterator[Table]:
    if _is_lines(source):
        rows = _lines(source)
        first = [value for line in source.start.splitlines()[:2] if (value := _loads(line)) is not None]
        if (export := export_of(first)) is not None:
            values = [row.values for row in rows]
            yield from exports.tables(export, source, values, f"{source.encoding}, JSON lines")
            return
        yield from _table(source, rows, f"{source.encoding}, JSON lines")
        return
    text = read_text(source.path, source.encoding).lstrip("\ufeff")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise AfinaError("data.json_too_deep", file=source.name) from error
    except json.JSONDecodeError as error:
        raise AfinaError("data.broken_json", file=source.name, row=error.lineno, column=error.colno) from error
    except ValueError as error:
        raise AfinaError("data.broken_json", file=source.name, row=1, column=1) from error
    del text
    yield from tables_of(source, value, f"{source.encoding}, JSON")


def _is_lines(source: SourceFile) -> bool:
    """Whether the first two lines with text are whole JSON values; a single line counts by the file's name."""
    full = [line for line in source.start.splitlines() if line.strip()][:2]
    values = [_loads(line) for line in full]
    if not values or not isinstance(values[0], dict | list):
        return False
    if len(values) == 1:
        return source.suffix in ("jsonl", "ndjson")
    return isinstance(values[1], dict | list) or source.suffix in ("jsonl", "ndjson")


def _loads(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _lines(source: SourceFile) -> Iterator[Record]:
    for number, line in enumerate(lines(source.path, source.encoding), start=1):
        text = line.strip().lstrip("\ufeff").rstrip(",")
        if not text or text in "[]":
            continue
        value = _loads(text)
        if isinstance(value, dict | list):
            yield Record(number, _record(value))
        else:
            source.findings.row("data.broken_line", source.name, number, Severity.WARNING)


def _record(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(key).replace("\ufeff", "").strip(): item for key, item in value.items()}
    return {"messages": value}


def tables_of(source: SourceFile, value: Any, detail: str) -> Iterator[Table]:
    """The tables of a value, in the shapes that programs and people give it.

    Raises ``data.json_shape``, ``data.not_readable.<kind>`` …
    """
    if (export := export_of(value)) is not None:
        yield from exports.tables(export, source, value, detail)
    elif isinstance(value, dict):
        yield from _tables_of_object(source, value, detail)
    elif (
        isinstance(value, list)
        and value
        and all(isinstance(row, list) and not any(isinstance(c, dict | list) for c in row) for row in value[:20])
    ):
        cells = (
            (n, ["" if c is None else str(c) for c in row]) for n, row in enumerate(value, 1) if isinstance(row, list)
        )
        table = table_of_cells(source.name, cells, source.findings, detail=detail)
        if table is not None:
            yield table
    elif isinstance(value, list):
        if value and all(_is_turn(item) for item in value):
            yield from _table(source, iter([Record(1, {"messages": value})]), detail)
        elif (inner := inside_categories(value) or inside_wrappers(value)) is not None:
            yield from _table(source, _items(source, inner), detail)
        else:
            yield from _table(source, _items(source, value), detail)
    else:
        raise AfinaError("data.json_shape", file=source.name, parts=type(value).__name__)


def _tables_of_object(source: SourceFile, value: dict[str, Any], detail: str) -> Iterator[Table]:
    if value and set(value) <= _REPLY:
        raise AfinaError("data.not_readable.server_reply", file=source.name, said=str(next(iter(value.values())))[:100])
    if "nbformat" in value and "cells" in value:
        raise AfinaError("data.not_readable.notebook", file=source.name)
    lists = {str(k): v for k, v in value.items() if isinstance(v, list) and v}
    records = {k: v for k, v in lists.items() if all(isinstance(item, dict) for item in v[:20])}
    chat = [k for k in records if k.lower() in _CHAT_KEYS]
    if not lists and is_text_by_question(value):  # {"Question?": "Answer", …}
        yield from _table(source, _items(source, [{"question": k, "answer": v} for k, v in value.items()]), detail)
    elif (by_topic := texts_by_topic(value)) is not None:
        yield from _table(source, _items(source, by_topic), detail)
    elif chat or (not records and not lists and has_pair(value)):
        yield from _table(source, iter([Record(1, _record(value))]), detail)
    elif records:  # {"data": […]}, {"train": […], "test": […]}
        records = _with_examples(source, records)
        for name, items in records.items():
            items = inside_categories(items) or inside_wrappers(items) or items
            flag = held_out_value(name) if len(records) > 1 else None
            yield from _table(
                source, _items(source, items), detail, sheet=name if len(records) > 1 else None, held_out=flag
            )
    elif len(lists) == 1 and all(isinstance(item, list) for item in next(iter(lists.values()))[:20]):
        yield from tables_of(source, next(iter(lists.values())), detail)  # {"data": [[…], […]]}
    elif len(lists) >= 2 and len({len(items) for items in lists.values()}) == 1:  # {"question": […], "answer": […]}
        rows = (
            Record(n, dict(zip(lists, row, strict=True))) for n, row in enumerate(zip(*lists.values(), strict=True), 1)
        )
        yield from _table(source, rows, detail)
    elif (part := single_part(value)) is not None and (
        isinstance(part, dict) or any(isinstance(item, dict | list) for item in part[:20])
    ):
        yield from tables_of(source, part, detail)
    elif value and all(isinstance(v, dict) for v in value.values()):  # {"id-1": {…}, "id-2": {…}}
        yield from _table(source, _items(source, list(value.values())), detail)
    else:
        raise AfinaError("data.json_shape", file=source.name, parts=", ".join(map(str, value))[:200] or "{}")


def _with_examples(source: SourceFile, records: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The lists of an object that hold examples: beside questions with answers, ``[{"rel": …, "href": …}]`` holds none."""
    speaking = {name: items for name, items in records.items() if _speaks(items[:SAMPLE_ROWS])}
    for name, items in records.items() if speaking else ():
        if name not in speaking:
            columns = ", ".join(items[0])[:300]
            label = f"{source.name} › {name}"
            source.findings.file("data.fields_unknown", label, Severity.WARNING, columns=columns, kinds={})
    return speaking or records


def _speaks(items: list[Any]) -> bool:
    """Whether the fields of records say that somebody asks and is answered."""
    records = [item for item in items if isinstance(item, dict)]
    columns = list(dict.fromkeys(key for record in records for key in record))
    return (
        guess(columns, records).by_header
        or turns_column(columns, records) is not None
        or log_of(columns, records) is not None
        or inside_categories(items) is not None
        or inside_wrappers(items) is not None
    )


def _is_turn(item: Any) -> bool:
    return isinstance(item, dict) and bool({"role", "from"} & item.keys()) and bool({"content", "value"} & item.keys())


def _items(source: SourceFile, items: list[Any]) -> Iterator[Record]:
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict | list):
            yield Record(number, _record(item))
        else:
            source.findings.row("data.not_a_record", source.name, number, Severity.WARNING)


def _table(
    source: SourceFile, rows: Iterator[Record], detail: str, *, sheet: str | None = None, held_out: bool | None = None
) -> Iterator[Table]:
    first = list(islice(rows, SAMPLE_ROWS))
    columns = tuple(dict.fromkeys(key for row in first for key in row.values))
    if len(columns) > MAX_COLUMNS:
        raise AfinaError("data.too_many_columns", file=source.name, n=len(columns), limit=MAX_COLUMNS)
    if first:
        yield Table(source.name, columns, chain(first, rows), sheet=sheet, held_out=held_out, detail=detail)


READER: Final = Reader("json", ("json", "jsonl", "ndjson"), _sniff, _read)
