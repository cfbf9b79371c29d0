"""What every command begins with: settings, the terminal, the services of the workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.terminal import Terminal
from studio.errors import AfinaError
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.services.container import Services

Json = Annotated[
    bool,
    typer.Option("--json", help='Write JSON on standard output, for machines: results, and errors as {"error": …}.'),
]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, as afina runs lists it and afina train prints it.")
]
Base = Annotated[
    bool, typer.Option("--base", help="Ask the base model instead: the same questions, before the tuning.")
]
Alone = Annotated[
    bool,
    typer.Option("--alone", help="Let the tuned model write every answer: no known answers, nothing handed over."),
]
Careful = Annotated[
    float | None,
    typer.Option(
        min=0.005,
        max=0.1,
        metavar="SHARE",
        help="Wrong known answers among all questions, at most; without it, as the project has it (0.02 at first).",
    ),
]
AcceptLicence = Annotated[
    bool, typer.Option("--accept-licence", help="I have read the licence terms of the base model and accept them.")
]


class Usage(AfinaError):
    """The command was not given what it needs; exit code 2."""


def terminal_of(ctx: typer.Context, *, as_json: bool = False) -> Terminal:
    """The terminal of this command."""
    terminal: Terminal = ctx.find_object(Terminal) or ctx.ensure_object(Terminal)
    terminal.json = as_json
    return terminal


def load_settings(**given: Any) -> Settings:
    """Settings from the environment; what was ``given`` on the command line and is not None counts more.

    Raises:
        AfinaError: ``cli.bad_setting`` naming the variable or option.
    """
    from pydantic import ValidationError

    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**chosen)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        name = f"--{field}" if field in chosen else f"AFINA_{field.upper()}"
        raise AfinaError("cli.bad_setting", name=name, value=str(first["input"])[:80], detail=first["msg"]) from error


@contextmanager
def open_services() -> Iterator[Services]:
    """The services of the workspace, closed at the end; training workers go on.

    Raises:
        AfinaError: when the settings are wrong or the workspace cannot be opened.
    """
    from studio.app import build_services
    from studio.domain.author import COMMAND_LINE, acting_as

    services = build_services(load_settings())
    try:
        with acting_as(COMMAND_LINE):
            yield services
    finally:
        services.close()


def read_small_file(path: Path, limit: int = 1_000_000) -> str:
    """The text of a file that a person wrote: a recipe, a password.

    Raises:
        AfinaError: ``cli.file_unreadable`` or ``cli.file_too_large``.
    """
    try:
        if path.stat().st_size > limit:
            raise AfinaError("cli.file_too_large", file=str(path), limit=limit // 1000)
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8"
        raise AfinaError("cli.file_unreadable", file=str(path), detail=reason or "") from error


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        AfinaError: ``cli.not_json`` with the place of the mistake, ``cli.deep_json``, or what :func:`read_small_file` raises.
    """
    try:
        values = json.loads(read_small_file(path))
    except json.JSONDecodeError as error:
        raise AfinaError("cli.not_json", file=str(path), line=str(error.lineno), column=str(error.colno)) from error
    except RecursionError as error:
        raise AfinaError("cli.deep_json", file=str(path)) from error
    if not isinstance(values, Mapping):
        raise AfinaError("cli.not_json", file=str(path), line="1", column="1")
    return dict(values)
