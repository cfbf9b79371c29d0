"""The examples of a version: one a line of a file that is written once and never changed; any is read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from studio.data.jsonl_codec import dumped, is_held_out, line_id, parsed
from studio.domain.conversation import Conversation
from studio.errors import translated_os_errors
from studio.storage.files import atomic_path

_BLOCK_BYTES: Final = 2 << 20


def line_starts(path: Path) -> NDArray[np.int64]:
    """Where each line of a file begins, and where the last one ends: ``(lines + 1,)`` bytes. Raises ``disk.missing`` …"""
    found = [np.zeros(1, np.int64)]
    done = 0
    with translated_os_errors(), path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            found.append(np.flatnonzero(np.frombuffer(block, np.uint8) == 10) + (done + 1))
            done += len(block)
    starts = np.concatenate(found)
    return starts if starts[-1] == done else np.append(starts, done)  # a line without an end is damaged, and there


def write_rows(path: Path, conversations: Iterable[Conversation | bytes]) -> tuple[int, int]:
    """Writes a version. Nothing is left behind when the conversations end in an error.

    Args:
        path: of the version.
        conversations: examples, or lines of an earlier version, which are copied.

    Returns:
        How many examples were written, and how many of them are held out.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``; and whatever the conversations raise.
    """
    examples = held_out = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for item in conversations:
            line = item if isinstance(item, bytes) else dumped(item)
            file.write(line)
            held_out += is_held_out(line)
            examples += 1
    return examples, held_out


def first_rows(path: Path, count: int) -> tuple[Conversation, ...]:
    """The first examples of a file. Raises as :class:`Rows`."""
    with translated_os_errors(), path.open("rb") as file:
        return tuple(parsed(line, path.name) for line in islice(file, count))


class Rows(Sequence[Conversation]):
    """The examples of a version, some of them changed since.

    Args:
        path: one example a line.
        starts: of :func:`line_starts`; read from the file where None.
        order: places of the lines; from the number of lines on, places in ``fresh``. All as they are where None.
        fresh: changed examples.

    Raises:
        AfinaError: ``disk.missing`` … when the file cannot be read, ``data.version_damaged`` when a line cannot; so do
            all methods that read.
    """

    def __init__(
        self,
        path: Path,
        starts: NDArray[np.int64] | None = None,
        order: NDArray[np.int64] | None = None,
        fresh: Sequence[Conversation] = (),
    ) -> None:
        self.path = path
        self._starts = line_starts(path) if starts is None else starts
        self._is_whole = order is None
        self._order = np.arange(len(self._starts) - 1) if order is None else order
        self._fresh = fresh

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> Conversation: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Conversation, ...]: ...

    def __getitem__(self, place: int | slice) -> Conversation | tuple[Conversation, ...]:
        if isinstance(place, slice):
            return self.at(range(len(self))[place])
        return self.at([place])[0]

    def __iter__(self) -> Iterator[Conversation]:
        return self._parsed(self._order)

    @property
    def changed(self) -> int:
        """How many are not as they are in the file."""
        return int((self._order >= len(self._starts) - 1).sum())

    def at(self, places: Iterable[int]) -> tuple[Conversation, ...]:
        """The examples at some places, in that order."""
        return tuple(self._parsed(self._order[np.fromiter(places, np.int64)]))

    def ids(self, places: Iterable[int]) -> tuple[str, ...]:
        """The ids of the examples at some places, in that order, without reading their texts."""
        return tuple(map(line_id, self.lines(places)))

    def lines(self, places: Iterable[int] | None = None) -> Iterator[bytes]:
        """Yields the examples at some places as they are stored, all where None."""
        order = self._order if places is None else self._order[np.fromiter(places, np.int64)]
        return (item if isinstance(item, bytes) else dumped(item) for item in self._stored(order))

    def patched(self, order: NDArray[np.int64], fresh: Sequence[Conversation] = ()) -> Rows:
        """These rows in another order, some of them changed.

        Args:
            order: places among these rows; from their number on, places in ``fresh``.
            fresh: changed examples.
        """
        lines = len(self._starts) - 1
        known = np.concatenate((self._order, lines + len(self._fresh) + np.arange(len(fresh))))
        return Rows(self.path, self._starts, known[order], (*self._fresh, *fresh))

    def _parsed(self, order: NDArray[np.int64]) -> Iterator[Conversation]:
        return (parsed(item, self.path.name) if isinstance(item, bytes) else item for item in self._stored(order))

    def _stored(self, order: NDArray[np.int64]) -> Iterator[bytes | Conversation]:
        total = len(self._starts) - 1
        with translated_os_errors(), self.path.open("rb") as file:
            if order is self._order and self._is_whole:
                yield from file
                return
            for line in order.tolist():
                if line >= total:
                    yield self._fresh[line - total]
                    continue
                file.seek(int(self._starts[line]))
                yield file.read(int(self._starts[line + 1] - self._starts[line]))
