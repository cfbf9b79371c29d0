"""Examples that stay on disk: any of a million is read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from studio.data.jsonl_codec import line_id
from studio.domain.conversation import Conversation
from studio.errors import AfinaError, from_exception

_BLOCK: Final = 4 << 20  # bytes read at once where all are read


def line_starts(path: Path) -> NDArray[np.int64]:
    """Where each line of a file begins, and where the last one ends: ``(lines + 1,)`` bytes.

    Raises:
        AfinaError: ``disk.missing`` … when the file cannot be read.
    """
    found = [np.zeros(1, np.int64)]
    done = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                found.append(np.flatnonzero(np.frombuffer(block, np.uint8) == 10) + (done + 1))
                done += len(block)
    except OSError as error:
        raise from_exception(error) from error
    return np.concatenate(found)


class Rows(Sequence[Conversation]):
    """The examples of a version, some of them changed since.

    Args:
        path: one example a line.
        starts: of :func:`line_starts`.
        order: places of the lines; from the number of lines on, places in ``fresh``.
        fresh: changed examples.
    """

    def __init__(
        self,
        path: Path,
        starts: NDArray[np.int64],
        order: NDArray[np.int64] | None = None,
        fresh: Sequence[Conversation] = (),
    ) -> None:
        self._path = path
        self._starts = starts
        self._order = np.arange(len(starts) - 1) if order is None else order
        self._fresh = fresh

    @classmethod
    def of(cls, path: Path) -> Rows:
        """All examples of a version, as they are in its file. Raises ``disk.missing`` …"""
        return cls(path, line_starts(path))

    @property
    def path(self) -> Path:
        """The file that they lie in."""
        return self._path

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> Conversation: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Conversation, ...]: ...

    def __getitem__(self, place: int | slice) -> Conversation | tuple[Conversation, ...]:
        if isinstance(place, slice):
            return tuple(self._read(self._order[place]))
        return next(self._read(self._order[place : place + 1 or None]))

    def __iter__(self) -> Iterator[Conversation]:
        return self._read(self._order)

    @property
    def changed(self) -> int:
        """How many are not as they are in the file."""
        return int((self._order >= len(self._starts) - 1).sum())

    def ids(self, places: Sequence[int]) -> tuple[str, ...]:
        """The ids of the examples at some places, in that order, without reading their texts."""
        found = self._lines(self._order[np.asarray(places, np.int64)])
        return tuple(line_id(item) if isinstance(item, bytes) else item.id for item in found)

    def lines(self) -> Iterator[Conversation | bytes]:
        """Yields all of them, those that are as they are in the file as their lines."""
        return self._lines(self._order)

    def _lines(self, places: NDArray[np.int64]) -> Iterator[Conversation | bytes]:
        total = len(self._starts) - 1
        try:
            with self._path.open("rb") as file:
                for line in places.tolist():
                    if line >= total:
                        yield self._fresh[line - total]
                        continue
                    file.seek(int(self._starts[line]))
                    yield file.read(int(self._starts[line + 1] - self._starts[line]))
        except OSError as error:
            raise from_exception(error) from error

    def at(self, places: Sequence[int]) -> tuple[Conversation, ...]:
        """The examples at some places, in that order."""
        return tuple(self._read(self._order[np.asarray(places, np.int64)]))

    def patched(self, order: NDArray[np.int64], fresh: Sequence[Conversation]) -> Rows:
        """These rows in another order, some of them changed.

        Args:
            order: places among these rows; from their number on, places in ``fresh``.
            fresh: changed examples.
        """
        lines = len(self._starts) - 1
        known = np.concatenate((self._order, lines + len(self._fresh) + np.arange(len(fresh))))
        return Rows(self._path, self._starts, known[order], (*self._fresh, *fresh))

    def _read(self, lines: NDArray[np.int64]) -> Iterator[Conversation]:
        """Yields examples; lines that follow each other are read in one go."""
        total = len(self._starts) - 1
        try:
            with self._path.open("rb") as file:
                place = 0
                while place < len(lines):
                    line = int(lines[place])
                    if line >= total:
                        yield self._fresh[line - total]
                        place += 1
                        continue
                    last = self._run(lines, place)
                    file.seek(int(self._starts[line]))
                    block = file.read(int(self._starts[lines[last - 1] + 1] - self._starts[line]))
                    for text in block.splitlines():
                        yield Conversation.model_validate_json(text)
                    place = last
        except OSError as error:
            raise from_exception(error) from error
        except ValueError as error:
            raise AfinaError("data.version_damaged", file=self._path.name) from error

    def _run(self, lines: NDArray[np.int64], place: int) -> int:
        """The end of the run of lines that begins at a place: they follow each other and fit a block."""
        some = lines[place : place + 5_000]
        apart = np.flatnonzero(np.diff(some) != 1)
        length = int(apart[0]) + 1 if len(apart) else len(some)
        full = np.flatnonzero(self._starts[some[:length] + 1] - self._starts[some[0]] > _BLOCK)
        return place + (max(1, int(full[0])) if len(full) else length)
