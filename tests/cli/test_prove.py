"""``afina prove`` on results that are there: sentences, JSON, the report, and exit codes that a pipeline can rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.cli.program import run
from studio.domain.proof import Interval, Verdict
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.proof_sample import keep_proof, sample_proof
from tests.training.runs import queue_run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Workspace, str]:
    """A workspace with one run, in which the commands work."""
    monkeypatch.setenv("AFINA_HOME", str(tmp_path / "home"))
    workspace = Workspace.open(Settings(home=tmp_path / "home"))
    return workspace, queue_run(workspace).path.name


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.BETTER, 0), (Verdict.NO_CLEAR_CHANGE, 3), (Verdict.TOO_LITTLE, 3), (Verdict.WORSE, 4)],
)
def test_the_exit_code_is_a_gate(
    place: tuple[Workspace, str], capsys: pytest.CaptureFixture[str], verdict: Verdict, code: int
) -> None:
    workspace, run_id = place
    keep_proof(workspace, sample_proof(run_id, verdict=verdict))
    assert run(["prove", run_id, "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["metric"], said["interval"], said["n"]) == (verdict.value, "facts", [0.1, 0.7], 10)
    assert (said["exit_code"], said["discordant"], len(said["answers"])) == (code, 8, 10)


def test_memorised_and_worse_on_new_questions_is_worse(place: tuple[Workspace, str]) -> None:
    workspace, run_id = place
    worse = Interval(value=-0.3, low=-0.5, high=-0.1)
    keep_proof(workspace, sample_proof(run_id, verdict=Verdict.MEMORISED, difference=worse))
    assert run(["prove", run_id]) == 4


def test_a_person_reads_sentences_and_gets_a_report(
    place: tuple[Workspace, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workspace, run_id = place
    keep_proof(workspace, sample_proof(run_id))
    report = tmp_path / "report.html"
    assert run(["prove", run_id, "--report", str(report), "--lang", "pt"]) == 0
    out = capsys.readouterr()
    assert "Melhor" in out.out
    assert "report.html" in out.err
    assert "<html" in report.read_text(encoding="utf-8")


def test_what_cannot_be_examined_is_an_error(place: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prove", "run-none", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "general.not_found"
    assert run(["prove", place[1], "--json"]) == 1  # it waits: there is no tuned model yet
    assert json.loads(capsys.readouterr().out)["error"]["code"] in (
        "chat.not_ready",
        "chat.base_missing",
        "general.not_found",
    )
