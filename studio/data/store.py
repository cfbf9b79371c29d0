"""Versions on disk: one conversation a line, written once, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.data.lines import is_held_out
from studio.data.memory import collector_at_rest
from studio.domain.conversation import Conversation
from studio.errors import AfinaError, from_exception
from studio.storage.files import atomic_path


@dataclass(frozen=True)
class Written:
    """How many examples were written, and how many of them are held out."""

    examples: int
    held_out: int


def write(path: Path, conversations: Iterable[Conversation | bytes]) -> Written:
    """Writes a version. Nothing is left behind when the conversations end in an error.

    Args:
        path: of the version.
        conversations: examples, or lines of an earlier version, which are copied.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``; and whatever the conversations raise.
    """
    examples = held_out = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for item in conversations:
            if isinstance(item, bytes):
                file.write(item)
                held_out += is_held_out(item)
            else:
                file.write(item.model_dump_json(exclude_defaults=True).encode() + b"\n")
                held_out += item.held_out is True
            examples += 1
    return Written(examples, held_out)


def read(path: Path) -> Iterator[Conversation]:
    """Yields the conversations of a version.

    Raises:
        AfinaError: ``disk.missing`` when the file is gone, ``data.version_damaged`` when a line cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield Conversation.model_validate_json(line)
    except OSError as error:
        raise from_exception(error) from error
    except ValueError as error:
        raise AfinaError("data.version_damaged", file=path.name) from error


def read_all(path: Path) -> tuple[Conversation, ...]:
    """All conversations of a version at once. Raises as :func:`read`."""
    with collector_at_rest():
        return tuple(read(path))
