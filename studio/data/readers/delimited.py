"""CSV, TSV and their relatives: text with one record a line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from studio.data.cells import Cells, table_of_cells
from studio.data.headers import header_role
from studio.data.limits import MAX_CELL
from studio.data.table import Peek, Reader, Table
from studio.data.text import lines
from studio.domain.dataset import ColumnRole
from studio.domain.problem import Severity

_SEPARATORS: Final = (",", ";", "\t", "|")
_OPEN_QUOTE_LINES: Final = 500  # a cell of more lines is a quotation mark that nobody closed
_FIELD_LIMIT: Final = 200_000_000


def _sniff(peek: Peek) -> float:
    separator, share = find_separator(peek.start)
    by_name = peek.suffix in ("csv", "tsv", "tab")
    if separator is None:
        return 0.3 if by_name else 0.0
    return min(0.9, 0.4 * share + (0.4 if by_name and share > 0.5 else 0.1))


def _read(peek: Peek) -> Iterator[Table]:
    separator = find_separator(peek.start)[0] or ","
    cells = _cells(peek, separator)
    shown = {"\t": "tab"}.get(separator, separator)
    table = table_of_cells(
        peek.name,
        cells,
        peek.findings,
        joiner=separator + " " if separator in ",;" else separator,
        detail=f"{peek.encoding}, {shown}",
    )
    if table is not None:
        yield table


def find_separator(start: str) -> tuple[str | None, float]:
    """The separator of a text, and the share of its first lines that have the usual number of columns."""
    if start[:4].lower() == "sep=" and len(start) > 4:  # Excel's own hint
        return start[4], 1.0
    best: tuple[float, str | None, float] = (0.0, None, 0.0)
    for separator in _SEPARATORS:
        try:
            rows = [row for row in islice(csv.reader(start.splitlines(keepends=True), delimiter=separator), 60) if row]
        except csv.Error:
            continue
        if len(rows) > 1 and len(start) > 60_000:
            rows = rows[:-1]
        widths = Counter(len(row) for row in rows)
        wide = Counter({width: count for width, count in widths.items() if width > 1})
        if not wide:
            continue
        share = wide.most_common(1)[0][1] / len(rows)
        named = {header_role(cell)[0] for cell in rows[0]} & {ColumnRole.QUESTION, ColumnRole.ANSWER}
        score = share + len(named)
        if score > best[0]:
            best = (score, separator, share)
    return best[1], best[2]


def _cells(peek: Peek, separator: str) -> Iterator[Cells]:
    """Records with the line at which each begins. A quotation mark that is never closed costs its own line only."""
    csv.field_size_limit(_FIELD_LIMIT)
    source = _numbered(peek)
    pending: list[tuple[int, str]] = []
    while True:
        buffer: list[tuple[int, str]] = []

        def feed(kept: list[tuple[int, str]] = buffer) -> Iterator[str]:
            while pending:
                kept.append(pending.pop(0))
                yield kept[-1][1]
            for numbered in source:
                kept.append(numbered)
                yield numbered[1]
                if len(kept) > _OPEN_QUOTE_LINES:
                    return

        reader = csv.reader(feed(), delimiter=separator)
        again = False
        for record in reader:
            if len(buffer) > 1 and _is_open(buffer):
                start, text = buffer[0]
                peek.findings.row("data.open_quote", peek.name, start, Severity.WARNING)
                yield start, next(csv.reader([text], delimiter=separator, quoting=csv.QUOTE_NONE))
                pending[:0] = buffer[1:]
                again = True
                break
            yield buffer[0][0], record
            buffer.clear()
        if not again:
            return


def _is_open(buffer: list[tuple[int, str]]) -> bool:
    return sum(text.count('"') for _, text in buffer) % 2 == 1


def _numbered(peek: Peek) -> Iterator[tuple[int, str]]:
    meter = peek.meter
    for number, line in enumerate(lines(peek.path, peek.encoding), start=1):
        meter.letters += len(line)
        if number == 1:
            line = line.lstrip("\ufeff")
            if line[:4].lower() == "sep=" and len(line.strip()) <= 5:
                continue
        if len(line) > MAX_CELL * 100:
            peek.findings.row("data.cell_too_long", peek.name, number, limit=MAX_CELL)
            continue
        if "\ufffd" in line:
            peek.findings.row("data.unreadable_letters", peek.name, number, Severity.WARNING)
        if "\0" in line:
            peek.findings.row("data.control_characters", peek.name, number, Severity.NOTE)
            line = line.replace("\0", "")
        yield number, line


READER: Final = Reader("delimited", ("csv", "tsv", "tab", "txt"), _sniff, _read)
