"""How long an exam takes: foretold from earlier ones, and from what it has done so far."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

from studio.domain.proof_progress import ProofPhase
from studio.storage.files import write_atomic

PHASE_ORDER: Final = (
    ProofPhase.EXAM,
    ProofPhase.LESSON,
    ProofPhase.PRIVACY,
    ProofPhase.OFF_TOPIC,
    ProofPhase.GENERAL,
)
_GUESS: Final = 0.15  # seconds an answer, before any was measured
_OVERHEAD: Final = 8.0  # seconds to load the model and to score
_FEWEST: Final = 20  # answers from which the own pace counts
_SETS: Final = 2 * (40 + 40 + 60 + 60)  # questions beside the exam, both models


class Pace:
    """Seconds an answer of one model on this machine.

    Args:
        home: folder of the workspace, where it is noted.
    """

    def __init__(self, home: Path, model_id: str) -> None:
        self._path = home / "measurements" / f"proof-{model_id}.json"
        try:
            self._known = float(json.loads(self._path.read_bytes())["answer_seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            self._known = _GUESS
        self._began = time.monotonic()
        self._answers = 0

    def begin(self) -> None:
        """Counts from now on."""
        self._began, self._answers = time.monotonic(), 0

    def add(self) -> None:
        """Counts an answer."""
        self._answers += 1

    def seconds(self, answers: int) -> float:
        """Seconds that so many answers take, scoring included."""
        pace = self._known
        if self._answers >= _FEWEST:
            pace = (time.monotonic() - self._began) / self._answers
        return answers * pace + _OVERHEAD / 2

    def foretold(self, exam: int) -> float:
        """Seconds of a whole exam of so many questions, from nothing."""
        return _OVERHEAD + self._known * (2 * exam + _SETS)

    def save(self) -> None:
        """Notes the own pace for the next exam. Raises ``disk.full`` …"""
        if self._answers >= _FEWEST:
            seconds = (time.monotonic() - self._began) / self._answers
            write_atomic(self._path, json.dumps({"answer_seconds": seconds}))
