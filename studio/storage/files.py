"""Files that are either whole or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.errors import AfinaError, from_exception

_RETRIES_ON_WINDOWS = 20  # a virus scanner may hold a fresh file for a moment


def write_atomic(path: Path, data: str | bytes) -> None:
    """Replaces ``path`` by ``data``: readers see the old content or the new one, never a part.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``; ``path`` is then as it was.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``; what is written there takes its place at the end, synced to disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
    except OSError as error:
        raise from_exception(error) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise from_exception(error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside ``path`` that takes its place at the end; nothing is left behind on an error.

    All that is in it is on the disk before it takes that place: a power cut leaves the whole folder, or none.
    ``path`` must not exist as a folder with content: a finished folder is never overwritten.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    except OSError as error:
        raise from_exception(error) from error
    try:
        yield temporary
        sync_tree(temporary)
        replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise from_exception(error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Has the disk write all files and folders in ``folder``, and itself.

    Raises:
        OSError: what the disk says.
    """
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            with (Path(parent) / name).open("rb+") as file:
                os.fsync(file.fileno())
        _sync_folder(Path(parent))


def _sync_folder(folder: Path) -> None:
    """Has the disk write which files a folder holds; Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(source: Path, target: Path) -> None:
    """``os.replace`` that waits out a file held for a moment on Windows."""
    for attempt in range(_RETRIES_ON_WINDOWS):
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == _RETRIES_ON_WINDOWS - 1:
                raise
            time.sleep(0.05)


def free_bytes(folder: Path) -> int:
    """Bytes that can still be written to the disk of ``folder``, which need not exist yet."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(existing).free


def require_space(folder: Path, needed: int, *, free: Callable[[Path], int] | None = None) -> None:
    """Checks that ``needed`` bytes fit on the disk of ``folder``, with a tenth to spare.

    Raises:
        AfinaError: ``disk.full`` with ``needed_mb`` and ``free_mb``.
    """
    available = (free or free_bytes)(folder)
    if available < needed * 1.1:
        raise AfinaError("disk.full", needed_mb=round(needed / 1e6), free_mb=round(available / 1e6), path=str(folder))
