"""Which rows of the table a person wants to see, and in which order, without holding the examples in memory."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from studio.data.jsonl_codec import line_id, parsed
from studio.data.text import folded
from studio.data.versions.editing import HeldOut
from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation

_TOPIC: Final = re.compile(rb'"topic":("(?:[^"\\]|\\.)*")')


class Sort(StrEnum):
    """The order of the rows."""

    AS_IS = ""
    QUESTION = "question"
    ANSWER = "answer"
    SHORTEST = "shortest"  # answer first
    LONGEST = "longest"


_SORT_KEYS: Final[dict[Sort, Callable[[Conversation], Any]]] = {
    Sort.QUESTION: lambda conversation: folded(conversation.question),
    Sort.ANSWER: lambda conversation: folded(conversation.answer),
    Sort.SHORTEST: lambda conversation: len(conversation.answer),
    Sort.LONGEST: lambda conversation: -len(conversation.answer),
}


@dataclass(frozen=True)
class Query:
    """What is wanted."""

    search: str = ""  # a text in a question or an answer, whatever its case and accents
    topic: str | None = None  # rows of this topic alone; None for all
    held_out: HeldOut | None = None  # rows with this purpose alone
    sort: Sort = Sort.AS_IS  # their order
    ids: tuple[str, ...] = ()  # rows of these examples alone; empty for all

    @property
    def is_all(self) -> bool:
        """Whether it is every row as it stands."""
        return self == Query()


def topics(rows: Rows, limit: int) -> list[str]:
    """The most frequent topics, in their alphabetical order."""
    counts = Counter(found[1] for found in map(_TOPIC.search, rows.lines()) if found)
    return sorted((json.loads(topic) for topic, _ in counts.most_common(limit)), key=folded)


def select(rows: Rows, query: Query, among: Sequence[int] | None = None) -> Sequence[int]:
    """The 0-based places of the rows that are wanted."""
    places = range(len(rows)) if among is None else among
    if query.is_all:
        return places
    needle = folded(query.search.strip())
    quoted = folded(json.dumps(query.search.strip(), ensure_ascii=False)[1:-1])
    chosen = array("I")
    keys: list[tuple[Any, int]] = []
    for place, line in zip(places, rows.lines(among), strict=True):
        if query.ids and line_id(line) not in query.ids:
            continue
        if needle and quoted not in folded(line.decode(errors="replace")):
            continue
        if query.topic is not None and b'"topic":' not in line:
            continue
        conversation = parsed(line)
        if not _wanted(conversation, query, needle):
            continue
        chosen.append(place)
        if query.sort:
            keys.append((_SORT_KEYS[query.sort](conversation), place))
    return array("I", (place for _, place in sorted(keys))) if query.sort else chosen


def _wanted(conversation: Conversation, query: Query, needle: str) -> bool:
    if query.topic is not None and conversation.topic != query.topic:
        return False
    if query.held_out is not None and conversation.held_out is not query.held_out.flag:
        return False
    return not needle or any(needle in folded(message.content) for message in conversation.messages)
