"""What becomes of an error: a sentence, JSON for a machine, never a traceback."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from studio import cli
from studio.cli.program import run
from studio.cli.terminal import Refused, Terminal
from studio.domain.problem import Problem
from studio.i18n import LOCALES, catalog


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFINA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


USAGE = [
    (["fly"], "cli.no_such_command", {"name": "fly"}),
    (["models", "fly"], "cli.no_such_command", {"choices": "install, remove, add"}),
    (["train", "--fly"], "cli.no_such_option", {"option": "--fly", "command": "afina train"}),
    (["train", "--data"], "cli.no_value", {"option": "--data"}),
    (["train", "a.json", "b.json"], "cli.too_many", {"extra": "b.json"}),
    (["train"], "cli.train.no_data", {}),
    (["train", "--data", "a.csv", "--set", "epochs"], "cli.train.bad_set", {"choice": "epochs"}),
    (["train", "--preset", "fast"], "cli.bad_value", {"what": "--preset", "expected": "quick|balanced|thorough"}),
    (["answer", "run-1"], "cli.missing", {"what": "--questions"}),
    (["chat"], "cli.missing", {"what": "RUN"}),
    (["serve", "--port", "0"], "cli.bad_value", {"what": "--port", "expected": "1 … 65535"}),
    (["serve", "--port", "http"], "cli.bad_value", {"what": "--port"}),
]


@pytest.mark.parametrize(("arguments", "code", "params"), [case for case in USAGE if case[0][0] != "serve"])
def test_wrong_usage_as_json(
    arguments: list[str], code: str, params: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([arguments[0], "--json", *arguments[1:]]) == 2
    written = capsys.readouterr()
    error = json.loads(written.out)["error"]
    assert error["code"] == code
    assert error["params"] | params == error["params"]
    assert error["message"] == catalog("en").problem(Problem(code=error["code"], params=error["params"]))
    assert not written.err


@pytest.mark.parametrize(("arguments", "code", "params"), USAGE)
@pytest.mark.parametrize("locale", LOCALES)
def test_wrong_usage_as_a_sentence(
    arguments: list[str], code: str, params: dict[str, Any], locale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--lang", locale, *arguments]) == 2
    written = capsys.readouterr()
    assert not written.out
    begin = catalog(locale).entries[f"errors.{code}"].split("{")[0]  # type: ignore[union-attr]
    assert written.err.startswith(begin)
    assert all(str(value) in written.err for value in params.values())
    assert "Traceback" not in written.err


FAILURES = [
    (["train", "absent.json"], "cli.file_unreadable"),
    (["train", "broken.json"], "cli.not_json"),
    (["train", "list.json"], "cli.not_json"),
    (["train", "huge.json"], "cli.file_too_large"),
    (["answer", "run-1", "--questions", "absent.csv", "--out", "out.csv"], "disk.missing"),
    (["answer", "run-1", "--questions", "taken.csv", "--out", "out.csv", "--column", "answer"], "cli.column_taken"),
    (["answer", "run-1", "--questions", "empty.csv", "--out", "out.csv"], "cli.questions_empty"),
]


@pytest.mark.parametrize(("arguments", "code"), FAILURES)
def test_failures(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.json").write_text('{"model": "x",\n  oops}', encoding="utf-8")
    Path("list.json").write_text("[1, 2]", encoding="utf-8")
    Path("huge.json").write_text(" " * 1_000_001, encoding="utf-8")
    Path("taken.csv").write_text("question,Answer\nhi,hello\n", encoding="utf-8")
    Path("empty.csv").write_text("question\n", encoding="utf-8")
    assert run([*arguments, "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == code
    assert run(arguments) == 1
    assert capsys.readouterr().err == error["message"] + "\n"


def test_a_mistake_in_a_recipe_file_is_named_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.json").write_text('{"model": "x",\n  oops}', encoding="utf-8")
    run(["train", "broken.json"])
    assert "line 2, column 3" in capsys.readouterr().err


def test_an_unreadable_setting_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFINA_MAX_UPLOAD_MB", "plenty")
    assert run(["serve"]) == 1
    assert "AFINA_MAX_UPLOAD_MB" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "  \n"])
def test_an_empty_password_file_is_refused(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("password.txt").write_text(content, encoding="utf-8")
    assert run(["serve", "--host", "0.0.0.0", "--password-file", "password.txt"]) == 1
    assert "password.txt" in capsys.readouterr().err


@pytest.mark.parametrize("locale", LOCALES)
def test_a_public_address_needs_a_password(locale: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--no-open", "--lang", locale]) == 1
    begin = catalog(locale).entries["errors.serve.password_needed"].split("{")[0]  # type: ignore[union-attr]
    assert capsys.readouterr().err.startswith(begin)


def test_the_traceback_is_shown_for_debugging_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFINA_DEBUG", "1")
    run(["train", "absent.json"])
    assert "Traceback" in capsys.readouterr().err


def test_several_problems_are_all_told(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem(code="cli.file_too_large", params={"file": "a", "limit": 1}),
        Problem(code="cli.train.bad_set", params={"choice": "x"}, file="b.csv", rows=(3, 4)),
    ]
    Terminal(catalog("en")).fail(Refused(problems))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("b.csv, rows 3, 4: ")
    Terminal(catalog("en"), json=True).fail(Refused(problems))
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == "cli.file_too_large"
    assert [problem["code"] for problem in document["problems"]] == [problem.code for problem in problems]
    assert document["problems"][1]["rows"] == [3, 4]


def test_every_code_of_the_command_line_has_its_sentence() -> None:
    names = ("AfinaError", "Usage", "Problem")
    codes = set()
    for path in Path(cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
                values = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
                codes |= {value.value for value in values if isinstance(value, ast.Constant)}
    assert len(codes) > 15
    for locale in LOCALES:
        assert not {code for code in codes if f"errors.{code}" not in catalog(locale).entries}
