"""The sentence that reads the chart to the owner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from studio.domain.run import Point, Progress, RunState, RunView

# All of them are shares of a loss, so that they hold for any model and any data.
_WORSE: Final = 1.02  # held-out loss above its lowest by this much is memorising, less is noise
_JUMP: Final = 1.5  # smoothed training loss above its lowest by this much is a jump
_FLAT: Final = 0.97  # a fall to no less than this is no fall
_SETTLED: Final = 0.99  # an evaluation that improves by less than this has nothing more to gain
_FEW_STEPS: Final = 5
_HALF: Final = 0.5
_LESS, _MORE, _MUCH_MORE = 1 / 3, 3.0, 10.0  # what is advised as a share of the present learning rate
_USUAL_RATE: Final = 3e-3
_BEYOND: Final = 20  # steps after which a setback is history
_WINDOW: Final = 8  # steps that are averaged

Sentence = tuple[str, dict[str, Any]]


def commentary(view: RunView) -> Sentence:
    """Which sentence tells the owner how a run is going, and what it names.

    Returns:
        A key of the catalogs under ``run.reading.`` and its parameters.
    """
    match view.state:
        case RunState.QUEUED:
            return ("train.reading.waiting", {"n": (view.queue_position or 1) - 1}) if _others(view) else _plain("next")
        case RunState.STARTING | RunState.STOPPING | RunState.PAUSING | RunState.CANCELLED:
            return _plain(view.state.value)
        case RunState.PAUSED:
            return _paused(view)
        case RunState.FINISHED:
            return _finished(view)
        case RunState.STOPPED:
            return _stopped(view)
        case RunState.FAILED:
            return _plain("failed_kept" if view.result and view.result.adapter else "failed")
        case _:
            return _running(view)


def pass_of(progress: Progress, step: int | None) -> int:
    """The pass over the examples, counted from 1, in which a step was taken."""
    if not step or progress.started is None or progress.started.steps_per_epoch <= 0:
        return 1
    return max(1, math.ceil(step / progress.started.steps_per_epoch - 1e-9))


def has_memorised(progress: Progress) -> bool:
    """Whether the held-out loss has risen since its lowest point while the training loss went on falling."""
    held_out = [point for point in progress.held_out_loss if math.isfinite(point.value)]
    if len(held_out) < 2:
        return False
    best = min(held_out, key=lambda point: point.value)
    if held_out[-1].step == best.step or held_out[-1].value < best.value * _WORSE:
        return False
    at_best = _mean([point for point in progress.train_loss if point.step <= best.step][-_WINDOW:])
    return _mean(progress.train_loss[-_WINDOW:]) < at_best


def _recovers(progress: Progress) -> bool:
    """Whether the last exam went better than the one before: too early to say that it learns by heart."""
    losses = [point.value for point in progress.held_out_loss if math.isfinite(point.value)]
    return len(losses) > 1 and losses[-1] < losses[-2]


def is_jumping(progress: Progress) -> bool:
    """Whether the training loss has broken out upwards, as it does when the learning rate is too high."""
    losses = progress.train_loss
    if any(not math.isfinite(point.value) for point in losses[-_WINDOW:]):
        return True
    means = [_mean(losses[i : i + _WINDOW]) for i in range(0, max(0, len(losses) - _WINDOW + 1), _WINDOW // 2)]
    return len(means) > 2 and means[-1] > min(means) * _JUMP and means[-1] > means[0] * 0.5


def is_flat(progress: Progress) -> bool:
    """Whether a third of the run has gone by and the training loss has hardly moved."""
    losses = progress.train_loss
    if len(losses) < 3 * _WINDOW or progress.fraction < 1 / 3:
        return False
    return _mean(losses[-_WINDOW:]) > _mean(losses[:_WINDOW]) * _FLAT


def is_ignored(progress: Progress) -> bool:
    """Whether the examples have changed nothing: every answer is, word for word, the one of before, and not yet right."""
    before = {item.question: item.answer for item in progress.first_answers}
    now = [item for item in progress.answers if item.question in before]
    if progress.answers_step < 2 or not now:
        return False
    same = all(item.answer == before[item.question] for item in now)
    return same and any(item.answer.strip() != item.expected.strip() for item in now)


def gain_of(progress: Progress, best_loss: float | None = None) -> int | None:
    """By how many percent the distance to the right answers has shrunk; None when that cannot be said.

    Args:
        best_loss: held-out loss of the kept adapter; the lowest so far by default.
    """
    held_out = [point.value for point in progress.held_out_loss if math.isfinite(point.value)]
    if len(held_out) > 1:
        first, last = held_out[0], best_loss if best_loss is not None else min(held_out)
    elif len(progress.train_loss) > _WINDOW:
        first, last = _mean(progress.train_loss[:3]), _mean(progress.train_loss[-_WINDOW:])
    else:
        return None
    if not (math.isfinite(first) and math.isfinite(last)) or first <= 0:
        return None
    return max(0, min(99, round(100 * (1 - last / first))))


def _running(view: RunView) -> Sentence:
    progress = view.progress
    if (astray := _went_back(progress)) is not None:
        return "train.reading.went_back", {"step": astray}
    if not progress.train_loss:
        return _plain("starting" if progress.phase in (None, "measuring") else _phase(progress.phase))
    if is_jumping(progress):
        return "train.reading.jumping", _rate(view, _LESS)
    if progress.recall_asked:
        return _recalling(progress)
    if has_memorised(progress) and not _recovers(progress):
        return "train.reading.memorising", _passes(progress, progress.best_step)
    if is_flat(progress):
        return "train.reading.flat", _rate(view, _MUCH_MORE)
    if progress.fraction >= _HALF and is_ignored(progress):
        return "train.reading.ignored", _rate(view, _MORE)
    gain = gain_of(progress)
    if len(progress.train_loss) < _FEW_STEPS or gain is None or gain < 5:
        return _plain("first_steps")
    held_out = [point.value for point in progress.held_out_loss]
    if len(held_out) < 2:
        return "train.reading.still_learning", {"percent": gain}
    if len(held_out) > 2 and held_out[-1] > min(held_out[:-1]) * _SETTLED:
        return "train.reading.settled", {"percent": gain}
    return "train.reading.learning_well", {"percent": gain}


def _recalling(progress: Progress) -> Sentence:
    shares = [point.value for point in progress.recall]
    params = {"percent": round(100 * max(shares))}
    return f"train.reading.{'recall_rises' if shares[-1] >= max(shares) else 'recall_settled'}", params


def _finished(view: RunView) -> Sentence:
    progress, result = view.progress, view.result
    best = result.best_step if result else progress.best_step
    if progress.recall_asked:
        share = max(point.value for point in progress.recall)
        counts = {"right": round(share * progress.recall_asked), "asked": progress.recall_asked}
        return "train.reading.finished_recall", {"n": pass_of(progress, best)} | counts
    gain = gain_of(progress, result.best_loss if result else None)
    if is_ignored(progress):
        return "train.reading.finished_ignored", _rate(view, _MORE)
    if gain is None:
        return _plain("finished")
    if gain < 3:
        return _plain("finished_little")
    if has_memorised(progress) and best is not None:
        return "train.reading.finished_memorised", {"percent": gain} | _passes(progress, best)
    passes = pass_of(progress, best if best is not None else progress.step)
    return "train.reading.finished_better", {"percent": gain, "n": passes}


def _passes(progress: Progress, best: int | None) -> dict[str, int]:
    """The pass that is kept, and the one after which learning by heart was seen."""
    later = (point.step for point in progress.held_out_loss if best is not None and point.step > best)
    return {"n": pass_of(progress, best), "after": pass_of(progress, next(later, best))}


def _rate(view: RunView, factor: float) -> dict[str, float]:
    """The learning rate to try next, in two figures that count."""
    return {"rate": float(f"{(view.recipe.learning_rate or _USUAL_RATE) * factor:.1g}")}


def _went_back(progress: Progress) -> int | None:
    """The step at which a run last went astray, as long as it is not well beyond it."""
    steps = [int(notice.params["step"]) for notice in progress.notices if notice.code == "train.went_back"]
    return steps[-1] if steps and progress.step <= steps[-1] + _BEYOND else None


def _paused(view: RunView) -> Sentence:
    if view.paused_by is None or view.paused_by.code != "disk.low":
        return _plain("paused")
    params = view.paused_by.params
    return "train.reading.paused_disk", {"needed_mb": params.get("needed_mb", 0), "free_mb": params.get("free_mb", 0)}


def _stopped(view: RunView) -> Sentence:
    result = view.result
    if result is None or result.adapter is None:
        return _plain("stopped_nothing")
    return "train.reading.stopped_kept", {"n": pass_of(view.progress, result.best_step)}


def _others(view: RunView) -> bool:
    return (view.queue_position or 1) > 1


def _phase(phase: str) -> str:
    return phase if phase in ("loading_model", "reading_examples") else "first_steps"


def _plain(name: str) -> Sentence:
    return f"train.reading.{name}", {}


def _mean(points: Sequence[Point]) -> float:
    return sum(point.value for point in points) / len(points) if points else math.inf
