"""From cells to a table: where the header is, what the columns are called, what to do with a row that is too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from studio.data.findings import Findings
from studio.data.headers import header_role
from studio.data.limits import MAX_COLUMNS
from studio.data.table import Row, Table
from studio.domain.dataset import ColumnRole
from studio.domain.problem import Severity
from studio.errors import AfinaError

Cells = tuple[int, Sequence[str]]
_HEADER_WITHIN: Final = 20  # rows: titles and notes above the header of a report


def table_of_cells(
    file: str,
    cells: Iterator[Cells],
    findings: Findings,
    *,
    sheet: str | None = None,
    joiner: str = " ",
    detail: str = "",
) -> Table | None:
    """A table from rows of cells; None when there is no cell with text.

    Args:
        cells: row number and cells, empty rows included or not.
        joiner: put between the last column and what a row has beyond it: a separator inside an unquoted text.

    Raises:
        AfinaError: ``data.too_many_columns``.
    """
    rows = ((number, row) for number, row in cells if any(map(str.strip, row)))
    first = list(islice(rows, _HEADER_WITHIN))
    if not first:
        return None
    label = f"{file} › {sheet}" if sheet else file
    at = _header_at([row for _, row in first])
    width = max(len(row) for _, row in first)
    if width > MAX_COLUMNS:
        raise AfinaError("data.too_many_columns", file=label, n=width, limit=MAX_COLUMNS)
    if at is None:
        columns = _letters(width)
        findings.file("data.no_header", label, Severity.NOTE, row=first[0][0])
        body = chain(first, rows)
    else:
        columns = _unique(first[at][1])
        body = chain(first[at + 1 :], rows)
    fitting = _fitting(label, len(columns), body, findings, joiner)
    named = (Row(number, dict(zip(columns, row, strict=False))) for number, row in fitting)
    return Table(file, columns, named, sheet=sheet, detail=detail, cells=fitting)


def _fitting(
    label: str, width: int, body: Iterator[Cells], findings: Findings, joiner: str
) -> Iterator[tuple[int, list[str]]]:
    """Rows of at most so many cells: what a row has beyond them is put to its last one."""
    for number, cells in body:
        row = cells if isinstance(cells, list) else list(cells)
        if len(row) > width:
            surplus = row[width:]
            row = row[:width]
            if any(cell.strip() for cell in surplus):
                row[-1] = joiner.join([row[-1], *surplus])
                findings.row("data.extra_cells", label, number, Severity.NOTE)
        yield number, row


def _header_at(rows: list[Sequence[str]]) -> int | None:
    """Index of the header row; None where the table has none and begins with an example."""
    scores = [_header_score(row) for row in rows]
    best = max(range(len(rows)), key=lambda index: (scores[index], -index))
    if scores[best] >= 2:
        return best
    width = Counter(sum(bool(cell.strip()) for cell in row) for row in rows).most_common(1)[0][0]
    first = next((i for i, row in enumerate(rows) if sum(bool(c.strip()) for c in row) >= min(2, width)), 0)
    return None if scores[first] < 1 and _is_example(rows[first]) else first


def _header_score(row: Sequence[str]) -> float:
    """Number of different roles that the cells name; long cells name nothing."""
    found = {header_role(cell)[0] for cell in row if 0 < len(cell.strip()) <= 60}
    known = found & {ColumnRole.QUESTION, ColumnRole.ANSWER}
    return len(known)


def _is_example(row: Sequence[str]) -> bool:
    texts = sorted((cell.strip() for cell in row if cell.strip()), key=len, reverse=True)[:2]
    return len(texts) == 2 and len(texts[0]) > 25 and (len(texts[1]) > 25 or any(text.endswith("?") for text in texts))


def _unique(header: Sequence[str]) -> tuple[str, ...]:
    """Names without marks or spaces at their ends; an empty one gets its letter, a repeated one a number."""
    names: list[str] = []
    trimmed = list(header)
    while trimmed and not trimmed[-1].strip():
        trimmed.pop()
    for letter, cell in zip(_letters(len(trimmed)), trimmed, strict=True):
        name = " ".join(cell.replace("\ufeff", "").split())[:120] or letter
        count = 2
        unique = name
        while unique in names:
            unique, count = f"{name} ({count})", count + 1
        names.append(unique)
    return tuple(names)


def _letters(count: int) -> tuple[str, ...]:
    """Columns as a spreadsheet names them: A … Z, AA …"""
    names = []
    for index in range(count):
        name = ""
        rest = index + 1
        while rest:
            rest, letter = divmod(rest - 1, 26)
            name = chr(65 + letter) + name
        names.append(name)
    return tuple(names)
