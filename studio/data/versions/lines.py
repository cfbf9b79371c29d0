"""The file of a version as lines: any of them at once, and what stays is copied without being read."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from studio.data.jsonl_codec import parsed
from studio.domain.conversation import Conversation
from studio.errors import from_exception


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
