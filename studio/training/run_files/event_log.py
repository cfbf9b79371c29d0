"""``events.jsonl``: the worker appends a line an event; anybody may read on from where they stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from studio.domain.event import Event, parse_events


class EventLog:
    """Appends events to a file, each flushed as a whole line. A context manager.

    Args:
        path: the file; what is in it stays. A last line cut off by a crash is closed first, so that the next event
            does not continue it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = path.is_file() and path.stat().st_size > 0 and not _ends_with_newline(path)
        self._file: IO[str] = path.open("a", encoding="utf-8")
        if cut:
            self._file.write("\n")

    def write(self, event: Event) -> None:
        """Appends one event and hands it to the operating system at once.

        Raises:
            OSError: when the disk is full or the file cannot be written.
        """
        self._file.write(event.model_dump_json() + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Reads the whole lines written since ``offset``.

    Args:
        path: ``events.jsonl``; a missing file has no events.
        offset: byte position that the last call returned; 0 for the beginning.

    Returns:
        The events, and the offset for the next call. A line still being written is left for that call.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    end = data.rfind(b"\n") + 1
    lines = data[:end].decode("utf-8", errors="replace").split("\n")  # not splitlines: answers may hold U+2028
    return list(parse_events(lines)), offset + end


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
