"""Spreadsheets: XLSX, XLSM, XLSB, XLS and ODS, through calamine. Formulas and macros are never run."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

from studio.data.importing.cells import Cells, table_of_cells
from studio.data.importing.readers.packed import check_sizes
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.limits import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MAX_UNPACKED
from studio.errors import AfinaError

_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_CELL: Final = re.compile(rb'<(?:\w+:)?c [^>]{0,80}?r="([A-Z]{1,4})(\d{1,9})"')
_SHARED_END: Final = re.compile(rb"</(?:\w+:)?si>")
_SHARED_CELL: Final = re.compile(
    rb"<(?:\w+:)?c\b[^>]{0,200}?\bt=[\"']s[\"'][^>]{0,200}>(?:<(?:\w+:)?f\b[^<]{0,9000}</(?:\w+:)?f>)?"
    rb"<(?:\w+:)?v>\s*(\d{1,9})"
)
_ODS_TAG: Final = re.compile(rb"<(?:\w+:)?table-(row|cell)\b([^>]{0,2000})>")
_REPEATED: Final = re.compile(rb'number-(?:rows|columns)-repeated="(\d{1,12})"')
_ODS: Final = "an OpenDocument spreadsheet"  # stands among the names of its members
_MAX_MERGED_CELLS: Final = 200_000  # cells
_CHUNK: Final = 1 << 20


def _sniff(source: SourceFile) -> float:
    if source.head.startswith(b"PK"):
        names = _names(source.path)
        if names is None:  # a workbook cut off in the middle has no directory
            return 0.9 if b"xl/" in source.head or source.suffix in ("xlsx", "xlsm", "xlsb", "ods") else 0.0
        return 1.0 if names & {"xl/workbook.xml", "xl/workbook.bin", _ODS} else 0.0
    if source.head.startswith(_OLE):
        return (
            0.9
            if source.suffix in ("xls", "xlsx", "xlsb", "xlt", "csv") or b"W\0o\0r\0k\0b\0o\0o\0k" in source.head
            else 0.6
        )
    return 0.0


def _names(path: Path) -> set[str] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and "content.xml" in names:
                with archive.open("mimetype") as kind:
                    names |= {_ODS} if b"opendocument.spreadsheet" in kind.read(200) else set()
            return names
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error):
        return None


def _read(source: SourceFile) -> Iterator[Table]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, ZipError

    if source.head.startswith(b"PK"):
        _check_size(source)
    elif _is_encrypted(source):
        raise AfinaError("data.password", file=source.name)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(source.path.read_bytes()))  # by content, whatever its name
        names = list(workbook.sheet_names)
        for name in names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.width > MAX_COLUMNS:
                raise AfinaError(
                    "data.too_many_columns", file=f"{source.name} › {name}", n=sheet.width, limit=MAX_COLUMNS
                )
            several = len(names) > 1
            table = table_of_cells(
                source.name, _cells(sheet), source.findings, sheet=name if several else None, detail=source.suffix
            )
            if table is not None:
                yield table
    except PasswordError as error:
        raise AfinaError("data.password", file=source.name) from error
    except (CalamineError, ZipError, OSError, ValueError) as error:
        raise AfinaError("data.broken_workbook", file=source.name) from error
    except BaseException as error:
        # A damaged workbook can make the parser panic, which pyo3 raises outside of Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise AfinaError("data.broken_workbook", file=source.name) from None


def _is_encrypted(source: SourceFile) -> bool:
    with source.path.open("rb") as file:
        return _ENCRYPTED in file.read(4 * _CHUNK) or _ENCRYPTED in _tail(file)


def _tail(file: io.BufferedReader) -> bytes:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _CHUNK))
    return file.read()


def _check_size(source: SourceFile) -> None:
    """Refuses a workbook that would fill the memory, before the parser sees it.

    A workbook of a few kilobytes may name a cell in the last row and column, and the parser keeps a dense table; so
    the largest row and column are read from the XML itself, not from the size that the workbook claims.
    """
    try:
        check_sizes(source.path, source.name, MAX_UNPACKED)
        with zipfile.ZipFile(source.path) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            strings = members.get("xl/sharedStrings.xml")
            shared = _shared_lengths(archive.read(strings)) if strings else array("Q")
            for name, entry in members.items():
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    _check_area(source.name, archive.read(entry), shared)
                elif name == "content.xml":
                    _check_repeats(source.name, archive.read(entry))
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise AfinaError("data.broken_workbook", file=source.name) from error


def _shared_lengths(xml: bytes) -> array[int]:
    """Bytes of each text that cells share, markup included; a cell names it by its place."""
    ends = (match.end() for match in _SHARED_END.finditer(xml))
    return array("Q", (end - begin for begin, end in pairwise(chain((0,), ends))))


def _check_area(name: str, xml: bytes, shared: array[int]) -> None:
    columns = rows = size = 0
    for cell in _CELL.finditer(xml):
        columns = max(columns, len(cell[1]) * 676 if len(cell[1]) > 2 else _column(cell[1]))
        rows = max(rows, int(cell[2]))
    for cell in _SHARED_CELL.finditer(xml) if shared else ():
        size += shared[place] if (place := int(cell[1])) < len(shared) else 0
    if size > MAX_UNPACKED:
        sizes = {"size_mb": round(size / 1e6), "limit_mb": round(MAX_UNPACKED / 1e6)}
        raise AfinaError("data.unpacks_too_large", file=name, **sizes)
    if columns > MAX_COLUMNS:
        raise AfinaError("data.too_many_columns", file=name, n=columns, limit=MAX_COLUMNS)
    if columns * rows > MAX_CELLS:
        raise AfinaError("data.too_many_rows", file=name, n=rows)


def _check_repeats(name: str, xml: bytes) -> None:
    """Refuses an OpenDocument sheet in which a few rows are said to repeat a million times."""
    row_repeats = cells = 0
    for kind, attributes in (match.groups() for match in _ODS_TAG.finditer(xml)):
        repeats = min(int(found[1]), MAX_ROWS * 2) if (found := _REPEATED.search(attributes)) else 1
        if kind == b"row":
            row_repeats = repeats
        elif b"value-type" in attributes:  # an empty cell repeats to the edge of every sheet, and costs nothing
            cells += repeats * row_repeats
    if cells > MAX_ROWS:
        raise AfinaError("data.too_many_rows", file=name, n=cells)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _cells(sheet: Any) -> Iterator[Cells]:
    below = _merged_downwards(sheet)
    held: dict[int, str] = {}  # by column, what the cell shows that the next rows are merged with
    for offset, row in enumerate(sheet.iter_rows()):
        cells = [_shown(cell) for cell in row]
        for column in below.get(offset, ()):
            if column < len(cells) and not cells[column]:
                cells[column] = held.get(column, "")
        if below:
            held = dict(enumerate(cells))
        yield offset + 1, cells


def _merged_downwards(sheet: Any) -> dict[int, list[int]]:
    """By row, the columns whose cell is merged with the one above it: every row under a merged answer has that answer.

    Cells merged sideways are the title of several columns, and so is what begins in the first row.
    """
    ranges = getattr(sheet, "merged_cell_ranges", None) or []
    upright = [(top, column, bottom) for (top, column), (bottom, last) in ranges if column == last and bottom > top > 0]
    if sum(bottom - top for top, _, bottom in upright) > _MAX_MERGED_CELLS:
        return {}
    rows: dict[int, list[int]] = {}
    for top, column, bottom in upright:
        for row in range(top + 1, bottom + 1):
            rows.setdefault(row, []).append(column)
    return rows


def _shown(cell: Any) -> str:
    """A cell as its reader sees it: 10 and not 10.0, dates without a midnight."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return "" if cell is None else str(cell)


READER: Final = Reader("sheets", ("xlsx", "xlsm", "xls", "xlsb", "ods"), _sniff, _read, binary=True)
