"""Small files that stand for gigabytes: refused by count where one can be had, and read where they can hurt nobody."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.data.importing.pipeline import read_files
from studio.i18n import catalog
from studio.processes.job_registry import JobState
from studio.services.examples import imports as importing
from studio.services.examples.datasets import DatasetService
from studio.services.examples.imports import ImportRequest, ImportService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _zip(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _workbook(letters: int, rows: int, cell: str = '<c r="{at}" t="s"><v>0</v></c>') -> bytes:
    """A workbook of two columns, every cell of which is one shared text."""
    body = "".join(
        f'<row r="{n}">{cell.replace("{at}", f"A{n}")}{cell.replace("{at}", f"B{n}")}</row>' for n in range(1, rows + 1)
    )
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
    links = (
        f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/s.xml"/>'
        f'<Relationship Id="r2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    )
    root = f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    return _zip(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": root,
            "xl/workbook.xml": book,
            "xl/_rels/workbook.xml.rels": links,
            "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}"><si><t>{"A" * letters}</t></si></sst>',
            "xl/worksheets/s.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
        }
    )


def _parquet(letters: int, rows: int) -> bytes:
    index = pa.array([0] * rows, pa.int32())
    text = pa.DictionaryArray.from_arrays(index, pa.array(["A" * letters]))
    buffer = io.BytesIO()
    pq.write_table(pa.table({"question": text, "answer": text}), buffer, compression="zstd")
    return buffer.getvalue()


def _arrow(letters: int, rows: int) -> bytes:
    column = pa.array(["A" * letters] * rows)
    buffer = io.BytesIO()
    table = pa.table({"question": column, "answer": column})
    with pa.ipc.new_file(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as file:
        for batch in table.to_batches(max_chunksize=100) * 40:
            file.write_batch(batch)
    return buffer.getvalue()


def _document(paragraphs: int) -> bytes:
    return _zip(
        {"word/document.xml": f'<w:document xmlns:w="{_W}"><w:body>{"<w:p/>" * paragraphs}</w:body></w:document>'}
    )


COUNTED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "one text in 2,000 cells": ("a.xlsx", lambda: _workbook(5_000_000, 1_000), "data.unpacks_too_large"),
    "one text in many cells": ("a.xlsx", lambda: _workbook(32_000, 20_000), "data.unpacks_too_large"),
    "a dictionary of one text": ("a.parquet", lambda: _parquet(1_000_000, 2_000), "data.unpacks_too_large"),
    "packed batches": ("a.arrow", lambda: _arrow(150_000, 200), "data.unpacks_too_large"),
    "a document of nothing": ("a.docx", lambda: _document(2_000_000), "data.too_many_elements"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_what_a_file_stands_for_is_counted(tmp_path: Path, name: str) -> None:
    file, make, code = COUNTED[name]
    (tmp_path / file).write_bytes(make())
    assert (tmp_path / file).stat().st_size < 300_000
    before = psutil.Process().memory_info().rss
    result = read_files([tmp_path / file])
    assert code in [problem.code for problem in result.problems]
    assert not result.conversations
    assert psutil.Process().memory_info().rss < before + 900_000_000


def test_a_workbook_of_ordinary_texts_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(_workbook(300, 2_000))
    result = read_files([tmp_path / "a.xlsx"])
    assert result.columns == ("A", "B")
    assert len(result.sample) == 10


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


# Cells that the count does not see: a parser skips the comment in them.
_HIDDEN = '<c r="{at}" t="s"><!-- --><v>0</v></c>'


def test_a_file_that_ends_its_reader_is_named_and_leaves_nothing(
    datasets: DatasetService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_MEMORY", (700_000_000, 0))
    project = ProjectService(datasets.workspace).create("Loja").id
    imports = ImportService(datasets)
    good = tmp_path / "good.csv"
    good.write_text("Pergunta;Resposta\nPix?;Sim.\nBoleto?;Não.")
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(_workbook(5_000_000, 1_000, _HIDDEN))
    imports.start(project, ImportRequest(paths=(good, bad)))
    while (progress := imports.progress(project)) is not None and progress.is_active:
        time.sleep(0.05)
    assert progress is not None
    assert progress.state is JobState.FAILED
    assert progress.problem is not None
    assert progress.problem.code == "data.file_ended_reading"
    assert "bad.xlsx" in catalog("pt").problem(progress.problem)
    assert datasets.current(project) is None
    left = [path for path in datasets.workspace.project(project).rglob("*") if path.is_file()]
    assert left == []
    imports.start(project, ImportRequest(paths=(good,)))
    assert imports.progress(project) is not None
    view = datasets.current(project)
    assert view is not None
    assert view.version.examples == 2
    assert len(list((datasets.workspace.project(project) / "uploads").iterdir())) == 1
