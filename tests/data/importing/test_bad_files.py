"""Bad input: each kind has its own sentence in every language, and none crashes."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path

import openpyxl
import pytest

from studio.data.importing.pipeline import read_files
from studio.errors import AfinaError
from tests.data.files import codes, pairs, read

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0" + bytes(40)
OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def _xlsx() -> bytes:
    book = openpyxl.Workbook()
    for row in (["question", "answer"], ["A?", "B"], ["C?", "D"]):
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


WHOLE_FILE = {
    "nothing": ("a.csv", b"", "data.empty_file"),
    "only spaces": ("a.csv", b" \n\n\t ", "data.empty_file"),
    "only a byte order mark": ("a.csv", b"\xef\xbb\xbf", "data.empty_file"),
    "only separators": ("a.csv", b";;;\n;;;\n", "data.empty_file"),
    "a picture": ("a.csv", PNG, "data.not_readable.image"),
    "a picture called xlsx": ("a.xlsx", PNG, "data.not_readable.image"),
    "a photo called json": ("a.json", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(50), "data.not_readable.image"),
    "a PDF": ("a.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "data.not_readable.pdf"),
    "a program": ("a.csv", b"MZ\x90\0\3\0\0\0\4\0\0\0" + bytes(200), "data.not_readable.program"),
    "a database": ("a.csv", b"SQLite format 3\0" + bytes(100), "data.not_readable.database"),
    "noise": ("a.csv", random.Random(1).randbytes(5_000), "data.not_readable.binary"),
    "zeros": ("a.csv", bytes(1_000), "data.empty_file"),
    "a gzip": ("a.csv", b"\x1f\x8b\x08" + bytes(100), "data.not_readable.archive"),
    "a truncated workbook": ("a.xlsx", _xlsx()[:2_000], "data.broken_workbook"),
    "a workbook of rubbish": ("a.xlsx", _zip({"xl/workbook.xml": b"<nope"}), "data.broken_workbook"),
    "a workbook with a password": ("a.xlsx", OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600), "data.password"),
    "a broken old workbook": ("a.xls", OLE + bytes(2_000), "data.broken_workbook"),
    "prose": ("a.txt", b"Once upon a time there was a shop.\n", "data.not_readable.text"),
    "prose called csv": ("a.csv", b"Once upon a time there was a shop.\nIt sold coffee.\n", "data.columns_unknown"),
    "broken JSON": ("a.json", b'[{"question": "A?", "answer": "B"},\n {"question": ', "data.broken_json"),
    "a JSON number": ("a.json", b"42", "data.json_shape"),
    "a JSON text": ("a.json", b'"hello"', "data.json_shape"),
    "JSON of another shape": ("a.json", b'{"a": 1, "b": {"c": [1, 2]}}', "data.json_shape"),
    "an empty list": ("a.json", b"[]", "data.empty_file"),
    "an empty object": ("a.json", b"{}", "data.json_shape"),
    "a list of numbers": ("a.json", b"[1, 2, 3]", "data.not_a_record"),
    "deep JSON": ("a.json", b"[" * 100_000 + b"]" * 100_000, "data.json_too_deep"),
    "a huge JSON number": ("a.json", b'[{"question": ' + b"9" * 5_000 + b"}]", "data.broken_json"),
    "10,000 columns": ("a.csv", (",".join(f"c{n}" for n in range(10_000)) + "\n") .encode() * 2, "data.too_many_columns"),
    "10,000 JSON keys": ("a.json", json.dumps([{f"c{n}": "x" for n in range(10_000)}]).encode(), "data.too_many_columns"),
    "one column": ("a.csv", b"question\nA?\nB?\n", "data.columns_unknown"),
    "only a header": ("a.csv", b"question,answer\n", "data.no_rows"),
    "a pointer of Git LFS": ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "data.not_readable.git_lfs"),
    "subtitles": ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nDo you open?\n\n2\n00:00:03,000 --> 00:00:04,000\nYes.\n", "data.not_readable.subtitles"),
    "subtitles of the web": ("a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nDo you open?\n", "data.not_readable.subtitles"),
    "RTF": ("a.doc", rb"{\rtf1\ansi Do you open? Yes.}", "data.not_readable.rtf"),
    "SQL": ("faq.sql", b"-- dump\nCREATE TABLE faq (q text, a text);\nINSERT INTO faq VALUES ('Open?', 'Yes.');\n", "data.not_readable.sql"),
    "XML": ("faq.xml", b'<?xml version="1.0"?><faq><q>Open?</q><a>Yes.</a></faq>', "data.not_readable.xml"),
    "a notebook": ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": []}], "nbformat": 4, "metadata": {}}', "data.not_readable.notebook"),
    "what a server said": ("a.json", b'{"message": "Not Found", "documentation_url": "https://docs.example"}', "data.not_readable.server_reply"),
    "a page that was not found": ("faq.html", b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>", "data.not_readable.web_error"),
    "a page to sign in": ("faq.csv", b"<!doctype html><html><head><title>Fazer login</title></head><body><p>Senha</p></body></html>", "data.not_readable.web_error"),
    "older phrases of Rasa": ("nlu.md", b"## intent:hours\n- when do you open?\n- hours?\n", "data.not_readable.rasa"),
    "phrases of Rasa": ("nlu.yml", b'version: "3.1"\nnlu:\n- intent: hours\n  examples: |\n    - when do you open?\n    - hours\n', "data.not_readable.rasa"),
    "phrases of Dialogflow": ("hours_usersays_en.json", b'[{"id": "1", "data": [{"text": "open?", "userDefined": false}], "isTemplate": false, "count": 0}]', "data.not_readable.dialogflow"),
    "YAML that grows": ("a.yml", b"a: &a [x, x]\nb: [*a, *a]\n", "data.broken_yaml"),
    "a web page": ("a.csv", b"<!DOCTYPE html><html><body><p>Sign in</p></body></html>", "data.not_readable.web_error"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE_FILE)
def test_a_file_of_which_nothing_can_be_read(tmp_path: Path, name: str) -> None:
    file, content, code = WHOLE_FILE[name]
    result = read(tmp_path, file, content)
    assert result.conversations == ()
    assert code in codes(result)
    with pytest.raises(AfinaError):
        result.require(2)


def test_a_workbook_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    bomb = _zip({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": bytes(1_100_000_000)})
    assert len(bomb) < 2_000_000
    assert codes(read(tmp_path, "a.xlsx", bomb)) == ["data.unpacks_too_large"]


def test_billion_laughs_expand_to_nothing(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]>'.encode()
    source, target = io.BytesIO(_xlsx()), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == "xl/sharedStrings.xml":
                data = head + data.split(b"?>", 1)[-1].replace(b">A?<", b">&l9;<")
                assert b"&l9;" in data
            new.writestr(entry, data)
    result = read(tmp_path, "a.xlsx", target.getvalue())
    assert all(len(question) < 1_000 for question, _ in pairs(result))


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    result = read_files([path], max_bytes=100_000_000)
    assert [(p.code, p.params["size_mb"], p.params["limit_mb"]) for p in result.problems] == [
        ("data.too_large", 200, 100)
    ]


def test_a_cell_of_ten_megabytes(tmp_path: Path) -> None:
    result = read(tmp_path, "a.csv", "question,answer\nA?," + "x" * 10_000_000 + "\nC?,D\n")
    assert pairs(result) == [("C?", "D")]
    assert [(p.code, p.rows) for p in result.problems] == [("data.cell_too_long", (2,))]


def test_broken_lines_are_named(tmp_path: Path) -> None:
    text = '{"question": "A?", "answer": "B"}\n{"question": "C?"\n\n{"question": "E?", "answer": "F"}\n7\n'
    result = read(tmp_path, "a.jsonl", text)
    assert pairs(result) == [("A?", "B"), ("E?", "F")]
    assert [(p.code, p.rows) for p in result.problems] == [("data.broken_line", (2, 5))]


def test_the_minimum(tmp_path: Path) -> None:
    one = read(tmp_path, "a.csv", "question,answer\nA?,B\n")
    with pytest.raises(AfinaError, match=r"data\.too_few_rows"):
        one.require(2)
    none = read(tmp_path, "b.csv", "question,answer\nA?,\n,B\n")
    with pytest.raises(AfinaError, match=r"data\.no_usable_rows"):
        none.require(2)


@pytest.mark.parametrize(("columns", "rows"), [(16_384, 1_048_576), (2, 1_000_000_000), (1, 100_000_000)])
def test_an_open_document_sheet_that_repeats_its_rows(tmp_path: Path, columns: int, rows: int) -> None:
    asset = Path(__file__).parents[2] / "assets" / "data" / "faq.ods"
    bomb = (
        f'<table:table-row table:number-rows-repeated="{rows}"><table:table-cell office:value-type="string" '
        f'table:number-columns-repeated="{columns}"><text:p>x</text:p></table:table-cell></table:table-row></table:table>'
    )
    target = io.BytesIO()
    with zipfile.ZipFile(asset) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, old.read(entry).replace(b"</table:table>", bomb.encode()))
    assert codes(read(tmp_path, "a.ods", target.getvalue())) == ["data.too_many_rows"]


def test_counts_that_lie_cost_nothing(tmp_path: Path) -> None:
    source, target = io.BytesIO(_xlsx()), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            data = data.replace(b'uniqueCount="6"', b'uniqueCount="4000000000"').replace(
                b'ref="A1:B3"', b'ref="A1:XFD1048576"'
            )
            new.writestr(entry, data)
    assert pairs(read(tmp_path, "a.xlsx", target.getvalue())) == [("A?", "B"), ("C?", "D")]


def test_a_zip_bomb_is_measured_and_not_believed(tmp_path: Path) -> None:
    bomb = _zip({"a.csv": b"question,answer\nA?,B\nC?,D\n", "b.csv": bytes(1_001_000_000)})
    result = read(tmp_path, "a.zip", bomb)
    assert pairs(result) == [("A?", "B"), ("C?", "D")]
    assert codes(result) == ["data.unpacks_too_large"]


def test_an_archive_in_an_archive_and_one_with_too_many_files(tmp_path: Path) -> None:
    inner = _zip({"a.csv": b"question,answer\nA?,B\n"})
    assert codes(read(tmp_path, "a.zip", _zip({"b.zip": inner}))) == ["data.nested_archive", "data.empty_archive"]
    assert codes(read(tmp_path, "b.zip", _zip({f"{n}.txt": b"" for n in range(10_001)}))) == ["data.too_many_files"]


@pytest.mark.parametrize("name", ["../../outside.csv", "/etc/afina.csv", "C:\\afina.csv", "a/../../../b.csv", "\n.csv"])
def test_names_inside_an_archive_never_choose_a_path(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    path = folder / "a.zip"
    path.write_bytes(_zip({name: b"question,answer\nA?,B\nC?,D\n"}))
    assert pairs(read_files([path])) == [("A?", "B"), ("C?", "D")]
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_entities_in_a_word_document_are_refused(tmp_path: Path) -> None:
    asset = Path(__file__).parents[2] / "assets" / "data" / "headings.docx"
    target = io.BytesIO()
    with zipfile.ZipFile(asset) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            head = (
                b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "x">]>' if entry.filename == "word/document.xml" else b""
            )
            data = old.read(entry)
            new.writestr(entry, head + data.split(b"?>", 1)[-1] if head else data)
    assert codes(read(tmp_path, "a.docx", target.getvalue())) == ["data.broken_document"]


def test_scripts_in_a_page_are_text_at_most(tmp_path: Path) -> None:
    page = "<html><h2>Open?</h2><script>steal()</script><p onclick='x()'>Yes &lt;b&gt;</p><style>p{}</style></html>"
    assert pairs(read(tmp_path, "a.html", page)) == [("Open?", "Yes <b>")]
