"""What the members of a zip file really unpack to: measured, since its directory may say anything."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from studio.errors import AfinaError

_CHUNK: Final = 1 << 20


def check_sizes(path: Path, name: str, limit: int) -> None:
    """Refuses a file whose members unpack to more than a limit, or to another size than its directory says.

    Parsers that believe the directory reserve too little, those that do not unpack without a bound; this reads every
    member once, in pieces, and keeps nothing. Raises ``data.unpacks_too_large``.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if total <= limit:
            total = 0
            for entry in entries:
                begin, stated = total, entry.file_size
                entry.file_size = limit + 2 * _CHUNK  # so far zipfile reads, whatever was stated
                with archive.open(entry) as member:
                    while total <= limit and (piece := member.read(_CHUNK)):
                        total += len(piece)
                if total <= limit and total - begin != stated:
                    raise zipfile.BadZipFile("a member has another size than the directory says")
        if total > limit:
            params = {"size_mb": round(total / 1e6), "limit_mb": round(limit / 1e6)}
            raise AfinaError("data.unpacks_too_large", file=name, **params)
