from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pytest

from studio.data.importing.pipeline import read_files
from studio.data.versions.export import WRITERS, safe_cell, writer
from studio.domain.conversation import Conversation, Message, Role
from studio.errors import AfinaError

EXAMPLES = [
    Conversation.pair("Quanto é o frete?", 'São "R$ 10,50";\nà vista.', topic="frete", held_out=False),
    Conversation.pair("=1+1?", '=HYPERLINK("http://x","y")', held_out=True),
    Conversation.pair("-3 ou +4?", "@SUM(A1)"),
]


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_is_written_reads_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    writer(suffix)(path, EXAMPLES)
    result = read_files([path])
    assert [(c.question, c.answer, c.held_out) for c in result.conversations] == [
        (c.question, c.answer, c.held_out) for c in EXAMPLES
    ]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_reworded_question_names_the_one_it_was_made_from(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    brought = [
        Conversation.pair("Quanto é o frete?", "São R$ 10.", id="e1"),
        Conversation.pair("Que dia abre?", "Todo dia.", id="e2"),
    ]
    reworded = Conversation.pair("o frete custa quanto", "São R$ 10.", id="e3", held_out=True, reworded_from="e1")
    lost = Conversation.pair("e a hora", "Às 8.", id="e4", held_out=True, reworded_from="e9")
    writer(suffix)(path, [*brought, reworded, lost])
    if suffix == "jsonl":
        said = [json.loads(line).get("reworded_from") for line in path.read_text(encoding="utf-8").splitlines()]
    elif suffix == "csv":
        said = [row["reworded_from"] or None for row in csv.DictReader(path.open(encoding="utf-8-sig"))]
    else:
        said = [row[4] or None for row in openpyxl.load_workbook(path).active.iter_rows(min_row=2, values_only=True)]
    assert said == [None, None, "Quanto é o frete?", "e9"]
    assert [c.question for c in read_files([path]).conversations] == [c.question for c in [*brought, reworded, lost]]


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_never_run(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["-3", "+55 11 5555-0100", "a=b", "", "R$ -3"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def test_csv_cells_are_safe_and_open_in_excel(tmp_path: Path) -> None:
    writer(".csv")(tmp_path / "a.csv", EXAMPLES)
    data = (tmp_path / "a.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(data.decode("utf-8-sig").splitlines(keepends=True)))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_workbook_cells_are_text(tmp_path: Path) -> None:
    writer("xlsx")(tmp_path / "a.xlsx", EXAMPLES)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet["B3"].value == '=HYPERLINK("http://x","y")'
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}


def test_jsonl_keeps_every_turn_and_what_is_not_learned(tmp_path: Path) -> None:
    turns = Conversation(
        messages=(
            Message(role=Role.SYSTEM, content="Be brief."),
            Message(role=Role.USER, content="Hi"),
            Message(role=Role.ASSISTANT, content="Hello", learn=False),
            Message(role=Role.USER, content="Open?"),
            Message(role=Role.ASSISTANT, content="Yes"),
        )
    )
    writer("jsonl")(tmp_path / "a.jsonl", [turns])
    record = json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))
    assert [turn.get("weight") for turn in record["messages"]] == [None, None, 0, None, None]
    assert read_files([tmp_path / "a.jsonl"]).conversations[0].messages == turns.messages


def test_an_unknown_ending() -> None:
    with pytest.raises(AfinaError, match=r"data\.unknown_export"):
        writer(".docx")
