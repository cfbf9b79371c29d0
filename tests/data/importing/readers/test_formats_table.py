"""The table of formats in the docs is what the registry says."""

from __future__ import annotations

from pathlib import Path

from studio.data.importing.readers import READERS
from studio.data.importing.readers.__main__ import table

DOCUMENT = Path(__file__).parents[4] / "studio" / "data" / "importing" / "readers" / "FORMATS.md"


def test_the_table_of_formats_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == table(), (
        "run: python -m studio.data.importing.readers > studio/data/importing/readers/FORMATS.md"
    )


def test_every_reader_has_its_row() -> None:
    rows = [line for line in table().splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(READERS) + 2
    assert all(f"`.{extension}`" in table() for reader in READERS for extension in reader.extensions)
