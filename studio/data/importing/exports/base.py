"""What an export of a program is: a shape of JSON or YAML that needs its own reading."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from studio.data.importing.findings import Findings
from studio.data.importing.table import Record

PAUSE: Final = timedelta(hours=8)  # after which the next message begins another conversation
_BREAK: Final = re.compile(r"<(?:br|/p|/li|/div)\s*/?>", re.I)
_TAG: Final = re.compile(r"</?[a-z][^>]*>", re.I)


@dataclass(frozen=True)
class Export:
    """One shape."""

    name: str  # of the program, for the command line
    fits: Callable[[Any], bool]  # whether a value has that shape
    # its records; notes in the findings, under the label, what is left out
    rows: Callable[[Any, Findings, str], Iterator[Record]]
    columns: tuple[str, ...]  # of the records


CHAT: Final = ("conversation", "sender", "message")
PAIRS: Final = ("question", "answer", "topic")
TURNS: Final = ("messages", "topic", "id")


def records(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, of the only list in an object, in an object by their names, or the object itself."""
    if isinstance(value, dict) and value and all(isinstance(item, dict) for item in value.values()):
        return [{"tag": name, **item} for name, item in value.items()]
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
        value = lists[0] if len(lists) == 1 and not {"comments", "conversations"} & value.keys() else [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def some(value: Any) -> list[dict[str, Any]]:
    """The first of :func:`records`: enough to know a shape."""
    return records(value)[:20]


def has(fits: Callable[[dict[str, Any]], bool]) -> Callable[[Any], bool]:
    """Whether one of the first records of a value has a shape."""
    return lambda value: any(map(fits, some(value)))


def texts(value: Any) -> list[str]:
    """A text or a list of texts as a list."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def without_markup(text: Any) -> str:
    """A text without its tags, where it has any."""
    if not isinstance(text, str) or "<" not in text:
        return text.strip() if isinstance(text, str) else ""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).strip()


def moment(value: Any) -> datetime | None:
    """The moment that a text or a number of seconds stands for, without its zone."""
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\d{9,11}(\.\d+)?", value)):
            return datetime.fromtimestamp(float(value))
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


def by_pause(messages: Iterable[tuple[datetime | None, str, str, int]]) -> Iterator[Record]:
    """Messages (when, who, what, number) as rows of a log; a long pause begins another conversation."""
    number = 0
    last: datetime | None = None
    for when, who, what, place in messages:
        if not number or (when is not None and last is not None and abs(when - last) > PAUSE):
            number += 1
        last = when or last
        yield Record(place, {"conversation": str(number), "sender": who, "message": what})
