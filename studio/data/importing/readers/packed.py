"""What the members of a zip file really unpack to: measured, since its directory may say anything."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from studio.errors import AfinaError

_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")  # PKWARE APPNOTE 4.3.7
_CHUNK: Final = 1 << 20


def check_sizes(path: Path, name: str, limit: int) -> None:
    """Refuses a file whose members unpack to more than a limit, or to another size than its directory says.

    Parsers that believe the directory reserve too little, those that do not unpack without a bound; this reads every
    member once, in pieces, and keeps nothing. Raises ``data.unpacks_too_large``.
    """
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if total <= limit:
            total = 0
            for entry in entries:
                size = _unpacked(file, entry, limit - total)
                total += size
                if total <= limit and size != entry.file_size:
                    raise zipfile.BadZipFile("a member has another size than the directory says")
        if total > limit:
            params = {"size_mb": round(total / 1e6), "limit_mb": round(limit / 1e6)}
            raise AfinaError("data.unpacks_too_large", file=name, **params)


def _unpacked(file: IO[bytes], entry: zipfile.ZipInfo, limit: int) -> int:
    """The size of a member, counted up to one piece beyond ``limit``."""
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\3\4":
        raise zipfile.BadZipFile("a member is not where the directory says")
    *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    file.seek(name_length + extra_length, 1)
    if entry.compress_type == zipfile.ZIP_STORED:
        return entry.compress_size
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise zipfile.BadZipFile("a member is packed in an unusual way")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size = 0
    left = entry.compress_size
    while left > 0 and not inflater.eof and size <= limit:
        packed = file.read(min(left, _CHUNK))
        if not packed:
            break
        left -= len(packed)
        while packed and size <= limit:
            size += len(inflater.decompress(packed, _CHUNK))
            packed = inflater.unconsumed_tail
    return size
