"""Exports: made in the background or for the command line, kept on disk, found again after a restart."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from studio.domain.model import SourceKind
from studio.errors import AfinaError, Stopped
from studio.evaluation.proof_files import ProofFiles
from studio.models.install import is_installed
from studio.processes.job_registry import ActiveJob, Job, JobRegistry
from studio.services.browser_answers import BrowserAnswerService
from studio.sharing.exporters import exporter, exporters
from studio.sharing.exporters.base import Exporter, ExportSource, read_source
from studio.sharing.exporters.child import Child
from studio.sharing.exporters.model_card import write_model_card
from studio.sharing.exporters.site import SiteExporter
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
_PARTS: Final = {".gguf", ".gz"}  # of a page, cut into files
_FRACTIONS: Final = {
    "starting": 0.05,
    "merging": 0.2,
    "writing": 0.4,
    "checking": 0.55,
    "deciding": 0.75,
    "packing": 0.9,
}


class ExportService:
    """Makes exports one at a time: a merge needs the memory of a whole model.

    Args:
        answers: what a page knows without its model; None for pages whose model writes every answer.
    """

    def __init__(
        self,
        workspace: Workspace,
        site_files: SiteFiles = lambda page: {},
        answers: BrowserAnswerService | None = None,
    ) -> None:
        self._workspace, self._site_files, self._answers = workspace, site_files, answers
        self._folder = workspace.home / "exports"
        self._jobs = JobRegistry(workspace.home, "export", at_once=1)

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
        if self.path(run_id, kind) is None:
            self._jobs.start(f"{run_id}-{kind}", lambda job: self._make(run_id, kind, job))

    def progress(self, run_id: str, kind: str) -> Job | None:
        """Where the newest export stands; None where there was none. A finished one is at :meth:`path`.

        Its stage is ``starting``, ``merging``, ``writing``, ``checking``, ``deciding`` or ``packing``; key ``share.export.phase.STAGE``.
        """
        return self._jobs.get(f"{run_id}-{kind}")

    def path(self, run_id: str, kind: str) -> Path | None:
        """The finished file for what the run has kept by now; None when there is none."""
        try:
            if is_in_trash(self._workspace.database, run_id):
                return None
            step = require_adapter(self._workspace.run(run_id), "export.not_ready").step
        except AfinaError:
            return None
        return next(iter(sorted(self._target_folder(run_id, step, kind).glob(f"*-{exporter(kind).kind}.zip"))), None)

    def sizes(self, run_id: str) -> dict[str, int]:
        """Bytes of the files of each format, about; empty where nothing can be exported."""
        try:
            source = self._source(run_id)
            return {kind: format_.size(source) for kind, format_ in exporters().items()}
        except (AfinaError, OSError):
            return {}

    def export(
        self, run_id: str, kind: str, out: Path | None = None, *, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Path:
        """Makes an export and waits for it.

        Args:
            kind: one of :meth:`kinds`.
            out: file or existing folder to put it; beside the workspace's other exports when None.
            is_cancelled: asked twice a second; nothing half-made stays when it says so.

        Returns:
            The zip file.

        Raises:
            AfinaError: as :meth:`start`, and ``export.differs``, ``export.failed``, ``disk.full``.
        """
        self.start(run_id, kind)
        while (job := self._jobs.wait(f"{run_id}-{kind}", 0.5)) is not None and job.is_active:
            if is_cancelled():
                self._jobs.cancel(job.key)
        made = self.path(run_id, kind)
        if made is None:
            problem = job.problem if job else None
            raise AfinaError(problem.code, **problem.params) if problem else Stopped()
        if out is None:
            return made
        target = out / made.name if out.is_dir() else out
        require_space(target.absolute().parent, made.stat().st_size)
        with atomic_path(target) as temporary:
            shutil.copyfile(made, temporary)
        return target

    def close(self) -> None:
        """Ends what is being made; nothing half-made stays."""
        self._jobs.close()

    def _prepare(self, run_id: str, kind: str) -> tuple[ExportSource, Exporter]:
        format_, source = exporter(kind), self._source(run_id)
        format_.check(source)
        if not is_installed(source.model_dir):
            raise AfinaError("export.no_base", model=source.card.name)
        if self.path(run_id, kind) is None:
            require_space(self._folder, 2 * format_.size(source))  # the files, and the zip of them
        return source, format_

    def _make(self, run_id: str, kind: str, job: ActiveJob) -> Path:
        def report(stage: str) -> None:
            job.update(stage=stage, fraction=_FRACTIONS.get(stage, 0.5))

        report("starting")
        source, format_ = self._prepare(run_id, kind)
        folder = self._target_folder(source.run.path.name, source.step, kind)
        target = folder / f"{slug(source.name)}-{format_.kind}.zip"
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{source.run.path.name}-{format_.kind}.log"
        with scratch_folder(self._folder) as files, using(source.model_dir, "export"):
            format_.write(source, files, Child(log, report, job.is_cancelled, job.attach))
            write_model_card(source, format_, files)
            report("packing")
            _pack(files, target)
        if isinstance(format_, SiteExporter):
            _drop_older(target)
        log.unlink(missing_ok=True)
        return target

    def _target_folder(self, run_id: str, step: int, kind: str) -> Path:
        """A folder a step, and for pages one a choice of what they show: no old export is taken for the new one."""
        stamp = f"-{self._page_stamp(run_id)}" if isinstance(exporter(kind), SiteExporter) else ""
        return self._folder / run_id / f"step-{step:06d}{stamp}"

    def _page_stamp(self, run_id: str) -> str:
        """A value that changes with the owner's choices for visitors, and with the exam."""
        exam = ProofFiles(self._workspace.run(run_id)).read_result()
        shown = (self._page(run_id), self._answers and self._answers.stamp(run_id), exam and exam.model_dump_json())
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:8]

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
        source = replace(source, proof=proof, home=self._workspace.home, site_files=self._site_files)
        if self._answers is not None:
            known = partial(self._answers.known_answers, run_id)
            source = replace(source, known_answers=known, reader_bytes=self._answers.reader_bytes(run_id))
        return replace(source, **self._page(run_id))

    def _page(self, run_id: str) -> dict[str, Any]:
        """What the owner chose for visitors in the newest demo link of a run."""
        links = LinkStore(self._workspace.database).list(run_id)
        return {"title": links[0].title, "questions": links[0].questions, "locale": links[0].locale} if links else {}


def _drop_older(target: Path) -> None:
    """Deletes exported pages made before the owner's last change; each is as large as its models."""
    _, _, kind = target.stem.rpartition("-")
    for old in target.parent.parent.glob(f"step-*/*-{kind}.zip"):
        if old != target:
            with suppress(OSError):  # somebody downloads it just now
                old.unlink()
                old.parent.rmdir()  # where nothing else is in it


def _pack(files: Path, target: Path) -> None:
    """Zips a folder, reads the zip again in full, and puts it in its place. Weights do not shrink, so they are stored.

    Raises:
        AfinaError: ``disk.full``, or ``export.differs`` when the disk gave back something else than was written.
    """
    with atomic_path(target) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for path in sorted(files.iterdir()):
                is_packed = path.suffix in _WEIGHTS or not _PARTS.isdisjoint(path.suffixes)
                packed = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
                archive.write(path, f"{target.stem}/{path.name}", packed)
        with zipfile.ZipFile(temporary) as archive:
            if archive.testzip() is not None:
                raise AfinaError("export.differs", log="", difference="zip")
