"""An empty spreadsheet to fill in: titles, two rows to show how, and a note."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

_WIDTHS: Final = (48, 80, 24)  # characters
_NOTE_SIZE: Final = (420, 160)  # pixels


def write_template(path: Path, sheet: str, titles: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> None:
    """Writes the spreadsheet. The note is a comment on the first title, so that no reader takes it for an example."""
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font

    workbook = Workbook()
    page = workbook.active
    page.title = sheet
    for row in (titles, *rows):
        page.append(list(row))
    for cell in page[1]:
        cell.font = Font(bold=True)
    for column, width in zip("ABC", _WIDTHS, strict=True):
        page.column_dimensions[column].width = width
    for row_cells in page.iter_rows(min_row=2):
        for cell in row_cells:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = "A2"
    page["A1"].comment = Comment(note, "Afina", width=_NOTE_SIZE[0], height=_NOTE_SIZE[1])
    workbook.save(path)
