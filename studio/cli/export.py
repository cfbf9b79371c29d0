"""``afina export``: what was learned, as a file for elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.session import Json, Usage, open_services, terminal_of


def export(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="cli.run_id")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help="cli.export.kind")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="cli.export.out")] = None,
    as_json: Json = False,
) -> None:
    """Writes the adapter or the merged model of a run, and prints where it lies."""
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        kinds = [str(known) for known in services.exports.kinds()]
        if kind not in kinds:
            raise Usage("cli.export_kind", kind=kind, choices=", ".join(kinds))
        terminal.say("cli.export.working", run=services.runs.view(run).name)
        path = services.exports.export(run, kind, out=out)
    terminal.emit({"run": run, "kind": kind, "path": str(path), "bytes": path.stat().st_size})
    terminal.result(str(path))
