"""``afina examples``: the report, the cleaned file, and errors in words."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from studio.cli.program import run
from tests.hub_server import running_hub

CSV = (
    "Pergunta;Resposta;Assunto\nQual o prazo?;Quatro dias úteis.;prazo\nQual o prazo?;Quatro dias úteis.;prazo\n"
    "Sou ana@gmail.com;Enviamos.;conta\nAbre hoje?;.;horário\nAbre domingo?;Sim.;horário\nAbre domingo?;Não, nunca.;horário\n"
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFINA_HOME", str(tmp_path / "home"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sac.csv"
    path.write_text(CSV, encoding="cp1252")
    return path


def test_it_prints_what_was_read_and_every_problem(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["examples", str(file), "--lang", "pt"]) == 0
    out = capsys.readouterr().out
    assert "sac.csv: 6 exemplos" in out
    assert "pergunta: Pergunta" in out
    assert "assunto: Assunto" in out
    assert "Saúde dos exemplos:" in out
    for line in ("emails", "duplicates", "contradictions", "empty_answers"):
        assert f"\n{line} " in out
    assert "linhas 6–7" in out


def test_json_has_every_row(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["examples", str(file), "--json", "--lang", "en"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["examples"] == 6
    assert document["files"][0]["mapping"] == {"question": ["Pergunta"], "answer": ["Resposta"], "topic": "Assunto"}
    findings = {finding["code"]: finding for finding in document["findings"]}
    assert findings["duplicates"]["where"] == [{"id": "e2", "file": "sac.csv", "row": 3}]
    assert [place["row"] for place in findings["contradictions"]["groups"][0]] == [6, 7]
    assert findings["too_few"]["fixable"] is False
    assert len(document["most_worth"]) == 3
    assert 0 <= document["score"] < 100


def test_json_has_what_the_plots_count(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["examples", str(file), "--json", "--lang", "en"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["lengths"] is None, "no model is named"
    assert document["languages"]["looked_at"] == 6
    assert document["topics"]["named"] is True
    counted = {topic["name"]: (topic["examples"], topic["phrasings"]) for topic in document["topics"]["topics"]}
    assert counted == {"prazo": (2, 1), "horário": (3, 2), "conta": (1, 1)}
    assert document["topics"]["single_phrasing"] == ["e1", "e3"]
    assert {"ids": ["e5", "e6"], "answers": 2} in document["repeated_questions"]


def test_fixed_examples_are_written_and_the_file_stays(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = file.read_bytes(), tmp_path / "clean.jsonl"
    wishes = ["--fix", "duplicates,emails", "--fix", "contradictions=longest"]
    assert run(["examples", str(file), *wishes, "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["fixed"]["changed"], document["fixed"]["removed"]) == (1, 2)
    assert document["fixed"]["score"] > document["score"]
    assert document["out"] == {"path": str(out), "examples": 4}
    turns = [json.loads(line)["messages"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(q["content"], a["content"]) for q, a in turns] == [
        ("Qual o prazo?", "Quatro dias úteis."),
        ("Sou [EMAIL_1]", "Enviamos."),
        ("Abre hoje?", "."),
        ("Abre domingo?", "Não, nunca."),
    ]
    assert file.read_bytes() == before
    assert run(["examples", str(file), "--fix", "all", "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["out"]["examples"] == 4
    removed = [(item["code"], item["row"], item["question"]) for item in document["fixed"]["removed_examples"]]
    assert removed == [("empty_answers", 5, "Abre hoje?"), ("duplicates", 3, "Qual o prazo?")]
    assert document["fixed"]["left_to_decide"] == ["contradictions"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fix", "nope"], "checks.unknown"),
        (["--fix", "too_few"], "checks.no_fix"),
        (["--fix", "leakage=x"], "checks.unknown_choice"),
        (["--out", "a.docx"], "data.unknown_export"),
        (["--model", "nope"], "general.not_found"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    file: Path, arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["examples", str(file), "--json", *arguments]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["examples", str(tmp_path / "nope.csv"), "--lang", "en"]) == 1
    assert "nope.csv" in capsys.readouterr().err
    assert run(["examples", "--lang", "en"]) == 2


def _read(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["examples", *arguments, "--json", "--lang", "en"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_columns_are_chosen_and_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,a,b,c,d\n1,Abre?,Hoje?,Sim.,Seja breve.\n1,Fecha?,Cedo?,Não.,Seja breve.\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    columns = ["--question-column", "a", "--question-column", "b", "--answer-column", "c", "--system-column", "d"]
    document = _read(capsys, str(path), *columns, "--id-column", "n", "--topic-column", "n", "--out", str(out))
    assert document["files"][0]["mapping"] == {
        "question": ["a", "b"],
        "answer": ["c"],
        "system": ["d"],
        "id": "n",
        "topic": "n",
    }
    assert json.loads(out.read_text().splitlines()[0])["messages"] == [
        {"role": "system", "content": "Seja breve."},
        {"role": "user", "content": "Abre?\nHoje?"},
        {"role": "assistant", "content": "Sim."},
    ]
    assert document["split"]["held_out"] == []  # one ticket, so nothing can be kept aside
    assert run(["examples", str(path), "--topic-column", "Tema", "--lang", "en"]) == 1
    assert "“Tema”" in capsys.readouterr().err


def test_a_sheet_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from openpyxl import Workbook

    workbook = Workbook()
    for name, answer in (("Velhas", "Não."), ("Novas", "Sim.")):
        sheet = workbook.create_sheet(name)
        for row in (("Pergunta", "Resposta"), ("Abre hoje?", answer), ("Abre amanhã?", answer)):
            sheet.append(row)
    path = tmp_path / "faq.xlsx"
    workbook.save(path)
    document = _read(capsys, str(path), "--sheet", "Novas")
    assert [(f["sheet"], f["chosen"], f["examples"]) for f in document["files"]] == [
        ("Velhas", False, 0),
        ("Novas", True, 2),
    ]
    assert len(_read(capsys, str(path))["files"]) == 2
    assert run(["examples", str(path), "--sheet", "Outra", "--lang", "pt"]) == 1
    assert "Velhas, Novas" in capsys.readouterr().err


def test_the_company_of_a_chat_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    chat = Path(__file__).parent.parent / "assets" / "data" / "whatsapp-ios.txt"
    found = _read(capsys, str(chat))["files"][0]
    assert found["company"] == "Rui"
    assert set(found["speakers"]) == {"Rui", "Ana Lima"}
    assert _read(capsys, str(chat), "--company", "Ana Lima")["files"][0]["company"] == "Ana Lima"
    assert run(["examples", str(chat), "--company", "Eva", "--lang", "en"]) == 1
    assert "Ana Lima, Rui" in capsys.readouterr().err


def test_a_table_comes_on_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pasted = io.TextIOWrapper(io.BytesIO("Pergunta\tResposta\nAbre?\tSim.\nFecha?\tÀs seis.\n".encode("cp1252")))
    monkeypatch.setattr("sys.stdin", pasted)
    assert _read(capsys, "-")["examples"] == 2
    assert run(["examples", "--lang", "en"]) == 2
    assert "--hub" in capsys.readouterr().err


def test_the_test_is_drawn_and_reworded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "faq.csv"
    rows = [
        f"Como funciona a entrega em {place}?,Entregamos em {place}." for place in ("Rio", "Bahia", "Recife", "Natal")
    ]
    path.write_text("\n".join(["Pergunta,Resposta", *rows, ""]), encoding="utf-8")
    first = _read(capsys, str(path))["split"]
    assert (first["kind"], first["train"], len(first["held_out"])) == ("new_answers", 3, 1)
    assert _read(capsys, str(path))["split"] == first
    draws = [_read(capsys, str(path), "--seed", str(seed))["split"]["held_out"] for seed in range(6)]
    assert len({tuple(draw) for draw in draws}) > 1
    out = tmp_path / "out.jsonl"
    document = _read(capsys, str(path), "--reword", "--share", "50", "--out", str(out))
    assert document["split"]["kind"] == "reworded"
    assert len(document["reworded"]) == 4
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line.get("split") for line in lines] == [None] * 4 + ["test"] * 4


def test_a_dataset_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"Abre {n}?", "answer": f"Sim, {n}."} for n in range(9)]
    with running_hub() as hub:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("AFINA_HF_ENDPOINT", hub.address)
        hub.datasets["acme/faq"] = {"test.jsonl": "\n".join(map(json.dumps, rows)).encode()}
        document = _read(capsys, "--hub", "acme/faq", "--rows", "5")
    assert document["examples"] == 5
    assert document["files"][0]["file"] == "acme-faq.jsonl"


READING = Path(__file__).parents[1] / "assets" / "reading"


def test_what_was_left_out_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["examples", str(READING / "intents.json"), "--lang", "en"]) == 0
    assert "Left out: 1 answer" in capsys.readouterr().out
    assert run(["examples", str(READING / "last_turns_lost.json"), "--json", "--lang", "en"]) == 0
    (gone,) = json.loads(capsys.readouterr().out)["left_out"]
    assert (gone["unit"], gone["n"], gone["rows"], gone["code"]) == ("messages", 2, [1], "data.turns_after")


def test_a_table_that_cannot_hold_all_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = str(READING / "multi_turn_to_csv.json"), tmp_path / "x.csv"
    assert run(["examples", file, "--out", str(out), "--lang", "en"]) == 0
    said = capsys.readouterr()
    assert "2 earlier messages, 1 instruction" in said.out + said.err
    assert "x.jsonl" in said.out + said.err
    assert run(["examples", file, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["out"]["left_out"] == {"examples": 1, "earlier_turns": 2, "systems": 1}
    assert run(["examples", file, "--out", str(tmp_path / "x.jsonl"), "--json"]) == 0
    assert "left_out" not in json.loads(capsys.readouterr().out)["out"]
