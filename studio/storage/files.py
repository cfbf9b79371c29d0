"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from studio.errors import AfinaError, translated_os_errors

Kind = TypeVar("Kind", bound=BaseModel)
_MADE_BY: Final = re.compile(r"\.(\d+)-[^.]*\.tmp$")
_ABANDONED: Final = 86_400.0  # seconds
_CLOCK: Final = 2.0  # seconds by which start times and file times may differ
_RETRIES_ON_WINDOWS = 20  # a virus scanner may hold a fresh file for a moment


def write_atomic(path: Path, data: str | bytes) -> None:
    """Replaces ``path`` by ``data``: readers see the old content or the new one, never a part.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``; ``path`` is then as it was.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def read_value(path: Path, kind: type[Kind]) -> Kind | None:
    """The value in a JSON file; None where it is missing, or cannot be read as one of this kind."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``; what is written there takes its place at the end, synced to disk."""
    with translated_os_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside ``path`` that takes its place at the end; nothing is left behind on an error.

    All that is in it is on the disk before it takes that place: a power cut leaves the whole folder, or none.
    ``path`` must not exist as a folder with content: a finished folder is never overwritten.
    """
    with translated_os_errors(), _temporary_folder(path) as temporary:
        yield temporary
        sync_tree(temporary)
        replace(temporary, path)
        _sync_folder(path.parent)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yields an empty folder for what a child process unpacks; it goes away with the block, or at the next start."""
    with translated_os_errors(), _temporary_folder(parent / "scratch") as folder:
        yield folder


@contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=".tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def remove_half_made(folder: Path, pid: int) -> list[Path]:
    """Removes what a process that was killed had half written below a folder, and says what that was."""
    return _remove(path for path in folder.rglob(".*.tmp") if _maker(path) == pid)


def remove_abandoned(folder: Path) -> list[Path]:
    """Removes what processes that are gone had half written below a folder, and says what that was."""
    return _remove(path for path in folder.rglob(".*.tmp") if not _is_being_made(path))


def _remove(found: Iterable[Path]) -> list[Path]:
    removed = []
    for path in list(found):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def _prefix(path: Path) -> str:
    """How the temporary name of ``path`` begins: with the process that makes it, so that leftovers are known."""
    return f".{path.name}.{os.getpid()}-"


def _maker(path: Path) -> int | None:
    found = _MADE_BY.search(path.name)
    return int(found[1]) if found else None


def _is_being_made(path: Path) -> bool:
    """Whether the process that began a file or folder still runs; names without a process are of an older Afina."""
    pid = _maker(path)
    try:
        made = path.lstat().st_mtime
    except OSError:
        return False
    return time.time() - made < _ABANDONED if pid is None else is_alive(pid, made)


def is_alive(pid: int, since: float) -> bool:
    """Whether the process still runs that had a number at a time (seconds since 1970), and no other program has it now."""
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() < since + _CLOCK)
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


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


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def used_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where it is not there. What vanishes while it is counted counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_size
    return total


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
