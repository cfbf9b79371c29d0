"""The ``afina`` program: its commands, and what becomes of an error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from studio import __version__
from studio.cli import answer, chat, doctor, examples, export, keys, models, prove, publish, runs, serve, studies, train
from studio.cli.language import take_language, terminal_locale
from studio.cli.session import Usage
from studio.cli.terminal import Terminal
from studio.errors import AfinaError
from studio.i18n.catalog import catalog

_NO_COMMAND = re.compile(r"No such command ['\"](.*?)['\"]")
_UNEXPECTED = re.compile(r"unexpected extra arguments?(?:\(s\))? \((.*)\)")


def run(arguments: Sequence[str]) -> int:
    """Runs one command.

    Returns:
        The exit code: 0 well, 1 an error, 2 wrong usage, 130 interrupted; of ``afina prove``, 3 and 4 as it says.
    """
    _speak_utf8()
    terminal = Terminal(catalog(terminal_locale(os.environ)), json=_wants_json(arguments))
    try:
        locale, rest = take_language(arguments, os.environ)
        terminal.catalog = catalog(locale)
        code = typer.main.get_command(program()).main(rest, prog_name="afina", standalone_mode=False, obj=terminal)
    except TyperException as error:
        terminal.fail(_usage(error))
        return 2
    except Usage as error:
        terminal.fail(error)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        terminal.fail(error)
        return 1
    return code if isinstance(code, int) else 0


def program() -> typer.Typer:
    """Every command, in the order of the way through the studio."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)
    app.callback()(_afina)
    app.command()(serve.serve)
    app.command()(examples.examples)
    app.command()(train.train)
    app.command()(studies.search)
    app.command()(studies.folds)
    app.command()(prove.prove)
    app.command()(chat.chat)
    app.command()(answer.answer)
    app.command()(export.export)
    app.command()(publish.publish)
    app.command()(keys.api)
    app.command()(doctor.doctor)
    app.add_typer(models.build(), name="models")
    app.add_typer(runs.build(), name="runs")
    app.add_typer(keys.build(), name="keys")
    return app


def _afina(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang",
            metavar="en|pt",
            help="Language of every sentence; normally that of your terminal (LANG). May stand anywhere.",
        ),
    ] = None,
) -> None:
    """Afina teaches a chatbot to answer like your company.

    New here? afina serve opens the studio in your browser. The other commands do the same without a browser.

    \b
    afina serve
    afina train --data support.csv --preset quick
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _usage(error: TyperException) -> AfinaError:
    """What was wrong with the command line; the parser's own words, which are English, only where nothing is better."""
    details: Any = error
    param = getattr(details, "param", None)
    name = _name_of(param) if param is not None else getattr(details, "option_name", "")
    context = getattr(details, "ctx", None)
    command = context.command_path if context is not None else "afina"
    match type(error).__name__:
        case "UsageError" | "NoSuchCommand" if context is not None and (missing := _NO_COMMAND.search(error.message)):
            names = ", ".join(context.command.list_commands(context))
            return AfinaError("cli.no_such_command", name=missing.group(1)[:80], choices=names)
        case "NoSuchOption":
            return AfinaError("cli.no_such_option", option=name, command=command)
        case "MissingParameter":
            return AfinaError("cli.missing", what=name, command=command)
        case "BadParameter" if param is not None:
            return AfinaError("cli.bad_value", what=name, command=command, expected=_expected(param))
        case "BadOptionUsage":
            return AfinaError("cli.no_value", option=name)
        case "UsageError" if context is not None and (extra := _UNEXPECTED.search(error.message)):
            return AfinaError("cli.too_many", command=command, extra=extra.group(1))
        case _:
            return AfinaError("cli.usage", command=command, detail=error.format_message().rstrip("."))


def _name_of(param: Any) -> str:
    return str(param.opts[0] if param.param_type_name == "option" else param.metavar)


def _expected(param: Any) -> str:
    return f"{param.min} … {param.max}" if param.min is not None else str(param.metavar)


def _wants_json(arguments: Sequence[str]) -> bool:
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


def _speak_utf8() -> None:
    """Pipes on Windows are in an old code page by default, in which neither names nor JSON survive."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not stream.isatty():
            reconfigure(encoding="utf-8")
