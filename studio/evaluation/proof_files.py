"""The files of an exam in the folder of its run: ``proof/<base or run id>.…``. Disk is the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from studio.domain.proof import Proof
from studio.domain.proof_progress import ProofStatus
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder

BASE: Final = "base"


@dataclass(frozen=True)
class ProofFiles:
    """Paths of one exam, and what is in them.

    Args:
        against: run that it is compared with; None: the base model.
    """

    run: RunFolder
    against: str | None = None

    @property
    def folder(self) -> Path:
        """Of all exams of the run."""
        return self.run.path / "proof"

    @property
    def result(self) -> Path:
        """The :class:`Proof`, written last."""
        return self._path("json")

    @property
    def status(self) -> Path:
        """The :class:`ProofStatus` as the worker last noted it."""
        return self._path("status.json")

    @property
    def stop_request(self) -> Path:
        """Its presence asks the worker to stop."""
        return self._path("stop")

    @property
    def worker(self) -> Path:
        """JSON with the ``pid`` of the worker and when it ``started``; of one that is gone, too."""
        return self._path("worker.json")

    @property
    def log(self) -> Path:
        """What the worker printed."""
        return self._path("log")

    def read_result(self) -> Proof | None:
        """The result; None where there is none, or one that this version cannot read."""
        try:
            return Proof.model_validate_json(self.result.read_bytes())
        except (OSError, ValidationError):
            return None

    def read_status(self) -> ProofStatus | None:
        """What the worker last noted; None before it began."""
        try:
            return ProofStatus.model_validate_json(self.status.read_bytes())
        except (OSError, ValidationError):
            return None

    def note_worker(self, pid: int, started: float) -> None:
        """Notes which process works on it, and when it started. Raises ``disk.full`` …"""
        write_atomic(self.worker, json.dumps({"pid": pid, "started": started}))

    def note(self, status: ProofStatus) -> None:
        """Notes where the exam stands. Raises ``disk.full`` …"""
        write_atomic(self.status, status.model_dump_json())

    def _path(self, ending: str) -> Path:
        return self.folder / f"{self.against or BASE}.{ending}"
