"""``afina examples``: the report, the cleaned file, and errors in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.cli.program import run

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
    assert json.loads(capsys.readouterr().out)["out"]["examples"] == 3


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
