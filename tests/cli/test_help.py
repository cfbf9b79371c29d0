"""Help: for every command, in every language, with an example, and without waiting for the heavy libraries."""

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
        "api",
        "keys",
        "keys add",
        "keys list",
        "keys revoke",
        "doctor",
    }


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_explains_every_option_and_gives_an_example(
    path: tuple[str, ...], command: Any, locale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help", "--lang", locale]) == 0
    text = " ".join(capsys.readouterr().out.split())
    sentences = catalog(locale)
    assert "cli." not in text, "a catalog key that no sentence was made of"
    for param in command.params:
        assert sentences(param.help) in text
        name = param.metavar if param.param_type_name == "argument" else param.opts[0]
        assert name in text
    example = sentences(f"{command.help}.example")
    assert all(line.startswith("afina ") for line in example.splitlines())
    assert " ".join(example.split()) in text


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_examples_name_options_that_exist(path: tuple[str, ...], command: Any) -> None:
    known = {" ".join(names): {o for p in child.params for o in p.opts} for names, child in commands()}
    for locale in LOCALES:
        for line in catalog(locale)(f"{command.help}.example").splitlines():
            words = line.split()[1:]
            name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
            assert name in known, line
            assert set(re.findall(r"--[a-z-]+", line)) <= known[name], line


def test_without_arguments_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "afina serve" in capsys.readouterr().out


def test_commands_are_listed_in_the_order_of_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--lang", "en"])
    listed = re.findall(r"^  ([a-z]+)  ", capsys.readouterr().out, re.MULTILINE)
    assert listed[:4] == ["serve", "models", "examples", "train"]


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
