"""What is foretold of a training: corrected by earlier runs, a range where it cannot be known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from studio.domain.event import Evaluation, Step, Usage
from studio.domain.run import RunResult, RunState
from studio.services.runs.training_time import Correction, TrainingSpeed, Work, correction_of, foretold
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import EventLog

SPEED = TrainingSpeed(token_seconds=0.001, step_seconds=0.05)
BATCH, TOKENS, A_PASS, HELD_OUT = 8, 60, 5, 10


def ran(path: Path, seconds: float, *, steps: int = 20, others: float = 0.0) -> tuple[RunFolder, int, int]:
    """A run on disk whose examples are shortened from the second pass on, as augmentation does."""
    folder = RunFolder(path)
    folder.path.mkdir()
    with EventLog(folder.events) as log:
        for step in range(1, steps + 1):
            tokens = BATCH * TOKENS if step <= A_PASS else BATCH * TOKENS // 2
            log.write(
                Step(
                    time=1,
                    step=step,
                    epoch=step / A_PASS,
                    loss=1,
                    learning_rate=1,
                    grad_norm=1,
                    tokens=tokens,
                    seconds=1,
                )
            )
            log.write(Usage(time=1, cpu=1 - others, machine_cpu=1.0, memory=1))
        log.write(Evaluation(time=1, step=steps, epoch=steps / A_PASS, loss=1, best=True))
    write_atomic(folder.result, RunResult(state=RunState.FINISHED, steps=steps, seconds=seconds).model_dump_json())
    return folder, BATCH, HELD_OUT


def work(steps: int) -> Work:
    return Work(steps, steps * BATCH * TOKENS, HELD_OUT * TOKENS)


@pytest.mark.parametrize("times", [0.4, 1.0, 3.0])
def test_the_next_run_is_foretold_by_what_the_last_ones_took(tmp_path: Path, times: float) -> None:
    runs = [ran(tmp_path / f"{n}", n * times * work(20).seconds(SPEED)) for n in (1, 1.1, 0.9)]
    correction = correction_of(runs, SPEED)
    assert correction is not None
    least, most = foretold(work(60), SPEED, correction, 1.0, may_extend=False)
    assert least == most == pytest.approx(4 + times * work(60).seconds(SPEED))


def test_a_run_that_others_slowed_down_does_not_slow_the_next_one_that_is_alone(tmp_path: Path) -> None:
    alone = work(20).seconds(SPEED)
    correction = correction_of([ran(tmp_path / "run", 2 * alone, others=0.5)], SPEED)
    assert correction == Correction(alone=pytest.approx(1.0), disturbed=pytest.approx(2.0))
    assert foretold(work(20), SPEED, correction, 1.0, may_extend=False) == pytest.approx((4 + alone, 4 + alone))
    least, most = foretold(work(20), SPEED, correction, 1.5, may_extend=False)
    assert (least, most) == pytest.approx((4 + alone, 4 + 2 * alone)), "a range, while others are at work"


def test_passes_that_a_run_may_add_are_told(tmp_path: Path) -> None:
    least, most = foretold(work(20), SPEED, Correction(), 1.0, may_extend=True)
    assert most - 4 == pytest.approx(2 * (least - 4))


def test_runs_that_say_nothing_correct_nothing(tmp_path: Path) -> None:
    empty = RunFolder(tmp_path / "empty")
    unfinished, _, _ = ran(tmp_path / "unfinished", 5.0)
    unfinished.result.unlink()
    assert correction_of([(empty, BATCH, 0), (unfinished, BATCH, 0)], SPEED) is None


@pytest.mark.model
def test_a_measurement_foretells_steps_of_any_size(tiny_model: Path, tmp_path: Path) -> None:
    from studio.domain.recipe import Method
    from studio.training.engines.throughput_probe import measure

    values = measure(tiny_model, tmp_path, Method.LORA, 4)
    token, step = float(str(values["token_seconds"])), float(str(values["step_seconds"]))
    assert math.isfinite(token)
    assert token > 0
    assert step >= 0
    assert 1 <= float(str(values["disturbed"])) <= 3
    assert float(str(values["tokens_per_second"])) > 0
