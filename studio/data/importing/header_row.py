"""Which row of a table holds the titles of its columns: the first one, or the first below blank and title lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from studio.data.importing.column_content import Content, content_of, kind_of
from studio.data.importing.column_names import ABOUT, exact_role, header_role
from studio.data.text import plain
from studio.domain.dataset import ColumnRole

_PAIR: Final = {ColumnRole.QUESTION, ColumnRole.ANSWER}
_IDENTIFIER: Final = re.compile(r"[a-z]+(?:_[a-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+")
_SENTENCE_END: Final = (".", "!", "?", "…", ";", ":")
_TYPED: Final = frozenset(Content) - {Content.CONSTANT}
_LETTERS: Final = ({"q", "a"}, {"p", "r"})
_LONG_TITLE: Final = 10  # words


@dataclass(frozen=True)
class HeaderRow:
    """Where a table begins."""

    first: int  # index of the first row that belongs to the table; what stands above it does not
    titled: bool  # whether that row holds the titles
    sure: bool = True  # False where both would be possible


def header_row(rows: Sequence[Sequence[str]]) -> HeaderRow:
    """Where the titles of a table are."""
    for index, row in enumerate(rows):
        if {exact_role(cell) for cell in row} >= _PAIR or {plain(cell) for cell in row if cell.strip()} in _LETTERS:
            return HeaderRow(index, True)
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = Counter(filled).most_common(1)[0][0] if len(rows) > 2 else max(filled)
    enough = max(1, min(2, usual), usual // 2)
    first = next((index for index, count in enumerate(filled) if count >= enough), 0)
    if first > 3 and filled[0] >= 2:  # not titles but rows with gaps
        first = 0
    difference = _titles(rows[first], rows[first + 1 :])
    return HeaderRow(first, difference > 0, abs(difference) >= 1)


def _titles(row: Sequence[str], body: Sequence[Sequence[str]]) -> float:
    """How much more a row looks like titles than like the rows below it; below 0 where it looks like one of them."""
    named: set[ColumnRole] = set()
    score = 0.0
    for place, cell in enumerate(row):
        text = cell.strip()
        if not text:
            continue
        below = [other[place].strip() for other in body if place < len(other) and other[place].strip()]
        found = _title(text, below)
        role, sureness = header_role(text)
        if found > 0 and role in _PAIR and sureness >= 1:
            named.add(role)
        score += found
    return score + 2 * (len(named) == 2)


def _title(text: str, below: list[str]) -> float:
    """The same of one cell."""
    count = len(text.split())
    role, sureness = header_role(text)
    known = plain(text).split()
    if text in below or kind_of(text) in (Content.DATES, Content.NUMBERS, Content.CODES, Content.NESTED):
        return -2.0
    if count > _LONG_TITLE or len(text) > 80:
        return -2.0
    if role in _PAIR and sureness >= 1 and count <= 4:
        return 1.0
    if text.endswith(_SENTENCE_END) and count >= 2 and not text.endswith(":"):
        return -1.5
    if text.endswith("?"):
        return -1.0
    typed = content_of(below) if len(below) >= 2 else None
    if typed in _TYPED and kind_of(text) is not typed:
        return 1.5
    if _IDENTIFIER.fullmatch(text):
        return 1.0
    if (role is not None or any(word in ABOUT for word in known)) and count <= 4:
        return 1.0 if sureness >= 0.8 else 0.5
    words_below = [len(other.split()) for other in below]
    mean = sum(words_below) / len(words_below) if words_below else 0.0
    if count <= 3 and mean >= 4 and mean >= 2.5 * count and not re.search(r"[\d.,!?]", text):
        return 0.5
    if count <= 2 and mean > count and not re.search(r"[\d.,!?]", text):
        return 0.25
    return -0.25 if count >= 4 else 0.0
