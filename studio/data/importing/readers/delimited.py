"""CSV, TSV and their relatives: text with one record a line."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

from studio.data.importing.cells import Cells, table_of_cells
from studio.data.importing.column_names import exact_role, header_role
from studio.data.importing.prompt_templates import unwrap
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.limits import MAX_CELL
from studio.data.text import lines
from studio.domain.dataset import ColumnRole
from studio.domain.problem import Severity

Line = tuple[int, str]  # its number, and its text
_SEPARATORS: Final = (",", ";", "\t", "|")
_OPEN_QUOTE_LINES: Final = 500  # a cell of more lines is a quotation mark that nobody closed
_TITLES_WITHIN: Final = 20  # rows
_TITLES_ABOVE: Final = 4  # rows
_RULE: Final = re.compile(r"\s*(?::?-{3,}:?)?\s*")
_FIELD_LIMIT: Final = 200_000_000


def _sniff(source: SourceFile) -> float:
    """How sure a separator is: structure comes first, and prose has commas too."""
    by_name = source.suffix in ("csv", "tsv", "tab")
    separator, share = find_separator(source.start, prose=not by_name)
    if separator is None:
        return (0.94 if _is_one_column(source.start) else 0.3) if by_name else 0.0
    if share > 0.9 and (separator == "\t" or by_name or _names_both(source.start, separator)):
        return 0.95
    return min(0.9, 0.4 * share + (0.4 if by_name and share > 0.5 else 0.1))


def _rows_of(start: str, separator: str) -> list[list[str]]:
    """The first rows of a text; the last one is left out where the text goes on behind it."""
    rows = [
        row
        for row in islice(
            csv.reader(
                start.splitlines(keepends=True), delimiter=separator, skipinitialspace=_quoted_late(start, separator)
            ),
            60,
        )
        if row
    ]
    return rows[:-1] if len(rows) > 1 and len(start) > 60_000 else rows


def _quoted_late(start: str, separator: str) -> bool:
    """Whether quotation marks come after a space, ``a, "b"``, where a reader of tables expects them at once."""
    return separator != "\t" and f'{separator} "' in start and f'{separator}"' not in start


def _names_both(start: str, separator: str) -> bool:
    try:
        rows = _rows_of(start, separator)[:_TITLES_WITHIN]
    except csv.Error:
        return False
    return any({exact_role(cell) for cell in row} >= {ColumnRole.QUESTION, ColumnRole.ANSWER} for row in rows)


def _is_one_column(start: str) -> bool:
    """Whether a text is a table of one column whose cells are quoted, with line breaks in them."""
    try:
        rows = _rows_of(start, ",")
    except csv.Error:
        return False
    several = any("\n" in cell for row in rows[1:] for cell in row)
    wrapped = sum(unwrap("".join(row)) is not None for row in rows) >= 0.8 * (len(rows) - 1)
    return len(rows) >= 2 and (several or wrapped) and all(len(row) == 1 for row in rows) and len(rows[0][0]) <= 40


def _read(source: SourceFile) -> Iterator[Table]:
    separator = find_separator(source.start)[0] or ","
    cells = _cells(source, separator)
    if separator == "|":  # the line under the titles of a table in Markdown
        cells = ((number, row) for number, row in cells if not all(_RULE.fullmatch(cell) for cell in row))
    shown = {"\t": "tab"}.get(separator, separator)
    table = table_of_cells(
        source.name,
        cells,
        source.findings,
        joiner=separator,
        detail=f"{source.encoding}, {shown}",
    )
    if table is not None:
        yield table


def find_separator(start: str, *, prose: bool = False) -> tuple[str | None, float]:
    """The separator of a text, and the share of its first lines that have the usual number of columns.

    Args:
        start: of the text.
        prose: whether it may as well be sentences, whose commas separate no columns.
    """
    if start[:4].lower() == "sep=" and len(start) > 4:  # Excel's own hint
        return start[4], 1.0
    best: tuple[float, str | None, float] = (0.0, None, 0.0)
    for separator in _SEPARATORS:
        try:
            rows = _rows_of(start, separator)
        except csv.Error:
            continue
        # What stands above the titles of a report says nothing of how sure a separator is.
        above = next((n for n, row in enumerate(rows) if len(row) > 1), 0)
        widths = Counter(len(row) for row in rows)
        wide = Counter({width: count for width, count in widths.items() if width > 1})
        if not wide:
            continue
        share = wide.most_common(1)[0][1] / len(rows)
        below = wide.most_common(1)[0][1] / (len(rows) - min(above, _TITLES_ABOVE))
        if prose and separator in ",;" and _are_sentences(rows):
            continue
        named = {header_role(cell)[0] for cell in rows[0] if len(cell) <= 60} & {ColumnRole.QUESTION, ColumnRole.ANSWER}
        later = [cell for row in rows for cell in row[1:] if cell]
        spaced = sum(cell.startswith(" ") for cell in later) > 0.9 * len(later)  # as after a comma in a sentence
        score = share + len(named) - 0.1 * spaced
        if score > best[0]:
            best = (score, separator, below if separator == "\t" else share)
    return best[1], best[2]


def _are_sentences(rows: list[list[str]]) -> bool:
    """Whether what a comma parts begins with a space, as in a sentence, and no titles say otherwise."""
    later = [cell for row in rows for cell in row[1:] if cell]
    spaced = sum(cell.startswith(" ") for cell in later)
    return spaced > 0.9 * len(later) and not {exact_role(cell) for cell in rows[0]} - {None}


def _cells(source: SourceFile, separator: str) -> Iterator[Cells]:
    """Records with the line at which each begins. A quotation mark that is never closed costs its own line only."""
    csv.field_size_limit(_FIELD_LIMIT)
    spaced = _quoted_late(source.start, separator)
    lines, ahead = _usable_lines(source), deque[Line]()
    while True:
        taken: list[Line] = []
        record = next(csv.reader(_taken(lines, ahead, taken), delimiter=separator, skipinitialspace=spaced), None)
        if record is None:
            return
        number, first = taken[0]
        quotes = sum(text.count('"') for _, text in taken)
        if len(taken) > _OPEN_QUOTE_LINES or (len(taken) > 1 and quotes % 2 == 1):
            source.findings.row("data.open_quote", source.name, number, Severity.WARNING)
            record = next(csv.reader([first], delimiter=separator, quoting=csv.QUOTE_NONE))
            ahead.extendleft(reversed(taken[1:]))
        yield number, record


def _taken(lines: Iterator[Line], ahead: deque[Line], taken: list[Line]) -> Iterator[str]:
    """The lines of one record, as many as its parser asks for, noted as taken; those put back come first."""
    while len(taken) <= _OPEN_QUOTE_LINES and (line := ahead.popleft() if ahead else next(lines, None)):
        taken.append(line)
        yield line[1]


def _usable_lines(source: SourceFile) -> Iterator[Line]:
    for number, line in enumerate(lines(source.path, source.encoding), start=1):
        source.meter.letters += len(line)
        if (usable := _usable(source, number, line)) is not None:
            yield number, usable


def _usable(source: SourceFile, number: int, line: str) -> str | None:
    """A line without what no cell holds; None for one that is left out."""
    if number == 1:
        line = line.lstrip("\ufeff")
        if line[:4].lower() == "sep=" and len(line.strip()) <= 5:
            return None
    if len(line) > MAX_CELL * 100:
        source.findings.row("data.cell_too_long", source.name, number, limit=MAX_CELL)
        return None
    if "\ufffd" in line:
        source.findings.row("data.unreadable_letters", source.name, number, Severity.WARNING)
    if "\0" in line:
        source.findings.row("data.control_characters", source.name, number, Severity.NOTE)
    return line.replace("\0", "")


READER: Final = Reader("delimited", ("csv", "tsv", "tab", "txt"), _sniff, _read)
