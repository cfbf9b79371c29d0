"""Help: for every command, with examples, and without waiting for the heavy libraries."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from studio import __version__
from studio.cli.program import program, run
from studio.i18n import LOCALES, catalog


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its names, the program itself first."""
    command = command or typer.main.get_command(program())
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


COMMANDS = [pytest.param(path, command, id=" ".join(path) or "afina") for path, command in commands()]


def test_there_is_a_command_for_each_step() -> None:
    names = {" ".join(path) for path, _ in commands()}
    assert names == {
        "",
        "serve",
        "models",
        "models install",
        "models add",
        "models remove",
        "examples",
        "train",
        "search",
        "folds",
        "runs",
        "runs pause",
        "runs resume",
        "runs cancel",
        "runs move",
        "prove",
        "chat",
        "answer",
        "export",
        "publish",
        "api",
        "keys",
        "keys add",
        "keys list",
        "keys revoke",
        "doctor",
    }


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_explains_every_option_and_gives_examples_that_work(
    path: tuple[str, ...], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    text = "".join(shown.split())
    for param in command.params:
        assert param.help
        assert "".join(param.help.split()) in text
        assert param.metavar in text if param.param_type_name == "argument" else param.opts[0] in text
    known = {" ".join(names): {o for p in child.params for o in p.opts} for names, child in commands()}
    examples = re.findall(r"^\s+afina (.+)$", shown, re.MULTILINE)
    assert examples
    for line in examples:
        words = line.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        assert name in known, line
        assert set(re.findall(r"--[a-z-]+", line)) <= known[name], line


def test_without_arguments_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "afina serve" in capsys.readouterr().out


def test_a_command_that_is_not_there_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    for locale in LOCALES:
        assert run(["trian", "--lang", locale]) == 2
        error = capsys.readouterr().err
        assert "trian" in error
        assert "serve" in error
        assert "examples" in error
    assert catalog("pt")("errors.cli.no_such_command", name="x", choices="y") != error


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from studio.cli.program import run; run(['train', '--help']);"
        "heavy = {'torch', 'gradio', 'transformers', 'peft', 'pandas', 'plotly', 'sqlalchemy', 'fastapi'};"
        "sys.exit(', '.join(sorted(heavy & sys.modules.keys())) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
