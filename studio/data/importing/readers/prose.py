"""Plain text without questions: one record a paragraph, as sets for the first training of language models are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from studio.data.importing.table import Reader, Record, SourceFile, Table
from studio.data.limits import MAX_CELL
from studio.data.text import lines

_LONG: Final = 200  # characters of a paragraph that is no line of a list or a table
_ENOUGH: Final = 2  # such paragraphs


def _sniff(source: SourceFile) -> float:
    if source.suffix not in ("txt", "text", ""):
        return 0.0
    found = [line for line in source.start.splitlines() if line.strip()]
    long = [line for line in found if len(line) >= _LONG and " " in line]
    # A table as text has a separator in every line, and is surer of itself.
    return 0.35 if len(long) >= _ENOUGH and sum(map(len, long)) >= 0.7 * sum(map(len, found)) else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    yield Table(source.name, ("text",), _rows(source), detail=source.encoding)


def _rows(source: SourceFile) -> Iterator[Record]:
    """Long lines; titles and the like between them are passed over."""
    for number, line in enumerate(lines(source.path, source.encoding), start=1):
        text = line.strip().lstrip("\ufeff")
        if len(text) >= _LONG:
            yield Record(number, {"text": text[: MAX_CELL + 1]})


READER: Final = Reader("prose", ("txt",), _sniff, _read)
