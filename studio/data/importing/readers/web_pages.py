"""An FAQ as a web page: schema.org ``FAQPage``, ``details``, ``dl``, tables, or headings. Scripts are never run."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

from studio.data.importing.cells import table_of_cells
from studio.data.importing.faq_text import Block, Pair, pairs_of, table_of_pairs
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.text import read_text
from studio.errors import AfinaError

_SKIPPED: Final = ("script", "style", "template", "noscript", "svg", "nav", "footer", "head")
_BREAKS: Final = ("p", "div", "li", "br", "tr", "section", "article", "ul", "ol", "dl", "table")
_TAG: Final = re.compile(r"<[^>]+>")
_LEVELS: Final = {f"h{n}": n for n in range(1, 7)}
_MAX_DEPTH: Final = 20
_FAILED: Final = re.compile(
    r"\b(40[0-9]|50[0-9]|not found|n[aã]o encontrad[oa]|no encontrad[oa]|log ?in|sign ?in|iniciar sesi[oó]n|entrar|"
    r"fazer login|access denied|acesso negado|forbidden|error|erro)\b",
    re.I,
)


def _sniff(source: SourceFile) -> float:
    start = source.start.lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        return 0.97
    named = source.suffix in ("html", "htm")
    return 0.96 if start.startswith("<") and (named or re.search(r"<(h[1-6]|details|dl|body|div)\b", start)) else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    page = _Page()
    page.feed(read_text(source.path, source.encoding))
    page.close()
    pairs = [pair for text in page.linked for pair in _faq_page(text)] or page.terms or pairs_of(page.blocks)
    found = False
    for number, rows in enumerate(page.tables, start=1) if not (page.linked or page.terms) else ():
        table = table_of_cells(source.name, iter(rows), source.findings, sheet=str(number), detail=source.encoding)
        if table is not None and len(table.columns) >= 2 and len(rows) >= 2:
            found = True
            yield table
    if found:
        return
    title = _failed(page) if len(pairs) <= 1 else ""
    if pairs and not title:
        yield table_of_pairs(source.name, pairs, source.encoding)
    elif title:
        raise AfinaError("data.not_readable.web_error", file=source.name, title=title)
    else:
        source.findings.file("data.no_questions_in_text", source.name)


def _failed(page: _Page) -> str:
    """What a page says that came instead of the file: not found, sign in; empty for any other."""
    words = page.title or " ".join(block.text for block in page.blocks[:3])
    return " ".join(words.split())[:80] if _FAILED.search(words) else ""


def _faq_page(text: str) -> list[Pair]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [Pair(n, question, answer) for n, (question, answer) in enumerate(_questions(value), start=1)]


def _questions(value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _questions(item, depth + 1)
    elif isinstance(value, dict):
        answer = value.get("acceptedAnswer")
        answer = answer[0] if isinstance(answer, list) and answer else answer
        if value.get("@type") == "Question" and isinstance(answer, dict):
            yield _text(value.get("name", "")), _text(answer.get("text", ""))
        else:
            for item in value.values():
                yield from _questions(item, depth + 1)


def _text(markup: Any) -> str:
    broken = re.sub(r"<(?:br|/p|/li)\s*/?>", "\n", str(markup), flags=re.I)
    return html.unescape(_TAG.sub("", broken)).strip()


class _Page(HTMLParser):
    """Headings and paragraphs of a page, pairs of ``details`` and ``dl``, and the JSON-LD in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.terms: list[Pair] = []
        self.linked: list[str] = []
        self._words: list[str] = []
        self.tables: list[list[tuple[int, list[str]]]] = []
        self.title = ""
        self._grids: list[list[tuple[int, list[str]]]] = []  # tables that are open, the innermost last
        self._cell: list[str] | None = None
        self._in_title = False
        self._level = 0
        self._skipping: list[str] = []
        self._json = False
        self._term: tuple[int, str] | None = None
        self._answer: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "script" and ("type", "application/ld+json") in attributes:
            self._json = True
            self._words = []
        elif tag == "title":
            self._in_title = True
        elif tag in ("table", "tr", "td", "th"):
            self._flush()
            self._table_starts(tag)
        elif tag in _SKIPPED:
            self._skipping.append(tag)
        elif tag in ("summary", "dt", *_LEVELS):
            self._flush()
            if tag in ("summary", "dt"):
                self._finish_term()
            self._level = _LEVELS.get(tag, 0)
        elif tag in ("dd", *_BREAKS):
            self._flush()
            if self._cell is not None:
                self._cell.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if self._json and tag == "script":
            self.linked.append("".join(self._words))
            self._words = []
            self._json = False
        elif self._skipping and tag == self._skipping[-1]:
            self._skipping.pop()
        elif tag == "title":
            self._in_title = False
        elif tag in ("table", "tr", "td", "th"):
            self._flush()
            self._table_ends(tag)
        elif tag in ("summary", "dt"):
            self._term = (self.getpos()[0], self._taken())
        elif tag in ("details", "dl"):
            self._flush()
            self._finish_term()
        elif tag in _LEVELS or tag in ("dd", *_BREAKS):
            self._flush()
            self._level = 0

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        if self._json or not self._skipping:
            self._words.append(data)
            if self._cell is not None and not self._json:
                self._cell.append(data)

    def _table_starts(self, tag: str) -> None:
        if tag == "table":
            self._grids.append([])
            self._cell = None
        elif self._grids and tag == "tr":
            self._end_cell()
            self._grids[-1].append((self.getpos()[0], []))
        elif self._grids and self._grids[-1]:
            self._end_cell()
            self._cell = []

    def _table_ends(self, tag: str) -> None:
        self._end_cell()
        if tag == "table" and self._grids:
            rows = self._grids.pop()
            # A table around others, or of one column, is how a page is laid out.
            if rows and max(len(cells) for _, cells in rows) >= 2 and not self._skipping:
                self.tables.append(rows)

    def _end_cell(self) -> None:
        if self._cell is not None and self._grids and self._grids[-1]:
            lines = (" ".join(line.split()) for line in "".join(self._cell).split("\n\n"))
            self._grids[-1][-1][1].append("\n".join(line for line in lines if line))
        self._cell = None

    def close(self) -> None:
        super().close()
        self._flush()
        self._finish_term()

    def _taken(self) -> str:
        text = " ".join("".join(self._words).split())
        self._words = []
        return text

    def _flush(self) -> None:
        if self._json:
            return
        text = self._taken()
        if not text:
            return
        if self._term is not None:
            self._answer.append(text)
        else:
            self.blocks.append(Block(self.getpos()[0], text, self._level))

    def _finish_term(self) -> None:
        if self._term is not None and self._term[1]:
            self.terms.append(Pair(*self._term, "\n".join(self._answer)))
        self._term = None
        self._answer = []


READER: Final = Reader("web_pages", ("html", "htm"), _sniff, _read)
