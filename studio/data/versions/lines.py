"""The file of a version as lines: any of them at once, and what stays is copied without being read."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from studio.domain.conversation import Conversation, Role
from studio.errors import AfinaError, from_exception

# Turns come first in a line, and within a text every quote is escaped: the first such place is the example's own id.
_ID: Final = re.compile(rb'\],"id":"([^"\\]*)"')
_ROLES: Final = {role: role.value for role in Role}


class Lines:
    """Where each example of a version begins in its file: 8 bytes an example.

    Args:
        path: of the version, which never changes.

    Raises:
        AfinaError: ``disk.missing`` when the file is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts = array("Q", [0])
        end = 0
        try:
            with path.open("rb") as file:
                for line in file:
                    end += len(line)
                    self._starts.append(end)
        except OSError as error:
            raise from_exception(error) from error

    def __len__(self) -> int:
        return len(self._starts) - 1

    def raw(self) -> Iterator[bytes]:
        """Yields every line as it is stored. Raises as :meth:`conversations`."""
        try:
            with self._path.open("rb") as file:
                yield from file
        except OSError as error:
            raise from_exception(error) from error

    def raw_at(self, positions: Iterable[int]) -> Iterator[bytes]:
        """Yields the lines at 0-based ``positions``, in their order. Raises as :meth:`conversations`."""
        try:
            with self._path.open("rb") as file:
                for position in positions:
                    file.seek(self._starts[position])
                    yield file.read(self._starts[position + 1] - self._starts[position])
        except OSError as error:
            raise from_exception(error) from error

    def conversations(self, positions: Iterable[int]) -> list[Conversation]:
        """The examples at 0-based ``positions``, in their order.

        Raises:
            AfinaError: ``disk.missing`` when the file is gone, ``data.version_damaged`` when a line cannot be read.
        """
        return [parsed(line, self._path.name) for line in self.raw_at(positions)]


def parsed(line: bytes, name: str = "") -> Conversation:
    """The example in a line. Raises ``data.version_damaged``."""
    try:
        return Conversation.model_validate_json(line)
    except ValueError as error:
        raise AfinaError("data.version_damaged", file=name) from error


def line_of(conversation: Conversation, named: str) -> bytes:
    """The line of an example under an id: what pydantic would write, in a third of the time."""
    source = conversation.source
    line: dict[str, Any] = {
        "messages": [
            {"role": _ROLES[said.role], "content": said.content}
            if said.learn
            else {"role": _ROLES[said.role], "content": said.content, "learn": False}
            for said in conversation.messages
        ]
    }
    if named:
        line["id"] = named
    if source is not None:
        line["source"] = {"file": source.file, "row": source.row}
        if source.sheet is not None:
            line["source"]["sheet"] = source.sheet
        if source.key is not None:
            line["source"]["key"] = source.key
    for name in ("topic", "held_out", "reworded_from"):
        if (value := getattr(conversation, name)) is not None:
            line[name] = value
    if conversation.extra:
        if not all(type(value) is str for value in conversation.extra.values()):  # others are written as pydantic does
            return conversation.model_copy(update={"id": named}).model_dump_json(exclude_defaults=True).encode() + b"\n"
        line["extra"] = conversation.extra
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def line_id(line: bytes) -> str:
    """The id of the example in a line, without reading its texts."""
    found = _ID.search(line)
    return found[1].decode() if found else str(json.loads(line).get("id", ""))


def is_held_out(line: bytes) -> bool:
    """Whether the example in a line is kept for the test."""
    return b'"held_out":true' in line and json.loads(line).get("held_out") is True
