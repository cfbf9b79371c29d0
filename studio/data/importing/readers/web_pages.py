"""An FAQ as a web page: schema.org ``FAQPage``, ``details``, ``dl``, tables, or headings. Scripts are never run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from lxml import etree, html

from studio.data.importing.cells import Cells, table_of_cells
from studio.data.importing.faq_text import Block, Pair, pairs_of, table_of_pairs
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.text import read_text, words
from studio.errors import AfinaError

_SKIPPED: Final = ("script", "style", "template", "noscript", "svg", "nav", "footer", "head")
_LEVELS: Final = {f"h{n}": n for n in range(1, 7)}
_BREAKS: Final = words("p div li br tr td th section article ul ol dl dd dt summary details table") | set(_LEVELS)
_MAX_DEPTH: Final = 20  # of JSON in a page
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
    page = _parsed(read_text(source.path, source.encoding))
    linked = [pair for script in page.iter("script") for pair in _faq_page(script)]
    title = " ".join(page.xpath("string(//title)").split())
    for element in list(page.iter(*_SKIPPED)):
        element.drop_tree()
    blocks = list(_blocks(page))
    marked = linked or _terms(page)
    pairs = marked or pairs_of(blocks)
    found = False
    for number, rows in enumerate(_grids(page), start=1) if not marked else ():
        table = table_of_cells(source.name, iter(rows), source.findings, sheet=str(number), detail=source.encoding)
        if table is not None and len(table.columns) >= 2 and len(rows) >= 2:
            found = True
            yield table
    if found:
        return
    texts = title or " ".join(" ".join(block.text for block in blocks[:3]).split())
    if len(pairs) <= 1 and _FAILED.search(texts):  # what came instead of the file: not found, sign in
        raise AfinaError("data.not_readable.web_error", file=source.name, title=texts[:80])
    if pairs:
        yield table_of_pairs(source.name, pairs, source.encoding)
    else:
        source.findings.file("data.no_questions_in_text", source.name)


def _parsed(text: str) -> Any:
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return html.document_fromstring(text.encode(errors="replace"), parser=parser)
    except etree.ParserError:  # nothing but comments and spaces
        return html.Element("p")


def _blocks(element: Any) -> Iterator[Block]:
    """Headings and paragraphs, in their order."""
    texts: list[str] = []
    row, level = element.sourceline or 1, 0
    for event, node in etree.iterwalk(element, events=("start", "end")):
        begins = event == "start"
        if node.tag in _BREAKS:
            if text := " ".join("".join(texts).split()):
                yield Block(row, text, level)
            texts, row, level = [], node.sourceline or row, _LEVELS.get(node.tag, 0) if begins else 0
        texts.append((node.text if begins else node.tail if node is not element else None) or "")
    if text := " ".join("".join(texts).split()):
        yield Block(row, text, level)


def _text(elements: Iterable[Any]) -> str:
    return "\n".join(block.text for element in elements for block in _blocks(element))


def _terms(page: Any) -> list[Pair]:
    """Takes the questions of ``details`` and ``dl`` out of a page, each with what stands between it and the next."""
    found = []
    for term in reversed(list(page.iter("summary", "dt"))):  # those that lie in the answer of another come first
        parts = [term]
        for node in term.itersiblings():
            if node.tag == term.tag:
                break
            parts.append(node)
        question = _text([term])
        texts = [text for node in parts for text in ("" if node is term else _text([node]), node.tail or "")]
        lines = (" ".join(line.split()) for text in texts for line in text.split("\n"))
        if question:
            found.append(Pair(term.sourceline or 1, question, "\n".join(filter(None, lines))))
        for node in parts:
            node.tail = None
            node.drop_tree()
    return found[::-1]


def _grids(page: Any) -> Iterator[list[Cells]]:
    """The cells of tables; one around others, or of one column, is how a page is laid out."""
    for table in page.iter("table"):
        if table.find(".//table") is not None:
            continue
        rows: list[Cells] = [
            (row.sourceline or 1, [_text([cell]) for cell in row.iterchildren("td", "th")]) for row in table.iter("tr")
        ]
        if max((len(cells) for _, cells in rows), default=0) >= 2:
            yield rows


def _faq_page(script: Any) -> list[Pair]:
    try:
        value = json.loads(script.text or "") if script.get("type") == "application/ld+json" else None
    except (ValueError, RecursionError):
        return []
    return [Pair(n, question, answer) for n, (question, answer) in enumerate(_questions(value), start=1)]


def _questions(value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, list | dict) and depth <= _MAX_DEPTH:
        answer = value.get("acceptedAnswer") if isinstance(value, dict) else None
        answer = answer[0] if isinstance(answer, list) and answer else answer
        if isinstance(value, dict) and value.get("@type") == "Question" and isinstance(answer, dict):
            yield _text([_parsed(str(value.get("name", "")))]), _text([_parsed(str(answer.get("text", "")))])
        else:
            for item in value.values() if isinstance(value, dict) else value:
                yield from _questions(item, depth + 1)


READER: Final = Reader("web_pages", ("html", "htm"), _sniff, _read)
