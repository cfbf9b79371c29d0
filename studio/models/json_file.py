"""Reading the small text and JSON files that come with a model, which a stranger may have made."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Final

from studio.errors import AfinaError

_LARGEST: Final = 20_000_000  # bytes; the index of the largest models has two


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``; empty when the file is missing or holds something else.

    Raises:
        AfinaError: ``model.odd_file``.
    """
    try:
        loaded = json.loads(read_text(path, _LARGEST) or "")
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def read_text(path: Path, limit: int) -> str | None:
    """The text of a file in UTF-8; None when it is missing or cannot be read.

    Raises:
        AfinaError: ``model.odd_file`` for a larger file, and for a pipe or a device, which may have no end.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            raise AfinaError("model.odd_file", path=str(path), limit_mb=limit // 1_000_000)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def require_ordinary(path: Path) -> int:
    """The size of a file in bytes.

    Raises:
        AfinaError: ``model.odd_file`` for a pipe or a device, which may have no end.
        OSError: where it is missing.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise AfinaError("model.odd_file", path=str(path), limit_mb=0)
    return found.st_size
