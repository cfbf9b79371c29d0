"""CSV, TSV and their relatives: text with one record a line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
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
_BLOCK: Final = 500  # lines
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
        joiner=separator,
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
    numbers: Sequence[int] = ()
    held: list[str] = []  # lines of a record that may go on in the next block
    for fresh, block, final in _blocks(peek):
        numbers, held = ([*numbers, *fresh], held + block) if held else (fresh, block)
        done = 0
        for first, end, record, is_open in _records(held, separator, final):
            if is_open:
                peek.findings.row("data.open_quote", peek.name, numbers[first], Severity.WARNING)
            yield numbers[first], record
            done = end
        numbers, held = numbers[done:], held[done:]


def _records(block: list[str], separator: str, final: bool) -> Iterator[tuple[int, int, list[str], bool]]:
    """The records of some lines: first line, line after the last, cells, whether a quotation mark is never closed.

    The last record is left out unless the lines are the final ones: it may go on.
    """
    start = 0
    while start < len(block):
        begin = start
        reader = csv.reader(block[begin:], delimiter=separator)
        for record in reader:
            end = begin + reader.line_num
            if end == len(block) and not final and end - start <= _OPEN_QUOTE_LINES:
                return
            if end - start > 1 and (end - start > _OPEN_QUOTE_LINES or _is_open(block[start:end])):
                yield (
                    start,
                    start + 1,
                    next(csv.reader([block[start]], delimiter=separator, quoting=csv.QUOTE_NONE)),
                    True,
                )
                start += 1
                break
            yield start, end, record, False
            start = end


def _is_open(lines_of_record: list[str]) -> bool:
    return sum(text.count('"') for text in lines_of_record) % 2 == 1


def _blocks(peek: Peek) -> Iterator[tuple[Sequence[int], list[str], bool]]:
    """The lines of a file with their numbers, some hundreds at once; and whether they are the last ones."""
    number = 1
    every = lines(peek.path, peek.encoding)
    block = list(islice(every, _BLOCK))
    while block:
        following = list(islice(every, _BLOCK))
        whole = "".join(block)
        peek.meter.letters += len(whole)
        numbers: Sequence[int] = range(number, number + len(block))
        if number == 1 or "\0" in whole or "\ufffd" in whole or len(whole) > MAX_CELL * 100:
            found = [(n, _usable(peek, n, line)) for n, line in zip(numbers, block, strict=True)]
            numbers, block = (
                [n for n, line in found if line is not None],
                [line for _, line in found if line is not None],
            )
        yield numbers, block, not following
        number += _BLOCK
        block = following


def _usable(peek: Peek, number: int, line: str) -> str | None:
    """A line without what no cell holds; None for one that is left out."""
    if number == 1:
        line = line.lstrip("\ufeff")
        if line[:4].lower() == "sep=" and len(line.strip()) <= 5:
            return None
    if len(line) > MAX_CELL * 100:
        peek.findings.row("data.cell_too_long", peek.name, number, limit=MAX_CELL)
        return None
    if "\ufffd" in line:
        peek.findings.row("data.unreadable_letters", peek.name, number, Severity.WARNING)
    if "\0" in line:
        peek.findings.row("data.control_characters", peek.name, number, Severity.NOTE)
    return line.replace("\0", "")


READER: Final = Reader("delimited", ("csv", "tsv", "tab", "txt"), _sniff, _read)
