"""The whole way in the terminal: add a model, train, list, answer, chat, export. A tiny model, real processes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from studio.settings import assets_dir

pytestmark = pytest.mark.model

SAMPLES = assets_dir() / "samples"
SMALL = ["--set", "epochs=2", "--set", "batch_size=16", "--set", "evaluations=2", "--set", "max_length=96"]


class Afina:
    """The ``afina`` command on a workspace of its own."""

    def __init__(self, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AFINA_")}
        self.environment = kept | {"AFINA_HOME": str(home), "LC_ALL": "en_US.UTF-8", "PYTHONUTF8": "1"}

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "studio", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *arguments: str | Path, say: str = "", fails: bool = False) -> str:
        """Standard output of a command that must end well."""
        process = self.start(*arguments)
        out, err = process.communicate(say, timeout=240)
        assert (process.returncode != 0) == fails, f"{arguments}: {out}\n{err}"
        assert "Traceback" not in err
        return out

    def json(self, *arguments: str | Path) -> Any:
        """The last JSON document that a command writes."""
        return json.loads(self(*arguments, "--json").splitlines()[-1])


@pytest.fixture(scope="module")
def afina(tmp_path_factory: pytest.TempPathFactory) -> Afina:
    return Afina(tmp_path_factory.mktemp("terminal"))


@pytest.fixture(scope="module")
def model(afina: Afina, tiny_model: Path) -> str:
    return afina("models", "add", tiny_model).strip()


@pytest.fixture(scope="module")
def run_id(afina: Afina, model: str) -> str:
    """A finished run; the model was installed on the way."""
    files = ["--data", SAMPLES / "en.train.csv", "--held-out", SAMPLES / "en.heldout.csv"]
    out = afina("train", *files, "--model", model, *SMALL, "--name", "From the terminal")
    assert out.count("\n") == 1, "standard output is the id and nothing else"
    return out.strip()


def test_models_tells_what_is_installed(afina: Afina, model: str, run_id: str) -> None:
    models = {card["id"]: card for card in afina.json("models")["models"]}
    assert models[model]["installed"]
    assert models["smollm2-135m-instruct"]["fit"]["badge"] in ("runs_well", "slow", "too_big")
    assert not models["gemma-3-270m"]["installed"]
    assert model in afina("models")


def test_the_run_is_in_the_workspace(afina: Afina, run_id: str) -> None:
    found = {run["run"]: run for run in afina.json("runs")["runs"]}[run_id]
    assert (found["name"], found["state"]) == ("From the terminal", "finished")
    assert (found["train_examples"], found["held_out_examples"]) == (192, 48)
    assert found["result"]["adapter"]
    assert run_id in afina("runs")


def test_answers_are_added_as_a_column_and_are_the_same_each_time(afina: Afina, run_id: str, tmp_path: Path) -> None:
    questions = tmp_path / "questions.csv"
    questions.write_text('id,question\n7,"how much, in total?"\n8,\n9,tracking number?\n', encoding="utf-8")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    summary = afina.json("answer", run_id, "--questions", questions, "--out", first)
    assert (summary["answered"], summary["skipped"]) == (2, 1)
    afina("answer", run_id, "--questions", questions, "--out", second, "--batch-size", "1")
    assert first.read_bytes() == second.read_bytes()
    with first.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["question"]) for row in rows] == [
        ("7", "how much, in total?"),
        ("8", ""),
        ("9", "tracking number?"),
    ]
    assert rows[1]["answer"] == ""


def test_each_answer_says_how_it_came_about(afina: Afina, run_id: str, tmp_path: Path) -> None:
    questions, out = tmp_path / "questions.csv", tmp_path / "out.csv"
    with (SAMPLES / "en.train.csv").open(encoding="utf-8", newline="") as file:
        learned = {row["question"]: row["answer"] for row in csv.DictReader(file)}
    asked = [*list(learned)[:20], "who won the football match?", "good morning"]
    questions.write_text("question,answer\n" + "".join(f'"{each}",\n' for each in asked), encoding="utf-8")
    summary = afina.json("answer", run_id, "--questions", questions, "--out", out, "--careful", "0.1")
    assert summary["column"] == "answer_2", "what was there stays"
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = [row for row in rows if row["answer_2_how"] == "known"]
    assert known
    assert all(row["answer_2"] in set(learned.values()) and row["answer_2_source"] for row in known)
    assert rows[-2]["answer_2_how"] == "handed_over"
    assert rows[-1]["answer_2_how"] == "written"
    assert all(0 <= float(row["answer_2_confidence"]) <= 1 for row in rows)
    alone = afina.json("answer", run_id, "--questions", questions, "--out", out, "--alone")
    assert "ways" not in alone


def test_a_conversation(afina: Afina, run_id: str) -> None:
    said = "how much is shipping\n\nand to Manaus?\n/new\nopening hours\n/bye\nnever asked\n"
    for side in ("tuned", "base"):
        lines = afina("chat", run_id, "--json", *(["--base"] if side == "base" else []), say=said).splitlines()
        turns = [json.loads(line) for line in lines]
        assert [turn["question"] for turn in turns] == ["how much is shipping", "and to Manaus?", "opening hours"]
        assert {turn["side"] for turn in turns} == {side}
        assert all(("how" in turn) is (side == "tuned") for turn in turns)


def test_export_says_where_the_file_is(afina: Afina, run_id: str, tmp_path: Path) -> None:
    path = Path(afina("export", run_id, "adapter", "--out", tmp_path / "adapter.zip").strip())
    assert zipfile.is_zipfile(path)


@pytest.mark.parametrize("command", [["chat", "run-nowhere"], ["export", "run-nowhere", "adapter"]])
def test_a_run_that_does_not_exist(afina: Afina, run_id: str, command: list[str]) -> None:
    error = json.loads(afina(*command, "--json", fails=True))["error"]
    assert error["code"] == "general.not_found"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a single child there")
def test_ctrl_c_keeps_the_best(afina: Afina, model: str, run_id: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child inherits it where it is ignored, as in CI
    long = [*SMALL, "--set", "epochs=60", "--set", "evaluations=100", "--set", "patience=0"]
    process = afina.start("train", "--data", SAMPLES / "pt.train.csv", "--model", model, *long, "--json")
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("held_out_loss") is not None:
            break
    process.send_signal(signal.SIGINT)
    last = json.loads(process.stdout.read().splitlines()[-1])
    assert process.wait(60) == 0
    assert last["state"] == "stopped"
    assert last["result"]["adapter"]
    assert last["step"] < last["total_steps"]


def test_all_mistakes_of_a_recipe_are_told_at_once(afina: Afina, tmp_path: Path) -> None:
    recipe = {"model": "smollm2-135m-instruct", "data": ["examples.csv"], "rank": 0, "epochs": "many", "colour": "blue"}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    document = json.loads(afina("train", tmp_path / "recipe.json", "--json", fails=True))
    assert {problem["field"] for problem in document["problems"]} == {"data", "rank", "epochs", "colour"}


def test_files_of_a_recipe_are_sought_beside_it(afina: Afina, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(
        json.dumps({"model": "smollm2-135m-instruct", "data": ["absent.csv"]}), encoding="utf-8"
    )
    error = json.loads(afina("train", tmp_path / "recipe.json", "--json", fails=True))["error"]
    assert "absent.csv" in error["message"]


def test_a_file_that_cannot_be_read_is_named_before_anything_is_fetched(afina: Afina, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    error = json.loads(afina("train", "--data", tmp_path / "empty.csv", "--json", fails=True))["error"]
    assert error["code"].startswith("data.")
    assert "empty.csv" in error["message"]


def test_terms_are_accepted_on_purpose(afina: Afina) -> None:
    files = ["--data", SAMPLES / "pt.train.csv"]
    error = json.loads(afina("train", *files, "--model", "gemma-3-270m", "--json", fails=True))["error"]
    assert error["code"] == "cli.licence_needed"
    assert "--accept-licence" in error["message"]
    error = json.loads(afina("models", "install", "gemma-3-270m", "--json", fails=True))["error"]
    assert error["code"] == "cli.licence_needed"
