"""Questions and answers in a document: headings that ask, labelled lines, lines that end with a question mark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from studio.data.importing.column_content import is_question
from studio.data.importing.table import Record, Table

_QUESTION: Final = re.compile(
    r"^\W{0,3}(?:q|p|pergunta|question|pregunta|d[uú]vida|cliente|customer)\s*(?:n[º°o.]\s*)?\d{0,4}\s*(?:\*\*)?\s*[:.)\-–—]\s*(?:\*\*)?\s*(.*)$",
    re.I | re.S,
)
_ANSWER: Final = re.compile(
    r"^\W{0,3}(?:a|r|resposta|answer|respuesta|atendente|agent|sac)\s*(?:n[º°o.]\s*)?\d{0,4}\s*(?:\*\*)?\s*[:.)\-–—]\s*(?:\*\*)?\s*(.*)$",
    re.I | re.S,
)

_NUMBER: Final = re.compile(r"\A\(?\d{1,3}(?:\.\d{1,3}){0,2}[.)]?[.):–-]\s+(?=\S)")


@dataclass(frozen=True)
class Block:
    """A stretch of a document."""

    row: int  # line or position, as a person would count it
    text: str  # without its marks
    level: int = 0  # 1 to 6 for a heading, 0 for text


@dataclass(frozen=True)
class Pair:
    """A question with its answer, where it stands, and the heading above it."""

    row: int
    question: str
    answer: str
    topic: str = ""


def pairs_of(blocks: Sequence[Block]) -> list[Pair]:
    """The questions and answers of a document, by the first way that finds any; without their numbers."""
    pairs = _found(blocks)
    numbers = [_NUMBER.match(pair.question) for pair in pairs]
    if len(pairs) < 2 or not all(numbers):
        return pairs
    return [replace(pair, question=_NUMBER.sub("", pair.question, count=1)) for pair in pairs]


def _found(blocks: Sequence[Block]) -> list[Pair]:
    if labelled := _labelled(blocks):
        return labelled
    headings = [block for block in blocks if block.level]
    if not any(is_question(block.text) for block in headings) and len(asking := _after_questions(blocks)) >= 2:
        topics = {block.text for block in headings}
        if len(asking) >= len(topics) / 2:  # headings over questions are chapters
            return asking
    return _under_headings(blocks) or _after_questions(blocks)


def rows_left_out(blocks: Sequence[Block], pairs: Sequence[Pair]) -> list[int]:
    """Where paragraphs stand that are in no question, answer or chapter: an introduction, a text between two questions."""
    read = {_bare(line) for p in pairs for text in (p.question, p.answer, p.topic) for line in text.split("\n")}
    texts = (block for block in blocks if not block.level and not _is_title(block.text))
    return [block.row for block in texts if read.isdisjoint(filter(None, map(_bare, block.text.split("\n"))))]


def _is_title(text: str) -> bool:
    """Whether a paragraph is no sentence: a title, a rule, a mark."""
    return "\n" not in text.strip() and (len(text.split()) <= 6 and text.strip()[-1:] not in (".", "!", ":"))


def _bare(line: str) -> str:
    """A line without its label, number and marks, as it is compared."""
    label = _QUESTION.match(line) or _ANSWER.match(line)
    return _NUMBER.sub("", (label[1] if label else line).strip("*_ ")).strip()


def table_of_pairs(file: str, pairs: Sequence[Pair], detail: str = "") -> Table:
    """A table with the columns question, answer and topic."""
    rows: Iterator[Record] = (
        Record(p.row, {"question": p.question, "answer": p.answer, "topic": p.topic}) for p in pairs
    )
    return Table(file, ("question", "answer", "topic"), rows, detail=detail)


def labels_in(lines: Sequence[str]) -> int:
    """How many questions with an answer after them are labelled: ``Q: … A: …``, ``P: … R: …``."""
    asked = False
    count = 0
    for line in lines:
        if _ANSWER.match(line) and asked:
            count += 1
            asked = False
        elif _QUESTION.match(line):
            asked = True
    return count


def _labelled(blocks: Sequence[Block]) -> list[Pair]:
    lines = [(block.row + n, line, block.level) for block in blocks for n, line in enumerate(block.text.split("\n"))]
    if labels_in([line for _, line, _ in lines]) == 0:
        return []
    pairs: list[Pair] = []
    question: list[str] = []
    answer: list[str] = []
    row = 0
    target: list[str] | None = None

    def finish() -> None:
        if question:
            pairs.append(Pair(row, "\n".join(question).strip(), "\n".join(answer).strip(), chapter))

    chapter = ""
    for number, line, level in lines:
        if level and not _QUESTION.match(line) and not _ANSWER.match(line):
            finish()
            question, answer, target, chapter = [], [], None, line.strip()
        elif (match := _ANSWER.match(line)) and question and not answer:
            answer = [match[1]]
            target = answer
        elif match := _QUESTION.match(line):
            finish()
            question, answer, row = [match[1]], [], number
            target = question
        elif target is not None:
            target.append(line)
    finish()
    return pairs


def _under_headings(blocks: Sequence[Block]) -> list[Pair]:
    headings = [block for block in blocks if block.level]
    asking = [block for block in headings if is_question(block.text)]
    # Where some headings ask, the others are chapters; where none does, each heading with text below is a question.
    chosen = asking if len(asking) >= max(1, 0.3 * len(headings)) else headings
    ids = {id(block) for block in chosen}
    pairs: list[Pair] = []
    chapter = ""
    current: Block | None = None
    body: list[str] = []

    def finish() -> None:
        if current is not None and (body or chosen is asking):
            pairs.append(Pair(current.row, current.text, "\n".join(body), chapter))

    for block in blocks:
        inside = current is not None and block.level > current.level
        if id(block) in ids:
            finish()
            current, body = block, []
        elif block.level and not inside:
            finish()
            current, chapter = None, block.text
        elif current is not None and block.text.strip():
            body.append(block.text)
    finish()
    return pairs


def _after_questions(blocks: Sequence[Block]) -> list[Pair]:
    """Lines that end with a question mark, with what follows them; the heading above is their topic."""
    pairs: list[Pair] = []
    current: tuple[int, str] | None = None
    body: list[str] = []
    chapter = ""

    def finish() -> None:
        if current is not None and body:
            pairs.append(Pair(*current, "\n".join(body).strip(), chapter))

    for block, following in zip(blocks, [*blocks[1:], None], strict=False):
        heading = block.level and not block.text.strip("*_ ").endswith("?")
        if heading or _is_chapter(block, following):
            finish()
            current, body, chapter = None, [], block.text
            continue
        for offset, line in enumerate(block.text.split("\n")):
            text = line.strip()
            if text.strip("*_ ").endswith("?") and len(text) < 300:
                finish()
                current, body = (block.row + offset, text.strip("*_ ")), []
            elif current is not None and text:
                body.append(text)
    finish()
    return pairs


def _is_chapter(block: Block, following: Block | None) -> bool:
    """Whether a line that stands alone in capitals, or ends with a colon, is the title of the questions below it."""
    text = block.text.strip()
    short = "\n" not in text and len(text.split()) <= 6 and text[-1:] not in (".", "!", "?")
    asks = following is not None and following.text.split("\n")[0].strip().endswith("?")
    return short and asks and (text.isupper() or text.endswith(":"))
