"""Examples of a project from a text, as a person pastes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from studio.domain.dataset import DatasetView
from studio.services.examples.datasets import DatasetService


def paste(datasets: DatasetService, project_id: str, text: str, *, append: bool = False) -> DatasetView:
    """Makes a version from a table that was copied in a spreadsheet, or from any text that a file may hold."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "paste.txt"
        path.write_text(text, encoding="utf-8", newline="")
        return datasets.import_files(project_id, [path], append=append)
