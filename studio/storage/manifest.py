"""Checksums of the files of a folder, so that one that a power cut left half-written is known as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from studio.storage.files import sha256_of

_NAME: Final = "manifest.json"


def write_manifest(folder: Path) -> None:
    """Writes the SHA-256 of each file of a folder into its ``manifest.json``: ``{"adapter_config.json": "9f86…", …}``."""
    sums = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != _NAME}
    (folder / _NAME).write_text(json.dumps(sums), encoding="utf-8")


def has_manifest(folder: Path) -> bool:
    """Whether a folder has one; what versions before this one wrote has none."""
    return (folder / _NAME).exists()


def verify_manifest(folder: Path) -> bool:
    """Whether every file that the manifest names is there, and as it was written."""
    try:
        sums = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        return bool(sums) and all(sha256_of(folder / name) == digest for name, digest in sums.items())
    except (OSError, ValueError, AttributeError):
        return False
