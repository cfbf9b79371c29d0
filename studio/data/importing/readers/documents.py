"""An FAQ as text: Markdown, with or without front matter, and plain text with ``Q:``/``A:`` or ``P:``/``R:``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.importing.faq_text import Block, Pair, labels_in, pairs_of, rows_left_out, table_of_pairs
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.text import read_text
from studio.domain.problem import Severity

_HEADING: Final = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_BOLD_LINE: Final = re.compile(r"^\*\*(.+\?)\*\*$|^__(.+\?)__$")
_MATTER: Final = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.S)
_FIELD: Final = re.compile(r"^(\w[\w ]*):\s*(.*)$")
_QUESTION_FIELDS: Final = ("question", "pergunta", "pregunta", "title", "titulo", "título")
_FENCE: Final = re.compile(r"^\s*(```|~~~)")


def _sniff(source: SourceFile) -> float:
    lines = source.start.splitlines()[:2_000]
    if labels_in(lines) >= 1:
        return 0.92 if labels_in(lines) >= 2 or source.suffix in ("txt", "md") else 0.3
    headings = sum(bool(_HEADING.match(line) or _BOLD_LINE.match(line.strip())) for line in lines)
    if _MATTER.match(source.start) or headings >= 2:
        return 0.9
    if headings and source.suffix in ("md", "markdown"):
        return 0.9
    asking = sum(line.strip().endswith("?") for line in lines)
    if asking < 2:
        return 0.0
    return 0.25 if source.suffix in ("csv", "tsv") else 0.55


def _read(source: SourceFile) -> Iterator[Table]:
    text = read_text(source.path, source.encoding).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    pairs, left_out = pairs_of_markdown(text)
    if pairs:
        for row in left_out:
            source.findings.row("data.text_left_out", source.name, row, Severity.WARNING)
        yield table_of_pairs(source.name, pairs, source.encoding)
    else:
        source.findings.file("data.no_questions_in_text", source.name)
        yield from ()


def pairs_of_markdown(text: str) -> tuple[list[Pair], list[int]]:
    """The questions and answers of a Markdown or plain text document, and the lines where a text begins that is in none."""
    matter = _MATTER.match(text)
    first = 1
    if matter:
        lines = [match for line in matter[1].split("\n") if (match := _FIELD.match(line))]
        named = {line[1].strip().lower(): line[2].strip().strip("\"'") for line in lines}
        body = text[matter.end() :].strip()
        question = next((named[key] for key in _QUESTION_FIELDS if named.get(key)), "")
        explicit = any(named.get(key) for key in _QUESTION_FIELDS[:3])
        if question and body and (explicit or not _HEADING.search(body)):
            return [Pair(1, question, body, named.get("topic", named.get("category", "")))], []
        first += text[: matter.end()].count("\n")
        text = text[matter.end() :]
    blocks = list(_blocks(text, first))
    pairs = pairs_of(blocks)
    return pairs, rows_left_out(blocks, pairs)


def _blocks(text: str, first: int) -> Iterator[Block]:
    """Headings and paragraphs; a heading inside a code fence is code."""
    paragraph: list[str] = []
    began = first
    fenced = False
    for number, line in enumerate(text.split("\n"), start=first):
        fence = bool(_FENCE.match(line))
        heading = None if fenced or fence else _HEADING.match(line)
        bold = None if fenced else _BOLD_LINE.match(line.strip())
        fenced ^= fence
        if (heading or bold or (not line.strip() and not fenced)) and paragraph:
            yield Block(began, "\n".join(paragraph))
            paragraph = []
        if heading:
            yield Block(number, heading[2].strip("* "), len(heading[1]))
        elif bold:
            yield Block(number, bold[1] or bold[2], 6)
        elif line.strip() or fenced:
            began = began if paragraph else number
            paragraph.append(line.rstrip())
    if paragraph:
        yield Block(began, "\n".join(paragraph))


READER: Final = Reader("documents", ("md", "markdown", "txt"), _sniff, _read)
