"""Who uses a base model now, in whichever process of this computer: so that it is not removed under them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from studio.storage.files import is_alive

_FOLDER: Final = ".uses"


@contextmanager
def using(model_dir: Path, what: str) -> Iterator[None]:
    """Notes for as long as the block runs that this process uses a model; a killed process counts no longer.

    Args:
        what: ``chat``, ``exam`` or ``export``; suffix of the code ``model.in_use.WHAT``.
    """
    folder = model_dir.parent / _FOLDER / model_dir.name
    note = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
    with suppress(OSError):  # a folder that cannot be written is one from which nothing is removed
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(what, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)


def uses_of(model_dir: Path) -> tuple[str, ...]:
    """What uses a model at this moment; notes of processes that are gone are removed."""
    found = set()
    for note in (model_dir.parent / _FOLDER / model_dir.name).glob("*-*"):
        with suppress(OSError):
            if is_alive(int(note.name.partition("-")[0]), since=min(note.stat().st_mtime, time.time())):
                found.add(note.read_text(encoding="utf-8"))
            else:
                note.unlink(missing_ok=True)
    return tuple(sorted(found))
