"""What a trial of a study keeps on the disk: its examples, its events, and the room that is freed when it is over."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from studio.domain.conversation import Conversation
from studio.domain.event import Checkpoint, Event
from studio.domain.recipe import Recipe
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import EventLog


class TrialLog(EventLog):
    """The events of a trial.

    Args:
        path: of the file.
        mark: called after each checkpoint, for the study to know.
    """

    def __init__(self, path: Path, mark: Callable[[], None]) -> None:
        super().__init__(path)
        self._mark = mark

    def write(self, event: Event) -> None:
        super().write(event)
        if isinstance(event, Checkpoint):
            self._mark()


def write_trial(
    folder: RunFolder, recipe: Recipe, train: Sequence[Conversation], asked: Sequence[Conversation]
) -> None:
    """Writes what a trial needs; its recipe last, since that says that all is there."""
    for path, conversations in ((folder.train, train), (folder.held_out, asked)):
        write_atomic(path, "".join(conversation.model_dump_json() + "\n" for conversation in conversations))
    write_atomic(folder.recipe, recipe.model_dump_json(indent=2))


def forget_checkpoints(folder: RunFolder) -> None:
    """What is needed to go on; the adapter stays."""
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


def forget_weights(folder: RunFolder) -> None:
    """Checkpoints and adapter; the events stay, for the chart."""
    forget_checkpoints(folder)
    shutil.rmtree(folder.adapters, ignore_errors=True)
    folder.best.unlink(missing_ok=True)
