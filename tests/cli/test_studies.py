"""``afina folds`` and ``afina search`` from a file of examples to the last line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from studio.cli.program import run

OPTIONS = ["--model", "smollm2-135m-instruct", "--set", "epochs=1", "--set", "precision=fp32", "--lang", "en"]


@pytest.fixture
def faq(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of examples, and a workspace in which the built-in model is a tiny one."""
    shutil.copytree(tiny_model, tmp_path / "models" / "smollm2-135m-instruct")
    monkeypatch.setenv("AFINA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AFINA_MODELS_DIR", str(tmp_path / "models"))
    ways = ("what is the {}?", "tell me the {} now", "{} please, quickly")
    rows = [f'"{way.format(thing)}",The {thing} is on page {n}.' for n, thing in enumerate(
        ("address", "price", "opening time", "return policy")
    ) for way in ways]  # fmt: skip
    path = tmp_path / "faq.csv"
    path.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    return path


@pytest.mark.model
@pytest.mark.slow
def test_folds_and_search_end_in_what_they_found(faq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["folds", "--data", str(faq), "--folds", "2", "--json", *OPTIONS]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    last = documents[-1]
    assert (last["kind"], last["state"], last["spread"]["folds"]) == ("folds", "finished", 2)
    assert last["spread"]["asked"] == 12

    assert run(["search", "--data", str(faq), "--minutes", "1", *OPTIONS]) == 0
    written = capsys.readouterr()
    nothing = "None of the" in written.err  # of so few practice questions perhaps none is answered right
    assert nothing or written.out.splitlines()[-1].startswith("--set learning_rate=")
    assert "Attempts are compared by" in written.err


def test_all_problems_of_a_recipe_are_named_at_once(faq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--set", "rank=0", "--set", "schedule=spiral", "--set", "layers=[99]", "--set", "max_length=9999"]
    for command in ("train", "search", "folds"):
        assert run([command, "--data", str(faq), *OPTIONS, *wrong, "--json"]) == 1
        document = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert {problem["field"] for problem in document["problems"]} == {"rank", "schedule", "layers", "max_length"}
