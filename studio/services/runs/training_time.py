"""How long a training takes on this machine: foretold from a measurement, corrected by what earlier runs took."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from studio.domain.event import Evaluation, Started, Step, Usage
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder
from studio.training.loop.evaluation import MOST_EXTENSIONS
from studio.training.run_files.event_log import read_events

_START_SECONDS: Final = 4.0  # until the first step: imports, weights, examples
_ANSWERS: Final = 0.07  # share of the steps' time for live answers, which may take a tenth
_ALWAYS_ANSWERED: Final = 5_000  # tokens that are learned while the base's answers and the last ones are written
_FORWARD: Final = 1 / 3  # time of a token that is only read, against one that is learned
_BUSY: Final = 0.15  # share of the cores that others take, from which on it counts
_CROWDED: Final = 0.75  # processes of others that want a core, for each core, from which on it counts
_SLOWEST: Final = 10.0  # times, at most, that others are thought to slow a run down
_LATER: Final = 0.55  # of an example's tokens that later passes take: words left out, answers that are known left off
_OF_LOAD: Final = (
    0.7  # share of the waiting processes that really take a core from a run: 4.5 and 5.3 times at loads of 5.2, 6.1
)
_RECALL_PASSES: Final = 2  # through a question in other words: are the words right, and what is the loss


@dataclass(frozen=True)
class TrainingSpeed:
    """How fast this machine trains one model in one way, with nothing else to do.

    Args:
        step_seconds: of a step, whatever is in it.
        measured: whether that was measured with this model, and is no guess from its size.
    """

    token_seconds: float
    step_seconds: float = 0.0
    measured: bool = False


@dataclass(frozen=True)
class Work:
    """What a run does.

    Args:
        tokens: that its passes take; see :func:`tokens_taken`.
        asked: tokens that its evaluations read; see :func:`tokens_asked`.
    """

    steps: float
    tokens: float
    asked: float

    def seconds(self, speed: TrainingSpeed) -> float:
        """Wall time from the first step to the end."""
        steps = self.steps * speed.step_seconds + self.tokens * speed.token_seconds
        answers = max(_ANSWERS * steps, _ALWAYS_ANSWERED * speed.token_seconds)
        return steps + answers + _FORWARD * self.asked * speed.token_seconds


def tokens_taken(a_pass: float, passes: float) -> float:
    """Tokens that a run learns from: those of an example as it is written in the first pass, fewer from then on."""
    return a_pass * (min(1.0, passes) + _LATER * max(0.0, passes - 1))


def tokens_asked(held_out: int, recall: int, tokens: float) -> float:
    """Tokens that one evaluation reads.

    Args:
        recall: questions in other words, where every answer is there once.
    """
    return (held_out + _RECALL_PASSES * recall) * tokens


def foretold(
    work: Work, speed: TrainingSpeed, correction: float, crowd: float, *, may_extend: bool
) -> tuple[float, float]:
    """Seconds from the click to the tuned chatbot: the fewest, and the most.

    They differ where a run may add passes to itself, and where other programs take part of the cores.

    Args:
        correction: what earlier runs took, against what is foretold of them now; see :func:`correction_of`.
        crowd: times that others slow a run down at the moment.
        may_extend: whether it goes on beyond its passes while that brings something.
    """
    alone = correction * work.seconds(speed)
    longer = 1 + MOST_EXTENSIONS / 2 if may_extend else 1.0
    return _START_SECONDS + alone, (_START_SECONDS + alone * longer) * crowd


def correction_of(runs: Sequence[tuple[RunFolder, int, int]], speed: TrainingSpeed) -> float | None:
    """What runs of the same model and method took, had nothing else been running, against what is foretold of them.

    Returns:
        The median; 1 where it was right, None where no run tells.
    """
    found = []
    for folder, batch, held_out in runs:
        took = work_done(folder, batch, held_out)
        if took is not None and (expected := took[0].seconds(speed)) > 0:
            found.append(took[1] / took[2] / expected)
    return median(found) if found else None


def crowd() -> float:
    """Times that other programs slow a run down, as busy as they were at most of late; 1 where they leave it the cores.

    What has been at work in the last five minutes may go on, and what has just begun is hardly in their mean.
    """
    load = max(psutil.getloadavg()[:2]) / (os.cpu_count() or 1)
    return min(_SLOWEST, 1 + _OF_LOAD * load) if load >= _CROWDED else 1.0


def work_done(folder: RunFolder, batch: int, held_out: int) -> tuple[Work, float, float] | None:
    """What a run did, in how many seconds, and how many times others slowed it down; None while that is not known."""
    result = read_result(folder)
    try:
        stamp = folder.events.stat().st_mtime_ns
    except OSError:
        return None
    return _work_of(folder.events, stamp, batch, held_out, result.seconds) if result and result.seconds else None


@lru_cache(64)  # by the time of the last change, too
def _work_of(path: Path, stamp: int, batch: int, held_out: int, seconds: float) -> tuple[Work, float, float] | None:
    """The work that a run did, the seconds, and how many times others slowed it down."""
    events = read_events(path)[0]
    steps = {event.step: event for event in events if isinstance(event, Step)}
    plain = [step.tokens for step in steps.values() if step.epoch <= 1] or [s.tokens for s in steps.values()][:1]
    if not plain:
        return None
    tokens = sum(plain) / len(plain)  # of a step, as examples are written
    evaluations = {event.step: event for event in events if isinstance(event, Evaluation)}.values()
    practice = next((event.held_out_examples for event in events if isinstance(event, Started)), held_out)
    asked = sum(tokens_asked(practice, event.recall_asked, tokens / batch) for event in evaluations)
    others = [event.taken_by_others for event in events if isinstance(event, Usage)]
    share = sum(others) / len(others) if others else 0.0
    slower = 1 / (1 - min(1 - 1 / _SLOWEST, share)) if share >= _BUSY else 1.0
    taken = tokens_taken(sum(plain), len(steps) / len(plain))
    return Work(len(steps), taken, asked), seconds, slower
