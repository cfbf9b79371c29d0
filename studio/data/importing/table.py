"""What a reader is, and what it gives: tables of rows, read as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from studio.data.importing.findings import Findings
from studio.data.limits import HEAD
from studio.data.text import detect_encoding
from studio.domain.conversation import table_label
from studio.errors import translated_os_errors


class Record(NamedTuple):
    """A record: its number as a person would count it in the file, and its values by column."""

    number: int
    values: dict[str, Any]


@dataclass
class Table:
    """Records of one file or sheet. ``rows`` can be read once."""

    file: str
    columns: tuple[str, ...]
    rows: Iterator[Record]
    sheet: str | None = None
    held_out: bool | None = None  # where the name of the table says so: `test`, `train`
    detail: str = ""  # how it was read, for the command line: `utf-8, ;`
    titled: bool = True  # False where the columns are called by their letters
    titles_guessed: int | None = None  # the row that was taken for titles and may be none

    @property
    def label(self) -> str:
        """The file, with its sheet where it has several."""
        return table_label(self.file, self.sheet)


@dataclass
class ReadCounter:
    """How much of a file was read."""

    letters: int = 0


@dataclass(frozen=True)
class SourceFile:
    """A file before it is read: enough to recognise what it is."""

    path: Path
    name: str  # what the person calls it
    findings: Findings = field(default_factory=Findings, compare=False)  # where a reader notes what it finds wrong
    depth: int = 0  # how many archives it lies in
    meter: ReadCounter = field(default_factory=ReadCounter, compare=False)

    @cached_property
    def head(self) -> bytes:
        """The first bytes. Raises ``disk.missing`` or ``disk.not_writable`` when the file cannot be opened."""
        with translated_os_errors(), self.path.open("rb") as file:
            return file.read(HEAD)

    @cached_property
    def encoding(self) -> str:
        """Name of the codec; see :func:`studio.data.text.detect_encoding`."""
        return detect_encoding(self.path)

    @cached_property
    def start(self) -> str:
        """The first characters, without a byte order mark."""
        codec = {"utf-8-mixed": "utf-8", "utf-8-sig": "utf-8"}.get(self.encoding, self.encoding)
        return self.head.decode(codec, "ignore").lstrip("\ufeff")

    @property
    def suffix(self) -> str:
        """The ending of its name, lower case, without the dot."""
        return Path(self.name).suffix.lower().lstrip(".")


@dataclass(frozen=True)
class Reader:
    """One file format family."""

    name: str  # `reader.<name>` in the catalogs says what it reads
    extensions: tuple[str, ...]  # usual endings of names, for the file dialog; recognition goes by content
    sniff: Callable[[SourceFile], float]  # how sure it is that it can read the file, 0 to 1
    # yields the tables of the file; notes problems of rows in ``source.findings``
    read: Callable[[SourceFile], Iterator[Table]]
    binary: bool = False  # whether it reads bytes rather than text
