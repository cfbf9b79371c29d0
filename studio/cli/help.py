"""``--help`` in the language of the terminal, with an example for each command.

The help texts in the signatures of the commands are catalog keys (``cli.train.model``). They become sentences here,
when help is asked for: so the commands are built once and know no language.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from studio.cli.session import Usage
from studio.cli.terminal import Terminal

_WIDTH_OF_NAMES = 30
_ORDER = (
    "serve",
    "models",
    "examples",
    "train",
    "search",
    "folds",
    "runs",
    "prove",
    "chat",
    "answer",
    "export",
    "api",
    "keys",
)


def _write_help(command: Any, ctx: Any, formatter: Any) -> None:
    catalog = ctx.find_object(Terminal).catalog
    key = command.help or ""
    formatter.write_usage(_path(ctx), _pieces(command, ctx), f"{catalog('cli.usage')} ")
    formatter.write_paragraph()
    for line in catalog(key).splitlines():
        formatter.write_text(line)
    groups: dict[str, list[tuple[str, str]]] = {"cli.arguments": [], "cli.options": [], "cli.commands": []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            is_argument = param.param_type_name == "argument"
            name = param.metavar if is_argument else record[0].strip()
            groups["cli.arguments" if is_argument else "cli.options"].append((name, _described(catalog, param)))
    for name in command.list_commands(ctx) if isinstance(command, TyperGroup) else ():
        child = command.get_command(ctx, name)
        if child is not None:
            groups["cli.commands"].append((name, catalog(child.help).splitlines()[0]))
    for group, records in groups.items():
        if records:
            with formatter.section(catalog(group).rstrip(":")):
                formatter.write_dl(records, col_max=_WIDTH_OF_NAMES)
    with formatter.section(catalog("cli.example").rstrip(":")):
        for line in catalog(f"{key}.example").splitlines():
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _path(ctx: Any) -> str:
    """The names of the command and of those above it, without their arguments."""
    above = f"{_path(ctx.parent)} " if ctx.parent is not None else ""
    return f"{above}{ctx.info_name}"


def _pieces(command: Any, ctx: Any) -> str:
    arguments = [param for param in command.get_params(ctx) if param.param_type_name == "argument"]
    pieces = ["[--…]", *(param.metavar if param.required else f"[{param.metavar}]" for param in arguments)]
    return " ".join([*pieces, "…"] if isinstance(command, TyperGroup) else pieces)


def _described(catalog: Any, param: Any) -> str:
    text: str = catalog(param.help)
    default = param.default.value if isinstance(param.default, Enum) else param.default
    if param.show_default and isinstance(default, str | int | float) and not isinstance(default, bool):
        text += f" [{catalog('cli.default', value=str(default))}]"
    return f"{text} [{catalog('cli.required')}]" if param.required else text


class AfinaCommand(TyperCommand):
    """A command whose help texts are catalog keys."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help of this command."""
        _write_help(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        """``--help``, with a text of ours."""
        return _with_text(super().get_help_option(ctx))


class AfinaGroup(TyperGroup):
    """A group of commands whose help texts are catalog keys, listed in the order of the way through the studio."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help of this group."""
        _write_help(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        """``--help``, with a text of ours."""
        return _with_text(super().get_help_option(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the way through the studio, not that of their registration."""
        return sorted(self.commands, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is named first.

        Raises:
            Usage: ``cli.no_such_command``, with those that there are.
        """
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise Usage("cli.no_such_command", name=args[0][:80], choices=", ".join(self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _with_text(option: Any) -> Any:
    if option is not None:
        option.help = "cli.help_option"
    return option


def group(help_key: str, **settings: Any) -> typer.Typer:
    """A Typer application that speaks through the catalogs."""
    return typer.Typer(
        cls=AfinaGroup, help=help_key, add_completion=False, rich_markup_mode=None, no_args_is_help=False, **settings
    )
