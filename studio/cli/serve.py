"""``afina serve``: the studio in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.session import load_settings, read_small_file, terminal_of
from studio.errors import AfinaError


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on; normally 127.0.0.1 (AFINA_HOST).")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on; normally 7860 (AFINA_PORT)."),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with the password of the studio, on one line (or set AFINA_PASSWORD)."),
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Make the demo links reachable from the internet; never the studio itself.")
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the browser when the studio is ready, where there is one.")
    ] = True,
    bots: Annotated[
        bool, typer.Option("--bots", help="Serve only the API and the demo pages, without the studio and its password.")
    ] = False,
) -> None:
    """Serve the studio in the browser.

    Only this computer can open it unless you choose another --host, and then a password is needed.

    \b
    afina serve
    afina serve --host 0.0.0.0 --password-file password.txt
    """
    from studio import app

    terminal = terminal_of(ctx)
    password = _password(password_file) if password_file is not None else None
    settings = load_settings(host=host, port=port, password=password)
    if bots:
        app.serve_bots(settings, locale=terminal.catalog.locale, say=terminal.result)
        return
    app.serve(settings, share=share, open_browser=open_browser, locale=terminal.catalog.locale, say=terminal.result)


def _password(path: Path) -> str:
    password = read_small_file(path, limit=10_000).strip()
    if not password:
        raise AfinaError("cli.empty_password_file", file=str(path))
    return password
