"""The table of questions: read as it is, written back with one column more."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from studio.cli.questions import QuestionTable
from studio.errors import AfinaError


def table(tmp_path: Path, content: str | bytes) -> QuestionTable:
    path = tmp_path / "questions.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return QuestionTable.read(path)


def test_every_other_column_and_cell_is_kept(tmp_path: Path) -> None:
    content = 'id,Pergunta,nota\n007,"oi, tudo bem?\nme ajuda", 1.50 \n8,,"diz ""sim"""\n'
    read = table(tmp_path, content)
    assert read.questions() == ["oi, tudo bem?\nme ajuda", ""]
    out = tmp_path / "new" / "out.csv"
    read.with_column("resposta", ["Olá,\nclaro", ""]).write(out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["id", "Pergunta", "nota", "resposta"],
        ["007", "oi, tudo bem?\nme ajuda", " 1.50 ", "Olá,\nclaro"],
        ["8", "", 'diz "sim"', ""],
    ]


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("id;Dúvida\n1;até quando?\n2;quanto é, afinal?\n", ";"),
        ("id\tquestion\n1\tuntil when?\n", "\t"),
        ("question\nhow much, in total?\nwhen?\n", ","),
    ],
)
def test_separator_is_recognised_and_kept(tmp_path: Path, content: str, separator: str) -> None:
    read = table(tmp_path, content)
    assert len(read.columns) == len(content.splitlines()[0].split(separator))
    read.with_column("answer", ["x"] * len(read.rows)).write(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[0].endswith(f'{separator}"answer"')


@pytest.mark.parametrize(
    ("content", "marked"),
    [
        ("pergunta;id\nvocês abrem às 8?;1\n".encode("cp1252"), True),
        ("pergunta;id\nvocês abrem às 8?;1\n".encode("utf-8-sig"), True),
        ("pergunta;id\nvocês abrem às 8?;1\n".encode(), False),
    ],
)
def test_accents_survive_excel(tmp_path: Path, content: bytes, marked: bool) -> None:
    read = table(tmp_path, content)
    assert read.columns == ("pergunta", "id")
    assert read.questions() == ["vocês abrem às 8?"]
    read.with_column("resposta", ["às 8h20"]).write(tmp_path / "out.csv")
    written = (tmp_path / "out.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf") == marked
    assert "às 8h20" in written.decode("utf-8-sig")


def test_short_rows_get_empty_cells(tmp_path: Path) -> None:
    read = table(tmp_path, "question,city\nhow much?\nwhen?,Recife\n")
    assert read.rows == (("how much?", ""), ("when?", "Recife"))


def test_the_column_of_questions_can_be_chosen(tmp_path: Path) -> None:
    read = table(tmp_path, "a,b\nx,how much?\n")
    assert read.questions("b") == ["how much?"]
    for column in (None, "c"):
        with pytest.raises(AfinaError) as caught:
            read.questions(column)
        assert caught.value.code == "cli.no_question_column"
        assert caught.value.params["columns"] == "a, b"


def test_a_column_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    read = table(tmp_path, "question,Answer\nhow much?,ten\n")
    with pytest.raises(AfinaError, match=r"cli\.column_taken"):
        read.with_column("answer", ["x"])
    assert read.with_column("model_answer", ["x"]).columns == ("question", "Answer", "model_answer")


@pytest.mark.parametrize("content", ["", "\n\n", "question\n", "question,id\n,\n"])
def test_no_questions(tmp_path: Path, content: str) -> None:
    with pytest.raises(AfinaError, match=r"cli\.questions_empty"):
        table(tmp_path, content)
