"""Versions on disk: one conversation a line, written once, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.data.gc_pause import collector_at_rest
from studio.data.jsonl_codec import is_held_out
from studio.domain.conversation import Conversation
from studio.errors import AfinaError, from_exception
from studio.storage.files import atomic_path

_BLOCK: Final = 2 << 20
OnBlock = Callable[[tuple[Path, Path], int, int], None]


@dataclass(frozen=True)
class Written:
    """How many examples were written, and how many of them are held out."""

    examples: int
    held_out: int


def write(path: Path, conversations: Iterable[Conversation | bytes], on_block: OnBlock | None = None) -> Written:
    """Writes a version. Nothing is left behind when the conversations end in an error.

    Args:
        path: of the version.
        conversations: examples, or lines of an earlier version, which are copied.
        on_block: told of every block of whole lines once it is on disk: where the file lies by now and in the end, and
            the first and the last byte of the block, so that others can read it while this goes on.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``; and whatever the conversations raise.
    """
    examples = held_out = told = size = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for item in conversations:
            if isinstance(item, bytes):
                size += file.write(item)
                held_out += is_held_out(item)
            else:
                size += file.write(item.model_dump_json(exclude_defaults=True).encode() + b"\n")
                held_out += item.held_out is True
            examples += 1
            if on_block is not None and size - told >= _BLOCK:
                file.flush()
                on_block((temporary, path), told, size)
                told = size
        if on_block is not None and size > told:
            file.flush()
            on_block((temporary, path), told, size)
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
