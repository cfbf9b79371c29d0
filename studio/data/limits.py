"""Bounds on what is read, so that a hostile or mistaken file costs seconds and not the machine."""

from __future__ import annotations

from typing import Final

MAX_COLUMNS: Final = 500
MAX_ROWS: Final = 5_000_000
MAX_CELL: Final = 100_000  # characters of one question or answer; a longer one is named and left out
MAX_UNPACKED: Final = 1_000_000_000  # bytes of a zip or a workbook once unpacked
MAX_CELLS: Final = 50_000_000  # of one sheet: rows x columns
MAX_ENTRIES: Final = 10_000  # files in a zip or a folder
MIN_EXAMPLES: Final = 2  # one to learn from and one to ask
LARGE: Final = 20_000  # examples: beyond, they stay on disk, and are checked by processes of their own
CHECKED_AT_ONCE: Final = 2_000  # examples that are checked while a page waits; beyond, by a process of its own
DRAWN_AT_ONCE: Final = 2_000  # examples whose test is drawn while a page waits; beyond, by a process of its own
SHOWN: Final = 1_000  # examples that a view holds
HEAD: Final = 65_536  # bytes looked at to recognise a file
SAMPLE_ROWS: Final = 200  # rows looked at to recognise columns
