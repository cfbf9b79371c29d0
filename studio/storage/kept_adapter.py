"""Which adapter a run has kept: the one that ``best.json`` names, as long as it is whole."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open

from studio.errors import AfinaError
from studio.storage.manifest import has_manifest, verify_manifest
from studio.storage.workspace import RunFolder

_STEP: Final = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class KeptAdapter:
    """An adapter that can be used.

    Args:
        name: of its folder, relative to the run.
        damaged_step: of the better one that ``best.json`` names, where that is damaged or gone; None where it is this one.
    """

    step: int
    name: str
    folder: Path
    damaged_step: int | None = None


def kept_adapter(run: RunFolder) -> KeptAdapter | None:
    """The best adapter of a run that is intact: each one saved was the best so far, so the newest; None without any."""
    named = _named(run)
    steps = sorted(_steps(run), reverse=True)
    if named in steps:
        steps.insert(0, named)
    for step in steps:
        name = f"{run.adapters.name}/step-{step:06d}"
        if is_intact(run.path / name):
            return KeptAdapter(step, name, run.path / name, named if named not in (None, step) else None)
    return None


def require_adapter(run: RunFolder, without: str) -> KeptAdapter:
    """The adapter that a run has kept.

    Args:
        without: code of the error where nothing was kept yet.

    Raises:
        AfinaError: ``without``, or ``run.damaged`` where something was kept and none of it is intact.
    """
    kept = kept_adapter(run) or kept_adapter(run)  # a run in progress may replace its best while we look
    if kept is None:
        raise AfinaError("run.damaged" if run.best.is_file() else without)
    return kept


def is_intact(folder: Path) -> bool:
    """Whether the files of an adapter are as they were written. What was found is remembered until they change."""
    try:
        stamps = tuple(sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in folder.iterdir()))
    except OSError:
        return False
    return _verified(folder, stamps)


@lru_cache(256)
def _verified(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> bool:
    """See :func:`is_intact`; what an older version saved has no checksums, but must have its full length."""
    if has_manifest(folder):
        return verify_manifest(folder)
    weights = [name for name, _, _ in stamps if name.endswith(".safetensors")]
    try:
        for name in weights:
            with safe_open(folder / name, "numpy"):  # the library refuses a file that is cut off
                continue
    except (SafetensorError, OSError):
        return False
    return bool(weights)


def _named(run: RunFolder) -> int | None:
    try:
        return int(json.loads(run.best.read_bytes())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _steps(run: RunFolder) -> list[int]:
    try:
        return [int(found[1]) for entry in run.adapters.iterdir() if (found := _STEP.fullmatch(entry.name))]
    except OSError:
        return []
