"""From the command line to a recipe: a file, options, ``--set``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.session import Usage, read_json_object
from studio.cli.terminal import Refused, Terminal, errors_of
from studio.domain.recipe import Preset, Recipe

if TYPE_CHECKING:
    from studio.services.container import Services

STORED = "dataset:"  # begins the name of a stored version of examples, which is no file
_HANDLED_CODES = (
    "run.model_not_installed",
    "run.licence_not_accepted",
)  # problems that a command puts right: it installs and asks


RecipeFile = Annotated[
    Path | None,
    typer.Argument(metavar="RECIPE.json", help="A recipe. What is given with options counts more than what it says."),
]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="File or folder of examples; may be given several times. - reads a pasted table from standard input.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Id of a base model, as afina models lists it; normally the one recommended for your "
        "language. Fetched where it is not here yet.",
    ),
]
PresetName = Annotated[
    Preset | None,
    typer.Option(
        metavar="|".join(Preset),
        help="How much time to give: quick to try things out, balanced (normally), thorough for the best result.",
    ),
]
Choices = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any field of a recipe: method, rank, alpha, dropout, learning_rate, epochs, batch_size, "
        "max_length, last_layers, weight_decay, patience, seed… May be given several times.",
    ),
]


def fields_of(file: Path | None, given: dict[str, Any], choices: Sequence[str] | None) -> dict[str, Any]:
    """Fields of a recipe: of a file, of options, which count more, and of ``--set``, which counts most."""
    values = from_file(file) if file is not None else {}
    return values | {field: value for field, value in given.items() if value} | parsed(choices or ())


def from_file(path: Path) -> dict[str, Any]:
    """The fields of a recipe file; relative paths in it are meant from the folder in which it lies."""
    values = read_json_object(path)
    for field in ("data", "held_out"):
        files = values.get(field)
        if isinstance(files, list):
            values[field] = [
                file if not isinstance(file, str) or file.startswith(STORED) else str(path.resolve().parent / file)
                for file in files
            ]
    return values


def absolute(paths: Sequence[Path] | None) -> list[str]:
    """Paths that mean the same from any folder."""
    return [str(path.expanduser().resolve()) for path in paths or []]


def parsed(choices: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` as fields of a recipe; a value that is not JSON is text.

    Raises:
        Usage: ``cli.train.bad_set``.
    """
    values: dict[str, Any] = {}
    for choice in choices:
        name, equals, text = choice.partition("=")
        if not equals:
            raise Usage("cli.train.bad_set", choice=choice[:80])
        try:
            values[name.strip()] = json.loads(text)
        except json.JSONDecodeError:
            values[name.strip()] = text
    return values


def checked(terminal: Terminal, services: Services, values: dict[str, Any]) -> Recipe:
    """The recipe that some fields make, once its problems have been named.

    Raises:
        Refused: with every problem that stops it.
    """
    recipe, found = services.runs.check(values)
    problems = [problem for problem in found if problem.code not in _HANDLED_CODES]
    if recipe is None or errors_of(problems):
        raise Refused(errors_of(problems) or found)
    terminal.warn(problems)
    return recipe
