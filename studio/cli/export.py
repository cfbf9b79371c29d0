"""``afina export``: what was learned, as a file for elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.session import Json, RunId, Usage, open_services, terminal_of


def export(
    ctx: typer.Context,
    run: RunId,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="gguf, site, merged or adapter.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write; normally in the workspace.")] = None,
    as_json: Json = False,
) -> None:
    """Write what was learned to a file for use elsewhere, and print where it is.

    gguf is one file for Ollama and LM Studio, also as gguf_f16, gguf_bf16 and gguf_q4_0; site is a web page that
    answers in the visitor's browser, and with site_compare the base model too; merged is a whole model (safetensors);
    adapter is small and needs the base model (PEFT format).

    \b
    afina export run-4f1c09ab33d2 merged --out support-bot.zip
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        kinds = [str(known) for known in services.exports.kinds()]
        if kind not in kinds:
            raise Usage("cli.export_kind", kind=kind, choices=", ".join(kinds))
        terminal.say("cli.export.working", run=services.runs.view(run).name)
        path = services.exports.export(run, kind, out=out)
    terminal.emit({"run": run, "kind": kind, "path": str(path), "bytes": path.stat().st_size})
    terminal.result(str(path))
