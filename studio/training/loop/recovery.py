"""Going on after something went wrong: from which checkpoint, with which changes, and what the owner is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from studio.domain.event import Notice
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.storage.files import read_value
from studio.storage.workspace import RunFolder
from studio.training.loop import checkpoints
from studio.training.run_files.adjustments import MOST_SETBACKS, read_adjustments, write_adjustments
from studio.training.run_files.event_log import EventLog
from studio.training.run_files.status import read_progress

if TYPE_CHECKING:
    from studio.training.loop.checkpoints import SavedState


def find_checkpoint(folder: RunFolder, log: EventLog) -> SavedState | None:
    """The checkpoint to go on from, None to begin anew. Damaged ones and the remains of saves cut short are removed."""
    for parent in (folder.checkpoints, folder.adapters):
        checkpoints.clear_remains(parent)
    before = checkpoints.count(folder.checkpoints)
    saved = checkpoints.newest(folder.checkpoints)
    if saved is None:
        if before:
            _tell(log, 0, "train.checkpoints_damaged")
        return None
    state, tensors = saved
    if checkpoints.count(folder.checkpoints) < before:
        _tell(log, state.step, "train.checkpoint_damaged", {"step": state.step})
    smaller = read_adjustments(folder).micro_batch
    if smaller and (state.micro_batch or smaller + 1) > smaller:
        state = state.model_copy(update={"micro_batch": smaller})
    return state, tensors


def tell_of_smaller_batches(folder: RunFolder, recipe: Recipe, log: EventLog) -> None:
    """Says so when fewer examples are taken at a time because the system killed the worker for memory."""
    smaller = read_adjustments(folder).micro_batch
    if smaller and smaller < (recipe.batch_size or smaller + 1):
        _tell(log, 0, "train.smaller_batches_after_kill", {"n": smaller})


def take_less(folder: RunFolder) -> bool:
    """After the system killed the worker for memory: half as many examples at a time, gradients added up.

    Returns:
        False when that cannot help: it was at one example already, or had not begun to train.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    progress, adjustments = read_progress(folder), read_adjustments(folder)
    if progress.phase not in ("training", "evaluating", "saving"):
        return False
    if (recipe := read_value(folder.recipe, Recipe)) is None:
        return False
    told = [int(notice.params["n"]) for notice in progress.notices if notice.code == "train.smaller_batches"]
    examples = min(size for size in (adjustments.micro_batch, recipe.batch_size or 16, *told) if size)
    if examples <= 1:
        return False
    write_adjustments(folder, adjustments.smaller(examples))
    return True


def go_slower(folder: RunFolder, log: EventLog, step: int) -> bool:
    """Halves the learning rate of a run that went astray and says so; returns False when that was done too often.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    adjustments = read_adjustments(folder)
    if adjustments.setbacks >= MOST_SETBACKS:
        return False
    write_adjustments(folder, adjustments.slower())
    _tell(log, step, "train.went_back", {"step": step})
    return True


def _tell(log: EventLog, at: int, code: str, params: dict[str, Any] | None = None) -> None:
    problem = Problem(code=code, severity=Severity.WARNING, params=params or {})
    log.write(Notice(time=time.time(), step=at, problem=problem))
