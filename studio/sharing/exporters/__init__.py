"""Formats in which a tuned chatbot can be taken away: one file a format, all listed here."""

from __future__ import annotations

from studio.errors import AfinaError
from studio.sharing.exporters.adapter import AdapterExporter
from studio.sharing.exporters.base import Exporter
from studio.sharing.exporters.gguf import GgufExporter
from studio.sharing.exporters.merged import MergedExporter
from studio.sharing.exporters.site import SiteExporter
from studio.sharing.gguf.precision import GgufPrecision


def exporters() -> dict[str, Exporter]:
    """Every format by its name, in the order in which the screens show them."""
    known: tuple[Exporter, ...] = (
        AdapterExporter(),
        MergedExporter(),
        *map(GgufExporter, GgufPrecision),
        SiteExporter(),
        SiteExporter(with_base=True),
    )
    return {format_.kind: format_ for format_ in known}


def exporter(kind: str) -> Exporter:
    """The format called ``kind``.

    Raises:
        AfinaError: ``export.unknown_kind``.
    """
    known = exporters()
    if kind not in known:
        raise AfinaError("export.unknown_kind", kind=kind[:40], kinds=", ".join(known))
    return known[kind]
