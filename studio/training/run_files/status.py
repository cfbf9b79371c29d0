"""What a run's folder says of its course and its end. Read by the supervisor and the screens, written last."""

from __future__ import annotations

import re
import time

from studio.domain.event import Notice
from studio.domain.problem import Problem, Severity
from studio.domain.run import Progress, RunResult, RunState, progress_of
from studio.storage.files import read_value, write_atomic
from studio.storage.kept_adapter import KeptAdapter, kept_adapter
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import EventLog, read_events

_STEP = re.compile(r"step-(\d+)")


def pause_reason(folder: RunFolder) -> Problem | None:
    """Why the studio paused a run; None when a person did, or when it is not paused."""
    return read_value(folder.pause_request, Problem)


def read_progress(folder: RunFolder) -> Progress:
    """What ``events.jsonl`` says, read whole."""
    return progress_of(read_events(folder.events)[0])


def newest_checkpoint(folder: RunFolder) -> int:
    """Step of the newest checkpoint; 0 when there is none."""
    try:
        names = [entry.name for entry in folder.checkpoints.iterdir()]
    except OSError:
        return 0
    return max((int(match[1]) for name in names if (match := _STEP.fullmatch(name))), default=0)


def conclude(folder: RunFolder, state: RunState, problem: Problem | None = None) -> RunResult:
    """Writes the result of a run whose worker cannot do it any more. What was best so far is kept.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    progress = read_progress(folder)
    kept = kept_adapter(folder)
    if kept is not None:
        note_damaged_adapter(folder, kept)
    step = kept.step if kept else None
    losses = {point.step: point.value for point in progress.held_out_loss}
    result = RunResult(
        state=state,
        steps=progress.step,
        best_step=step,
        best_loss=losses.get(step) if step is not None else None,
        adapter=kept.name if kept else None,
        seconds=progress.training_seconds,
        ended_at=time.time(),
        problem=problem,
    )
    write_atomic(folder.result, result.model_dump_json(indent=2))
    return result


def note_damaged_adapter(folder: RunFolder, kept: KeptAdapter) -> None:
    """Says on the run's card that another adapter than the best is used, where the best one is damaged. Said once."""
    if kept.damaged_step is None:
        return
    problem = Problem(
        code="train.adapter_replaced",
        severity=Severity.WARNING,
        params={"step": kept.damaged_step, "kept": kept.step},
    )
    if problem not in read_progress(folder).notices:
        with EventLog(folder.events) as log:
            log.write(Notice(time=time.time(), step=kept.step, problem=problem))
