"""The folder of a study: a run's folder with a plan, a record, a database, and the folders of its trials."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from studio.domain.conversation import Conversation
from studio.domain.recipe import Recipe
from studio.domain.study import StudyPlan, StudyRecord
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder


@dataclass(frozen=True)
class TrialFolder(RunFolder):
    """The folder of one trial: requests to stop or to pause are those of the study."""

    study: RunFolder

    @property
    def stop_request(self) -> Path:
        return self.study.stop_request

    @property
    def pause_request(self) -> Path:
        return self.study.pause_request

    @property
    def cancel_request(self) -> Path:
        return self.study.cancel_request

    def prepare(self, recipe: Recipe, train: Sequence[Conversation], asked: Sequence[Conversation]) -> None:
        """Writes what a trial needs; its recipe last, since that says that all is there.

        Raises:
            AfinaError: ``disk.full`` or ``disk.not_writable``.
        """
        for path, conversations in ((self.train, train), (self.held_out, asked)):
            write_atomic(path, "".join(conversation.model_dump_json() + "\n" for conversation in conversations))
        write_atomic(self.recipe, recipe.model_dump_json(indent=2))

    def remove_checkpoints(self) -> None:
        """Removes what is needed to go on; the adapter stays."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def remove_weights(self) -> None:
        """Removes checkpoints and adapter; the events stay, for the chart."""
        self.remove_checkpoints()
        shutil.rmtree(self.adapters, ignore_errors=True)
        self.best.unlink(missing_ok=True)


@dataclass(frozen=True)
class StudyFolder:
    """The paths and the documents of a study."""

    run: RunFolder

    @property
    def plan_path(self) -> Path:
        return self.run.path / "study.json"

    @property
    def record_path(self) -> Path:
        return self.run.path / "record.json"

    @property
    def database(self) -> Path:
        """Optuna's storage of a search."""
        return self.run.path / "optuna.db"

    @property
    def proof(self) -> Path:
        """The held-out examples of the project, which no trial sees."""
        return self.run.path / "proof.jsonl"

    @property
    def trials(self) -> Path:
        """Where the folders of the trials are."""
        return self.run.path / "trials"

    def trial(self, number: int) -> TrialFolder:
        """The folder of a trial, which need not exist yet."""
        return TrialFolder(self.trials / f"{number:02d}", self.run)

    @property
    def is_study(self) -> bool:
        """Whether this folder is that of a study."""
        return self.plan_path.is_file()

    def plan(self) -> StudyPlan | None:
        """What is to be done; None where it cannot be read."""
        try:
            return StudyPlan.model_validate_json(self.plan_path.read_bytes())
        except (OSError, ValidationError):
            return None

    def record(self) -> StudyRecord:
        """What has been done; an empty one at first."""
        try:
            return StudyRecord.model_validate_json(self.record_path.read_bytes())
        except (OSError, ValidationError):
            return StudyRecord()

    def write(self, record: StudyRecord) -> None:
        """Replaces the record. Raises ``disk.full`` or ``disk.not_writable``."""
        write_atomic(self.record_path, record.model_dump_json())
