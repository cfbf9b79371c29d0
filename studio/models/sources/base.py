"""The one interface of everything that a base model can come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from studio.domain.model import BaseModelCard
from studio.errors import AfinaError
from studio.storage.files import sha256_of

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]


class Source(Protocol):
    """Brings the files of a base model to this computer."""

    def fetch(self, card: BaseModelCard, into: Path, progress: Progress, cancelled: Cancelled) -> Path:
        """Fetches what ``card`` describes; what an earlier, interrupted call finished is used again.

        Args:
            into: folder for downloads, kept between calls until the model is installed.
            progress: called with bytes done and bytes in all.
            cancelled: asked often; once it says True, :class:`studio.errors.Stopped` is raised.

        Returns:
            A folder with safetensors, or a GGUF file.
        """
        ...


def check_hash(path: Path, sha256: str, name: str) -> None:
    """Checks a downloaded file; a wrong one is removed, so that the next try fetches it again.

    Raises:
        AfinaError: ``install.hash_mismatch``.
    """
    if sha256_of(path) != sha256:
        path.unlink()
        raise AfinaError("install.hash_mismatch", file=name)
