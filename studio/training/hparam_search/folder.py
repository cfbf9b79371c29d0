"""The folder of a study: a run's folder with a plan, a record, a database, and the folders of its trials."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.domain.conversation import Conversation
from studio.domain.recipe import Recipe
from studio.domain.study import StudyPlan, StudyRecord
from studio.storage.files import read_value, write_atomic
from studio.storage.workspace import RunFolder, Within


class _OfStudy(Within):
    def __get__(self, folder: RunFolder, owner: object = None) -> Path:
        assert isinstance(folder, TrialFolder)
        return folder.study.path / self._name


@dataclass(frozen=True)
class TrialFolder(RunFolder):
    """The folder of one trial: requests to stop or to pause are those of the study."""

    study: RunFolder

    stop_request = _OfStudy("stop")
    pause_request = _OfStudy("pause")
    cancel_request = _OfStudy("cancel")

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
class StudyFolder(RunFolder):
    """The folder of a study, as the queue sees it, with the documents of a study."""

    plan_path = Within("study.json")
    record_path = Within("record.json")
    database = Within("optuna.db")  # Optuna's storage of a search
    proof = Within("proof.jsonl")  # the held-out examples of the project, which no trial sees
    trials = Within("trials")

    def trial(self, number: int) -> TrialFolder:
        """The folder of a trial, which need not exist yet."""
        return TrialFolder(self.trials / f"{number:02d}", self)

    @property
    def is_study(self) -> bool:
        return self.plan_path.is_file()

    def plan(self) -> StudyPlan | None:
        """What is to be done; None where it cannot be read."""
        return read_value(self.plan_path, StudyPlan)

    def record(self) -> StudyRecord:
        """What has been done; an empty one at first."""
        return read_value(self.record_path, StudyRecord) or StudyRecord()

    def write(self, record: StudyRecord) -> None:
        """Replaces the record. Raises ``disk.full`` or ``disk.not_writable``."""
        write_atomic(self.record_path, record.model_dump_json())
