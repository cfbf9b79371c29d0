"""Uploads: kept as they came, under their hash, and never changed."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from studio.data.importing.result import InputFile
from studio.errors import AfinaError, translated_os_errors
from studio.storage.files import require_space, sha256_of

_CLOCK: Final = 0.1  # seconds by which the clock of the disk may be behind
_UNSAFE: Final = re.compile(r"[^\w.\- ]+")


class Uploads:
    """The uploads of one project."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def keep(self, path: Path, held_out: bool | None = None) -> dict[str, Any]:
        """Copies a file or folder's content in, once, and returns what a version remembers of it.

        Raises ``data.too_large``, ``data.empty_file``, ``disk.full``, ``disk.missing`` …
        """
        with translated_os_errors():
            size = path.stat().st_size
            if size > self._max_bytes:
                raise AfinaError(
                    "data.too_large", file=path.name, size_mb=round(size / 1e6), limit_mb=round(self._max_bytes / 1e6)
                )
            if size == 0:
                raise AfinaError("data.empty_file", file=path.name)
            self._folder.mkdir(parents=True, exist_ok=True)
            require_space(self._folder, size * 2)  # the upload, and the version made of it
            digest = sha256_of(path)[:16]
            stored = f"{digest}-{_UNSAFE.sub('_', path.name)[-100:]}"
            if not (self._folder / stored).exists():
                self._copy(path, stored)
        return {"name": path.name, "stored": stored, "held_out": held_out}

    def inputs(self, kept: Sequence[dict[str, Any]]) -> list[InputFile]:
        """The files of what :meth:`keep` returned."""
        return [InputFile(self._folder / item["stored"], item["name"], item.get("held_out")) for item in kept]

    def forget(self, used: Collection[str], since: float = 0.0, before: float = math.inf) -> list[Path]:
        """Removes files that no version was read from, and says which.

        Args:
            used: the ``stored`` names that versions remember.
            since, before: only those kept between these times, in seconds since 1970.
        """
        removed = self.unused(used, since, before)
        for path in removed:
            path.unlink(missing_ok=True)
        return removed

    def unused(self, used: Collection[str], since: float = 0.0, before: float = math.inf) -> list[Path]:
        """What :meth:`forget` would remove."""
        found = []
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            name, kept = path.name.removeprefix(".").removesuffix(".part"), path.stat().st_mtime
            if name not in used and since - _CLOCK <= kept < before:
                found.append(path)
        return found

    def stored(self, names: Collection[str]) -> list[Path]:
        """The kept files of these ``stored`` names, as far as they are there."""
        return [path for name in sorted(names) if (path := self._folder / name).is_file()]

    def _copy(self, path: Path, stored: str) -> None:
        partial = self._folder / f".{stored}.part"
        try:
            shutil.copyfile(path, partial)
            partial.replace(self._folder / stored)
        finally:
            partial.unlink(missing_ok=True)


def files_below(paths: Sequence[Path]) -> list[Path]:
    """The files, and those below each folder; links are not followed.

    Raises ``data.empty_file``, ``data.no_dataset``.
    """
    found: list[Path] = []
    for path in paths:
        below = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()) if path.is_dir() else [path]
        if not below:
            raise AfinaError("data.empty_file", file=path.name)
        found += below
    if not found:
        raise AfinaError("data.no_dataset")
    return found
