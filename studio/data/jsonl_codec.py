"""An example as a line of JSON and back, and what can be read off a line without reading all of it."""

from __future__ import annotations

import json
import re
from typing import Final

from studio.domain.conversation import Conversation
from studio.errors import AfinaError

# Turns come first in a line, and within a text every quote is escaped: the first such place is the example's own id.
_ID: Final = re.compile(rb'\],"id":"([^"\\]*)"')


def parsed(line: bytes, name: str = "") -> Conversation:
    """The example in a line. Raises ``data.version_damaged``."""
    try:
        return Conversation.model_validate_json(line)
    except ValueError as error:
        raise AfinaError("data.version_damaged", file=name) from error


def dumped(conversation: Conversation) -> bytes:
    """The line of an example."""
    return conversation.model_dump_json(exclude_defaults=True).encode() + b"\n"


def line_id(line: bytes) -> str:
    """The id of the example in a line, without reading its texts."""
    found = _ID.search(line)
    return found[1].decode() if found else str(json.loads(line).get("id", ""))


def is_held_out(line: bytes) -> bool:
    """Whether the example in a line is kept for the test."""
    return b'"held_out":true' in line and json.loads(line).get("held_out") is True
