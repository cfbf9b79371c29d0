"""``afina publish``: a chatbot online for good, on the Hugging Face hub."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Annotated

import typer

from studio.cli.session import Json, RunId, Usage, load_settings, open_services, terminal_of


def publish(
    ctx: typer.Context,
    run: RunId,
    repository: Annotated[
        str,
        typer.Argument(
            metavar="[OWNER/]NAME",
            help="How the chatbot is called on the hub; as its project, unless it is there already.",
        ),
    ] = "",
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="site, site_compare, gguf, merged or adapter.")
    ] = "site",
    private: Annotated[bool, typer.Option("--private", help="Only you can see it.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the files of a repository that Afina did not make.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a chatbot online for good, on the Hugging Face hub.

    Its page becomes a free static Space, any other kind a model. The token comes from AFINA_HF_TOKEN or HF_TOKEN, or is
    asked for; it is kept nowhere.

    \b
    afina publish run-4f1c09ab33d2
    afina publish run-4f1c09ab33d2 my-name/support-bot --kind gguf
    """
    terminal = terminal_of(ctx, as_json=as_json)
    known = load_settings().hf_token
    token = known.get_secret_value() if known else os.environ.get("HF_TOKEN", "")
    if not token and not as_json and sys.stdin.isatty():
        token = getpass.getpass(f"{terminal.catalog('cli.publish.token')} ", sys.stderr)
    with open_services() as services:
        kinds = [str(known) for known in services.exports.kinds()]
        if kind not in kinds:
            raise Usage("cli.export_kind", kind=kind, choices=", ".join(kinds))
        done = services.publishing.publish(
            run,
            kind,
            repository or services.publishing.suggested_name(run),
            token,
            private=private,
            replaces=replace,
            report=lambda phase: terminal.say(f"cli.publish.{phase}"),
        )
    terminal.emit({"run": run, "kind": kind, "address": done.address, "page": done.page, "files": done.files})
    terminal.say("cli.publish.done")
    terminal.result(done.page or done.address)
