"""A table of questions: read as it is, written back with one column more."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from studio.data.importing.column_names import header_role
from studio.data.importing.readers.delimited import find_separator
from studio.data.text import detect_encoding, read_text
from studio.data.versions.export import safe_cell
from studio.domain.dataset import ColumnRole
from studio.errors import AfinaError
from studio.storage.files import write_atomic


@dataclass(frozen=True)
class QuestionTable:
    """A CSV or TSV file with a header.

    Args:
        name: of the file, for errors.
        rows: as long as the header each.
        marked: whether it is written with a byte order mark, without which Excel misreads accents.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    separator: str = ","
    marked: bool = False

    @classmethod
    def read(cls, path: Path) -> QuestionTable:
        """Reads a file; the encoding and the separator are recognised.

        Raises:
            AfinaError: ``cli.questions_empty``, ``cli.questions_broken``, ``disk.missing`` …
        """
        encoding = detect_encoding(path)
        text = read_text(path, encoding).lstrip("\ufeff")
        separator = find_separator(text[:60_000])[0] or ","
        header = text.lstrip().partition("\n")[0]
        # Without a separator in its header it is a plain list, and a comma in a question is a comma.
        delimiter = separator if separator in header else "\x1f"
        try:
            records = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
        except csv.Error as error:
            raise AfinaError("cli.questions_broken", file=path.name, detail=str(error)) from error
        if len(records) < 2:
            raise AfinaError("cli.questions_empty", file=path.name)
        width = max(map(len, records))
        padded = [tuple(row) + ("",) * (width - len(row)) for row in records]
        columns = tuple(cell.strip() for cell in padded[0])
        return cls(path.name, columns, tuple(padded[1:]), separator, marked=encoding != "utf-8")

    def questions(self, column: str | None = None) -> list[str]:
        """The questions, one a row; an empty cell is an empty question.

        Args:
            column: name of the column; recognised by its header, or the only one, where not given.

        Raises:
            AfinaError: ``cli.no_question_column`` with the columns that there are.
        """
        position = self._question_position(column)
        return [row[position].strip() for row in self.rows]

    def with_column(self, name: str, cells: Sequence[str]) -> QuestionTable:
        """The table with a column more, at the end.

        Args:
            name: must not be taken.

        Raises:
            AfinaError: ``cli.column_taken``.
        """
        self.require_free(name)
        rows = tuple((*row, cell) for row, cell in zip(self.rows, cells, strict=True))
        return replace(self, columns=(*self.columns, name), rows=rows)

    def require_free(self, name: str) -> None:
        """Checks that no column has this name, whatever the case. Raises ``cli.column_taken``."""
        if name.casefold() in {column.casefold() for column in self.columns}:
            raise AfinaError("cli.column_taken", column=name, file=self.name)

    def free_name(self, name: str) -> str:
        """The name, with a number where a column has it already: ``answer``, ``answer_2``, …"""
        taken = {column.casefold() for column in self.columns}
        names = (name if number == 1 else f"{name}_{number}" for number in count(1))
        return next(each for each in names if each.casefold() not in taken)

    def write(self, path: Path) -> None:
        """Writes the table as UTF-8, whole or not at all; a cell that a spreadsheet would run is marked as text."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=self.separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([safe_cell(cell) for cell in row] for row in (self.columns, *self.rows))
        write_atomic(path, buffer.getvalue().encode("utf-8-sig" if self.marked else "utf-8"))

    def _question_position(self, column: str | None) -> int:
        if column is not None:
            if column in self.columns:
                return self.columns.index(column)
        elif len(self.columns) == 1:
            return 0
        else:
            asking = [header_role(name) for name in self.columns]
            sure = [certainty if role is ColumnRole.QUESTION else 0.0 for role, certainty in asking]
            if max(sure) > 0:
                return sure.index(max(sure))
        raise AfinaError("cli.no_question_column", file=self.name, columns=", ".join(self.columns))
