"""Formats in which a tuned chatbot can be taken away: one file a format, all listed here."""

from __future__ import annotations

from studio.errors import AfinaError
from studio.sharing.exporters.adapter import AdapterExporter
from studio.sharing.exporters.base import Exporter
from studio.sharing.exporters.merged import MergedExporter


def exporters() -> dict[str, Exporter]:
    """Every format by its name, in the order in which the screens show them."""
    return {known.kind: known for known in (AdapterExporter(), MergedExporter())}


def exporter(kind: str) -> Exporter:
    """The format called ``kind``.

    Raises:
        AfinaError: ``export.unknown_kind``.
    """
    known = exporters()
    if kind not in known:
        raise AfinaError("export.unknown_kind", kind=kind[:40], kinds=", ".join(known))
    return known[kind]
