"""``afina doctor``: what this computer is, what will be used and why, and what to do where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from studio.cli.session import Json, open_services, terminal_of
from studio.cli.terminal import Terminal

if TYPE_CHECKING:
    from studio.services.container import Services
    from studio.services.doctor import Finding


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Look at this computer: what it is, what will be used and why, and what to do where something is wrong.

    A report of a fault begins with what this prints.

    \b
    afina doctor
    afina doctor --json > report.json
    """
    terminal = terminal_of(ctx, as_json=as_json)
    found = []
    with open_services() as services:
        for finding in _findings(services):
            found.append(finding)
            terminal.result(_line(terminal, finding))
    well = all(finding.well for finding in found)
    terminal.emit({"well": well, "findings": [finding.model_dump(mode="json") for finding in found]})
    terminal.result("\n" + terminal.catalog("doctor.all_well" if well else "doctor.not_well"))
    if not well:
        raise typer.Exit(1)


def _findings(services: Services) -> Iterator[Finding]:
    from studio.app import can_listen, has_browser
    from studio.services.doctor import Finding, examine

    yield from examine(services.workspace, services.models)
    settings = services.workspace.settings
    is_free = can_listen(settings.host, settings.port)
    address = {"host": settings.host, "port": str(settings.port)}
    yield Finding(code="port" if is_free else "port_taken", well=is_free, params=address)
    yield Finding(code="browser" if has_browser() else "no_browser", params=address)


def _line(terminal: Terminal, finding: Finding) -> str:
    text = terminal.catalog
    params = {name: text.size(value) if name == "bytes" else value for name, value in finding.params.items()}
    return f"{'✓' if finding.well else '✗'} {text(f'doctor.{finding.code}', **params)}"
