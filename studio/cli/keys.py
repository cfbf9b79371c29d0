"""``afina keys``: the keys with which programs ask; ``afina api``: lines that ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from studio.cli.session import Json, RunId, load_settings, open_services, terminal_of
from studio.domain.api_key import PER_DAY, PER_MINUTE, ApiKey


def build() -> typer.Typer:
    """The group ``afina keys``."""
    app = typer.Typer(
        rich_markup_mode=None,
        help='Keys with which programs ask tuned chatbots: make, list, revoke.\n\n\b\nafina keys add "Shop"',
    )
    app.command("add")(_add)
    app.command("list")(_list)
    app.command("revoke")(_revoke)
    return app


def _add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The program that will use it.")],
    per_minute: Annotated[
        int, typer.Option("--per-minute", metavar="N", help="Questions that are answered in a minute.")
    ] = PER_MINUTE,
    per_day: Annotated[
        int, typer.Option("--per-day", metavar="N", help="Questions that are answered in a day.")
    ] = PER_DAY,
    as_json: Json = False,
) -> None:
    """Make a key and print it, once: it is kept nowhere. Only the last line is the key.

    \b
    afina keys add "Shop" > shop.key
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        made, key = services.keys.add(name, per_minute=per_minute, per_day=per_day)
    terminal.say("cli.keys.added", name=made.name, id=made.id)
    terminal.emit(_described(made) | {"key": key})
    terminal.result(key)


def _list(ctx: typer.Context, as_json: Json = False) -> None:
    """List the keys: how much they ask and when they were last used.

    \b
    afina keys list --json
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        keys = services.keys.list()
    terminal.emit({"keys": [_described(key) for key in keys]})
    text = terminal.catalog
    rows = [
        (
            key.id,
            key.name,
            f"…{key.hint}",
            text("cli.keys.open") if key.is_open else text("cli.keys.revoked"),
            f"{key.used_today}/{key.per_day}",
            _when(key.last_used_at) or text("cli.keys.never"),
        )
        for key in keys
    ]
    if rows:
        heads = ("id", "name", "key", "state", "today", "last_used")
        terminal.table([text(f"cli.keys.head.{head}") for head in heads], rows)
    else:
        terminal.say("cli.keys.none")


def _revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the key.")],
    as_json: Json = False,
) -> None:
    """Close a key for good. What it asks just then ends, too.

    \b
    afina keys revoke "Shop"
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        revoked = services.keys.revoke(name)
    terminal.emit(_described(revoked))
    terminal.say("cli.keys.is_revoked", name=revoked.name)


def api(
    ctx: typer.Context,
    run: RunId,
    as_json: Json = False,
) -> None:
    """Print lines that ask a tuned chatbot from a program: curl, Python and JavaScript.

    The API is that of OpenAI, at the address of the studio; keys come from afina keys add.

    \b
    afina api run-4f1c09ab33d2
    """
    from studio.services.chat_targets import find_subject
    from studio.sharing.api_examples import api_examples

    terminal = terminal_of(ctx, as_json=as_json)
    settings = load_settings()
    with open_services() as services:
        find_subject(services.workspace, run.removesuffix(":base"), needs_tuned=not run.endswith(":base"))
        question = next(iter(services.suggestions.held_out(run.removesuffix(":base"), 1)), "?")
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    base_url = f"http://{host}:{settings.port}/v1"
    examples = api_examples(base_url, run, question)
    terminal.emit({"base_url": base_url, "model": run, **examples})
    terminal.say("cli.api.about", address=base_url)
    for name, lines in examples.items():
        terminal.result(f"\n# {name}\n{lines}" if name != "javascript" else f"\n// {name}\n{lines}")


def _described(key: ApiKey) -> dict[str, Any]:
    return key.model_dump(mode="json")


def _when(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M") if seconds else ""
