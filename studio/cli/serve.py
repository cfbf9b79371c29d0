"""``afina serve``: the studio in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.session import load_settings, read_small_file, terminal_of
from studio.errors import AfinaError


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="cli.serve.host")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, metavar="PORT", help="cli.serve.port")] = None,
    password_file: Annotated[Path | None, typer.Option(metavar="FILE", help="cli.serve.password_file")] = None,
    share: Annotated[bool, typer.Option("--share", help="cli.serve.share")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="cli.serve.open")] = True,
) -> None:
    """Serves the studio until it is interrupted."""
    from studio import app

    terminal = terminal_of(ctx)
    password = _password(password_file) if password_file is not None else None
    settings = load_settings(host=host, port=port, password=password)
    app.serve(settings, share=share, open_browser=open_browser, locale=terminal.catalog.locale, say=terminal.result)


def _password(path: Path) -> str:
    password = read_small_file(path, limit=10_000).strip()
    if not password:
        raise AfinaError("cli.empty_password_file", file=str(path))
    return password
