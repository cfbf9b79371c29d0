"""Installing a base model: fetch, convert, put in place whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock, Timeout

from studio.domain.model import BaseModelCard
from studio.errors import AfinaError, Stopped
from studio.models.sources.base import Cancelled, Source
from studio.processes.child import run_child
from studio.storage.files import atomic_folder, require_space, used_bytes, write_atomic
from studio.storage.workspace import Workspace

Report = Callable[..., None]

_POLL_SECONDS: Final = 0.2
_BYTES_PER_WEIGHT: Final = 2  # bf16
_DOWNLOAD_SHARE: Final = 0.8  # of the bar
_BEFORE_THE_END: Final = 0.99  # the rest is the model's being there
_RUNTIME_BYTES: Final = 500_000_000  # torch and transformers themselves


def is_installed(folder: Path) -> bool:
    """Whether a model's folder is complete: its card is written last."""
    return (folder / "afina.json").is_file()


def install(workspace: Workspace, card: BaseModelCard, source: Source, report: Report, cancelled: Cancelled) -> None:
    """Installs a model; does nothing when it is there. Two processes that want the same model wait for each other.

    Args:
        report: told about every progress: ``stage`` (``downloading`` or ``converting``), ``done`` and ``total`` bytes of
            the download, and the ``fraction`` of both together, which never goes back.

    Raises:
        AfinaError: what the source, the converter or the disk complain of; :class:`Stopped` when cancelled. Nothing
            half-made stays, but finished downloads are kept for the next try.
    """
    folder = workspace.model(card.id)
    downloads = workspace.models / ".downloads" / card.id
    with _install_lock(workspace.models / f".{card.id}.lock", cancelled):
        if is_installed(folder):
            return
        for leftover in workspace.models.glob(f".{card.id}.*.tmp"):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        check_room(workspace.models, card)
        progress = _InstallProgress(report, card)
        progress.downloaded(0, card.download_bytes)
        fetched = source.fetch(card, downloads, progress.downloaded, cancelled)
        progress.converted(0)
        with atomic_folder(folder) as temporary:
            convert_in_child(fetched, temporary, cancelled, lambda: progress.converted(used_bytes(temporary)))
            finish(temporary, card)
        shutil.rmtree(downloads, ignore_errors=True)


class _InstallProgress:
    """Tells both parts of an installation as one: a bar that only goes forward, whatever a source counts again.

    Args:
        report: told about every progress.
    """

    def __init__(self, report: Report, card: BaseModelCard) -> None:
        self._report = report
        self._weights = card.parameters * _BYTES_PER_WEIGHT
        self._share = _DOWNLOAD_SHARE if card.download_bytes else 0.0
        self._fraction = 0.0

    def downloaded(self, done: int, total: int) -> None:
        """``done`` bytes of ``total`` are here."""
        self._report_stage("downloading", self._share * done / max(1, total), done=done, total=total)

    def converted(self, written: int) -> None:
        """``written`` bytes of the converted model are on the disk."""
        self._report_stage("converting", self._share + (1 - self._share) * written / max(1, self._weights))

    def _report_stage(self, stage: str, fraction: float, **counts: int) -> None:
        self._fraction = max(self._fraction, min(fraction, _BEFORE_THE_END))
        self._report(stage=stage, fraction=self._fraction, **counts)


def check_room(models: Path, card: BaseModelCard) -> None:
    """Checks that download and converted weights fit on the disk, and the conversion in memory.

    Raises:
        AfinaError: ``disk.full`` or ``install.no_memory``.
    """
    weights = card.parameters * _BYTES_PER_WEIGHT
    require_space(models, 2 * card.download_bytes + weights)
    needed = weights + _RUNTIME_BYTES
    free = psutil.virtual_memory().available
    if needed > free:
        raise AfinaError("install.no_memory", name=card.name, needed_mb=needed // 10**6, free_mb=free // 10**6)


def convert_in_child(source: Path, out: Path, cancelled: Cancelled, look: Callable[[], None] = lambda: None) -> None:
    """Runs :mod:`studio.models.convert`; the child ends with this process, however this process ends.

    Args:
        look: called several times a second meanwhile.

    Raises:
        AfinaError: what the child reports; ``install.no_memory`` when the system killed it; :class:`Stopped`.
    """
    log = out / "convert.log"
    code = run_child("studio.models.convert", [source, out], on_tick=look, cancelled=cancelled, log=log)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    log.unlink()
    if code in (-9, 137):
        raise AfinaError("install.no_memory", name="", needed_mb=0, free_mb=psutil.virtual_memory().available // 10**6)
    if code:
        raise AfinaError("install.convert_failed", detail=said[-1][:300] if said else "")


def finish(folder: Path, card: BaseModelCard) -> None:
    """Puts our chat template and, last of all, the card into a converted model's folder."""
    if card.chat_template:
        write_atomic(folder / "chat_template.jinja", card.chat_template)
    write_atomic(folder / "afina.json", card.model_dump_json(indent=2))


@contextmanager
def _install_lock(path: Path, cancelled: Cancelled) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(poll_interval=_POLL_SECONDS, cancel_check=cancelled)
    except Timeout:
        raise Stopped from None
    try:
        yield
    finally:
        lock.release()
