"""``.qna`` files of QnA Maker and Composer: a question after ``# ?``, further wordings as a list, the answer fenced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.importing.table import Reader, Record, SourceFile, Table
from studio.data.text import read_text

_QUESTION: Final = re.compile(r"^#+\s*\?\s*(.+?)\s*$", re.M)
_WORDING: Final = re.compile(r"^\s*[-*+]\s+(.+?)\s*$", re.M)
_ANSWER: Final = re.compile(r"```(?:markdown)?[ \t]*\n(.*?)\n?[ \t]*```", re.S)


def _sniff(source: SourceFile) -> float:
    return 0.97 if _QUESTION.search(source.start) and _ANSWER.search(source.start) else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    yield Table(source.name, ("question", "answer"), _rows(source), detail=source.encoding)


def _rows(source: SourceFile) -> Iterator[Record]:
    text = read_text(source.path, source.encoding).replace("\r\n", "\n")
    found = list(_QUESTION.finditer(text))
    for match, following in zip(found, [*found[1:], None], strict=True):
        body = text[match.end() : following.start() if following else len(text)]
        answer = _ANSWER.search(body)
        variants = _WORDING.findall(body[: answer.start()] if answer else body)
        row = text.count("\n", 0, match.start()) + 1
        yield Record(row, {"question": [match[1], *variants], "answer": answer[1].strip() if answer else ""})


READER: Final = Reader("qna", ("qna",), _sniff, _read)
