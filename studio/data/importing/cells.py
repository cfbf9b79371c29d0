"""From cells to a table: where the header is, what the columns are called, what to do with a row that is too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from studio.data.importing.findings import Findings
from studio.data.importing.header_row import header_row
from studio.data.importing.table import Record, Table
from studio.data.limits import MAX_COLUMNS
from studio.domain.conversation import table_label
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
    label = table_label(file, sheet)
    at = header_row([row for _, row in first])
    width = max(len(row) for _, row in first)
    if width > MAX_COLUMNS:
        raise AfinaError("data.too_many_columns", file=label, n=width, limit=MAX_COLUMNS)
    for number, row in first[: at.first]:
        filled = sum(bool(cell.strip()) for cell in row)
        findings.row("data.rows_above", label, number, Severity.NOTE if filled < 2 else Severity.WARNING)
    number, titles = first[at.first]
    if at.titled:
        columns = _unique(titles, _usual_width([row for _, row in first[at.first + 1 :]], joiner))
        body = chain(first[at.first + 1 :], rows)
    else:
        columns = _letters(width)
        findings.file("data.no_header", label, Severity.NOTE, row=number)
        body = chain(first[at.first :], rows)
    fitting = _fitting(label, len(columns), body, findings, joiner, list(titles) if at.titled else [])
    named = (Record(number, dict(zip(columns, row, strict=False))) for number, row in fitting)
    return Table(
        file,
        columns,
        named,
        sheet=sheet,
        detail=detail,
        titled=at.titled,
        titles_guessed=number if at.titled and not at.sure else None,
    )


def _usual_width(rows: Sequence[Sequence[str]], joiner: str) -> int:
    """How many cells most rows have: a column without a title is one where most rows fill it.

    Where no separator can stray, as in a sheet, one row that fills it is enough.
    """
    widths = [max((n for n, cell in enumerate(row, start=1) if cell.strip()), default=0) for row in rows]
    if joiner == " ":
        return max(widths, default=0)
    width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
    return width if len(widths) >= 3 and count > 0.6 * len(widths) else 0


def _fitting(
    label: str, width: int, body: Iterator[Cells], findings: Findings, joiner: str, titles: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Rows of at most so many cells: what a row has beyond them is put to its last one; titles again are no row."""
    for number, cells in body:
        row = cells if isinstance(cells, list) else list(cells)
        if row == titles:
            findings.row("data.titles_again", label, number, Severity.NOTE)
            continue
        if len(row) > width:
            surplus = row[width:]
            row = row[:width]
            if any(cell.strip() for cell in surplus):
                row[-1] = joiner.join([row[-1], *surplus])
                findings.row("data.extra_cells", label, number, Severity.NOTE)
        yield number, row


def _unique(header: Sequence[str], at_least: int) -> tuple[str, ...]:
    """Names without marks or spaces at their ends; an empty one gets its letter, a repeated one a number."""
    names: list[str] = []
    trimmed = list(header)
    while trimmed and not trimmed[-1].strip():
        trimmed.pop()
    trimmed += [""] * (at_least - len(trimmed))
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
    from openpyxl.utils import get_column_letter

    return tuple(map(get_column_letter, range(1, count + 1)))
