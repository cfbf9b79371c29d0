"""Base models from a folder or a GGUF file on this computer."""

from __future__ import annotations

from pathlib import Path

from studio.domain.model import BaseModelCard
from studio.errors import AfinaError
from studio.models.sources.base import Cancelled, Progress
from studio.models.weights import card_of_folder, card_of_gguf


def describe_path(path: Path) -> BaseModelCard:
    """The card of a folder with safetensors or of a GGUF file; a folder with one GGUF file counts as that file.

    Raises:
        AfinaError: ``model.no_folder``, ``model.not_a_model_file`` and those of :mod:`studio.models.weights`.
    """
    path = path.expanduser()
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise AfinaError("model.not_a_model_file", path=str(path))
        return card_of_gguf(path)
    found = sorted(path.glob("*.gguf")) if path.is_dir() else []
    if len(found) == 1 and not any(path.glob("*.safetensors")):
        return card_of_gguf(found[0])
    return card_of_folder(path)


class FolderSource:
    """Nothing is fetched: the folder is looked at again, since it may have changed."""

    def fetch(self, card: BaseModelCard, into: Path, progress: Progress, cancelled: Cancelled) -> Path:
        """See :class:`studio.models.sources.base.Source`."""
        path = Path(card.reference)
        describe_path(path)
        return path
