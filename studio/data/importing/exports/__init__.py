"""The registry of exports: shapes of JSON and YAML that programs write. A new one is a line here, a function and an asset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.exports import bots, chats, dialogflow, helpdesk, knowledge
from studio.data.importing.exports.base import Export
from studio.data.importing.table import SourceFile, Table

EXPORTS: Final[tuple[Export, ...]] = (
    *chats.EXPORTS,
    *helpdesk.EXPORTS,
    *knowledge.EXPORTS,
    *dialogflow.EXPORTS,
    *bots.EXPORTS,
)


def export_of(value: Any) -> Export | None:
    """The program that wrote a value, where its shape says so."""
    return next((export for export in EXPORTS if export.fits(value)), None)


def tables(export: Export, source: SourceFile, value: Any, detail: str) -> Iterator[Table]:
    """The table of an export."""
    rows = export.rows(value, source.findings, source.name)
    yield Table(source.name, export.columns, rows, detail=f"{detail}, {export.name}")
