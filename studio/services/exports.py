"""Exports: made in the background or for the command line, kept on disk, found again after a restart."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from studio.domain.model import SourceKind
from studio.domain.problem import Problem
from studio.errors import AfinaError, Stopped, from_exception
from studio.evaluation.proof_files import ProofFiles
from studio.sharing.exporters import exporter, exporters
from studio.sharing.exporters.base import Exporter, ExportSource, read_source
from studio.sharing.exporters.child import Child
from studio.sharing.exporters.model_card import write_model_card
from studio.sharing.file_names import slug
from studio.sharing.links import LinkStore
from studio.sharing.site_page import SiteFiles
from studio.storage.database import AddedModelRow, RunRow
from studio.storage.files import atomic_path, require_space, scratch_folder
from studio.storage.kept_adapter import require_adapter
from studio.storage.trash import is_in_trash
from studio.storage.uses import using
from studio.storage.workspace import Workspace

_PUBLIC_NAMES: Final = {
    "smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "gemma-3-270m": "google/gemma-3-270m",
}
_WEIGHTS: Final = (".safetensors", ".gguf", ".wasm")
_FRACTIONS: Final = {"starting": 0.05, "merging": 0.2, "writing": 0.4, "checking": 0.55, "packing": 0.85}


class ExportState(StrEnum):
    """Where an export stands."""

    ABSENT = "absent"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class ExportProgress:
    """What the Share screen shows of an export.

    Args:
        state: where it stands.
        phase: while running: ``starting``, ``merging``, ``writing``, ``checking`` or ``packing``; key ``export.phase.PHASE``.
        fraction: 0 to 1, by phases.
        size: bytes of the finished file.
        problem: why it failed.
    """

    state: ExportState
    phase: str = ""
    fraction: float = 0.0
    size: int = 0
    problem: Problem | None = None


class ExportService:
    """Makes exports one at a time: a merge needs the memory of a whole model.

    Args:
        workspace: where runs, base models and finished exports are.
        site_files: gives the files of a visitors' page.
    """

    def __init__(self, workspace: Workspace, site_files: SiteFiles = lambda page: {}) -> None:
        self._workspace, self._site_files = workspace, site_files
        self._folder = workspace.home / "exports"
        self._working: dict[tuple[str, str], ExportProgress] = {}
        self._threads: list[threading.Thread] = []
        self._state_lock, self._turn = threading.Lock(), threading.Lock()
        self._closing = threading.Event()

    def kinds(self) -> tuple[str, ...]:
        """Names of the formats, in the order in which they are shown."""
        return tuple(exporters())

    def start(self, run_id: str, kind: str) -> None:
        """Begins an export in the background; does nothing when it is being made or finished.

        Raises:
            AfinaError: what can be told at once: ``export.not_ready``, ``run.damaged``, ``export.no_adapter``,
                ``export.unknown_kind``, ``export.no_base``, ``disk.full``.
        """
        self._prepare(run_id, kind)
        with self._state_lock:
            current = self._working.get((run_id, kind))
            if self.path(run_id, kind) or (current and current.state is ExportState.RUNNING):
                return
            self._working[run_id, kind] = ExportProgress(ExportState.RUNNING, "starting", _FRACTIONS["starting"])
            thread = threading.Thread(target=self._in_background, args=(run_id, kind), name="export", daemon=True)
            self._threads = [*(known for known in self._threads if known.is_alive()), thread]
        thread.start()

    def progress(self, run_id: str, kind: str) -> ExportProgress:
        """Where an export stands; a finished one is found on disk, whoever made it."""
        if path := self.path(run_id, kind):
            return ExportProgress(ExportState.READY, fraction=1.0, size=path.stat().st_size)
        with self._state_lock:
            return self._working.get((run_id, kind), ExportProgress(ExportState.ABSENT))

    def path(self, run_id: str, kind: str) -> Path | None:
        """The finished file for what the run has kept by now; None when there is none."""
        try:
            if is_in_trash(self._workspace.database, run_id):
                return None
            step = require_adapter(self._workspace.run(run_id), "export.not_ready").step
        except AfinaError:
            return None
        return next(iter(sorted(self._target_folder(run_id, step).glob(f"*-{exporter(kind).kind}.zip"))), None)

    def export(self, run_id: str, kind: str, out: Path | None = None) -> Path:
        """Makes an export and waits for it.

        Args:
            run_id: a run that has kept a model.
            kind: one of :meth:`kinds`.
            out: file or existing folder to put it; beside the workspace's other exports when None.

        Returns:
            The zip file.

        Raises:
            AfinaError: as :meth:`start`, and ``export.differs``, ``export.failed``, ``disk.full``.
        """
        source, format_ = self._prepare(run_id, kind)
        made = self.path(run_id, kind) or self._make(source, format_, lambda phase: None)
        if out is None:
            return made
        target = out / made.name if out.is_dir() else out
        require_space(target.absolute().parent, made.stat().st_size)
        with atomic_path(target) as temporary:
            shutil.copyfile(made, temporary)
        return target

    def close(self) -> None:
        """Ends what is being made; nothing half-made stays."""
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _prepare(self, run_id: str, kind: str) -> tuple[ExportSource, Exporter]:
        format_, source = exporter(kind), self._source(run_id)
        format_.check(source)
        if not (source.model_dir / "afina.json").is_file():
            raise AfinaError("export.no_base", model=source.card.name)
        if self.path(run_id, kind) is None:
            require_space(self._folder, 2 * format_.size(source))  # the files, and the zip of them
        return source, format_

    def _in_background(self, run_id: str, kind: str) -> None:
        def report(phase: str) -> None:
            self._set(run_id, kind, ExportProgress(ExportState.RUNNING, phase, _FRACTIONS.get(phase, 0.5)))

        try:
            self._make(*self._prepare(run_id, kind), report)
            self._set(run_id, kind, ExportProgress(ExportState.ABSENT))  # found on disk from now on
        except Stopped:
            self._set(run_id, kind, ExportProgress(ExportState.ABSENT))
        except Exception as error:
            self._set(run_id, kind, ExportProgress(ExportState.FAILED, problem=Problem.of(from_exception(error))))

    def _set(self, run_id: str, kind: str, progress: ExportProgress) -> None:
        with self._state_lock:
            self._working[run_id, kind] = progress

    def _make(self, source: ExportSource, format_: Exporter, report: Callable[[str], None]) -> Path:
        target = self._target_folder(source.run.path.name, source.step) / f"{slug(source.name)}-{format_.kind}.zip"
        with self._turn:
            if self._closing.is_set():
                raise Stopped
            self._folder.mkdir(parents=True, exist_ok=True)
            log = self._folder / f"{source.run.path.name}-{format_.kind}.log"
            with scratch_folder(self._folder) as files, using(source.model_dir, "export"):
                format_.write(source, files, Child(log, report, self._closing.is_set))
                write_model_card(source, format_, files)
                report("packing")
                _pack(files, target)
            log.unlink(missing_ok=True)
        return target

    def _target_folder(self, run_id: str, step: int) -> Path:
        """A folder a step: after a run went on and got better, its old export is not taken for the new one."""
        return self._folder / run_id / f"step-{step:06d}"

    def _source(self, run_id: str) -> ExportSource:
        run = self._workspace.run(run_id)
        if is_in_trash(self._workspace.database, run_id):
            raise AfinaError("general.not_found", what=run_id[:80])
        with self._workspace.database.session() as session:
            row = session.get(RunRow, run_id)
            name, model_id = (row.name, row.model_id) if row else (run_id, "")
            added = session.get(AddedModelRow, model_id)
            reference = _PUBLIC_NAMES.get(model_id, "")
            if added is not None and added.source == SourceKind.HUB.value:
                reference = added.reference
        source = read_source(run, name, self._workspace.model, reference)
        proof = ProofFiles(run).read_result()
        return replace(
            source, proof=proof, home=self._workspace.home, site_files=self._site_files, **self._page(run_id)
        )

    def _page(self, run_id: str) -> dict[str, Any]:
        """What the owner chose for visitors in the newest demo link of a run."""
        links = LinkStore(self._workspace.database).list(run_id)
        return {"title": links[0].title, "questions": links[0].questions, "locale": links[0].locale} if links else {}


def _pack(files: Path, target: Path) -> None:
    """Zips a folder, reads the zip again in full, and puts it in its place. Weights do not shrink, so they are stored.

    Raises:
        AfinaError: ``disk.full``, or ``export.differs`` when the disk gave back something else than was written.
    """
    with atomic_path(target) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for path in sorted(files.iterdir()):
                packed = (
                    zipfile.ZIP_STORED if path.suffix in _WEIGHTS or ".gguf" in path.suffixes else zipfile.ZIP_DEFLATED
                )
                archive.write(path, f"{target.stem}/{path.name}", packed)
        with zipfile.ZipFile(temporary) as archive:
            if archive.testzip() is not None:
                raise AfinaError("export.differs", log="", difference="zip")
