"""An FAQ as a web page: schema.org ``FAQPage``, ``details``, ``dl``, or headings. Scripts are never run."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

from studio.data.faq import Block, Pair, pairs_of, table_of_pairs
from studio.data.table import Peek, Reader, Table
from studio.data.text import read_text

_SKIPPED: Final = ("script", "style", "template", "noscript", "svg", "nav", "footer", "head")
_BREAKS: Final = ("p", "div", "li", "br", "tr", "section", "article", "ul", "ol", "dl", "table")
_TAG: Final = re.compile(r"<[^>]+>")
_LEVELS: Final = {f"h{n}": n for n in range(1, 7)}
_MAX_DEPTH: Final = 20


def _sniff(peek: Peek) -> float:
    start = peek.start.lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        return 0.97
    named = peek.suffix in ("html", "htm")
    return 0.95 if start.startswith("<") and (named or re.search(r"<(h[1-6]|details|dl|body|div)\b", start)) else 0.0


def _read(peek: Peek) -> Iterator[Table]:
    page = _Page()
    page.feed(read_text(peek.path, peek.encoding))
    page.close()
    pairs = [pair for text in page.linked for pair in _faq_page(text)] or page.terms or pairs_of(page.blocks)
    if pairs:
        yield table_of_pairs(peek.name, pairs, peek.encoding)
    else:
        peek.findings.file("data.no_questions_in_text", peek.name)


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
        self._level = 0
        self._skipping: list[str] = []
        self._json = False
        self._term: tuple[int, str] | None = None
        self._answer: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "script" and ("type", "application/ld+json") in attributes:
            self._json = True
            self._words = []
        elif tag in _SKIPPED:
            self._skipping.append(tag)
        elif tag in ("summary", "dt", *_LEVELS):
            self._flush()
            if tag in ("summary", "dt"):
                self._finish_term()
            self._level = _LEVELS.get(tag, 0)
        elif tag in ("dd", *_BREAKS):
            self._flush()

    def handle_endtag(self, tag: str) -> None:
        if self._json and tag == "script":
            self.linked.append("".join(self._words))
            self._words = []
            self._json = False
        elif self._skipping and tag == self._skipping[-1]:
            self._skipping.pop()
        elif tag in ("summary", "dt"):
            self._term = (self.getpos()[0], self._taken())
        elif tag in ("details", "dl"):
            self._flush()
            self._finish_term()
        elif tag in _LEVELS or tag in ("dd", *_BREAKS):
            self._flush()
            self._level = 0

    def handle_data(self, data: str) -> None:
        if self._json or not self._skipping:
            self._words.append(data)

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
