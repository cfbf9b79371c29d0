"""An FAQ as a Word document: headings with text below, labelled lines, or a table of two columns."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from studio.data.importing.cells import table_of_cells
from studio.data.importing.faq_text import Block, pairs_of, rows_left_out, table_of_pairs
from studio.data.importing.table import Reader, SourceFile, Table
from studio.domain.problem import Severity
from studio.errors import AfinaError

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DOCUMENT: Final = "word/document.xml"
_MAX_XML: Final = 200_000_000  # bytes
_MAX_ELEMENTS: Final = 1_000_000  # a thousand pages have some hundred thousand
_HEADING: Final = re.compile(r"(?:heading|t[ií]?tulo|encabezado)\s*(\d)", re.I)


def _sniff(source: SourceFile) -> float:
    if not source.head.startswith(b"PK"):
        return 0.0
    try:
        with zipfile.ZipFile(source.path) as archive:
            return 1.0 if _DOCUMENT in archive.namelist() else 0.0
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0.9 if source.suffix == "docx" else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    try:
        body = _body(source)
    except (
        zipfile.BadZipFile,
        KeyError,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise AfinaError("data.broken_document", file=source.name) from error
    found = False
    for number, grid in enumerate(_nearest(body, f"{_W}tbl"), start=1):
        cells = (
            (n, [_text(cell) for cell in _nearest(row, f"{_W}tc")])
            for n, row in enumerate(_nearest(grid, f"{_W}tr"), start=1)
        )
        table = table_of_cells(source.name, cells, source.findings, sheet=f"{number}", detail="docx")
        if table is not None and len(table.columns) >= 2:
            found = True
            yield table
    blocks = [
        Block(number, text, _level(paragraph))
        for number, paragraph in enumerate(body.findall(f"{_W}p"), start=1)
        if (text := _text(paragraph))
    ]
    pairs = pairs_of(blocks)
    if pairs:
        for row in rows_left_out(blocks, pairs):
            source.findings.row("data.text_left_out", source.name, row, Severity.WARNING)
        yield table_of_pairs(source.name, pairs, "docx")
    elif not found:
        source.findings.file("data.no_questions_in_text", source.name)


def _body(source: SourceFile) -> ElementTree.Element:
    with zipfile.ZipFile(source.path) as archive:
        if archive.getinfo(_DOCUMENT).file_size > _MAX_XML:
            raise AfinaError(
                "data.unpacks_too_large",
                file=source.name,
                size_mb=round(archive.getinfo(_DOCUMENT).file_size / 1e6),
                limit_mb=round(_MAX_XML / 1e6),
            )
        data = archive.read(_DOCUMENT)
    if b"<!DOCTYPE" in data[:10_000]:  # Word never writes one; it is how entities are made to grow
        raise ValueError("document type in a Word document")
    if (elements := data.count(b"<")) > _MAX_ELEMENTS:
        raise AfinaError("data.too_many_elements", file=source.name, n=elements, limit=_MAX_ELEMENTS)
    try:
        body = ElementTree.fromstring(data).find(f"{_W}body")
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    if body is None:
        raise ValueError("no body")
    return body


def _nearest(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """The elements with this tag that lie in no other of them: a table in a cell is a part of its text."""
    waiting = list(reversed(element))
    while waiting:
        node = waiting.pop()
        if node.tag == tag:
            yield node
        else:
            waiting += reversed(node)


def _text(element: ElementTree.Element) -> str:
    parts: list[str] = []
    for node in element.iter():
        if node.tag == f"{_W}t":
            parts.append(node.text or "")
        elif node.tag in (f"{_W}br", f"{_W}cr") or (node.tag == f"{_W}p" and parts):
            parts.append("\n")
        elif node.tag == f"{_W}tab":
            parts.append("\t")
    return "".join(parts).strip()


def _level(paragraph: ElementTree.Element) -> int:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    match = _HEADING.search(style.get(f"{_W}val", "")) if style is not None else None
    return min(6, max(1, int(match[1]))) if match else 0


READER: Final = Reader("word", ("docx",), _sniff, _read, binary=True)
