"""What is foretold of a training: corrected by earlier runs, a range where it cannot be known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from studio.domain.conversation import Conversation
from studio.domain.event import Evaluation, Step, Usage
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState
from studio.services.runs import training_time
from studio.services.runs.estimates import work_of
from studio.services.runs.token_lengths import Lengths
from studio.services.runs.training_time import (
    TrainingSpeed,
    Work,
    correction_of,
    crowd,
    foretold,
    tokens_taken,
    work_done,
)
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import EventLog, read_events
from tests.training.support import finish, write_run

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
    return Work(steps, tokens_taken(A_PASS * BATCH * TOKENS, steps / A_PASS), HELD_OUT * TOKENS)


def _work_done(run: tuple[RunFolder, int, int]) -> Work:
    found = work_done(*run)
    assert found is not None
    return found[0]


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
    assert correction == pytest.approx(1.0)
    assert foretold(work(20), SPEED, 1.0, 1.0, may_extend=False) == pytest.approx((4 + alone, 4 + alone))
    least, most = foretold(work(20), SPEED, 1.0, 1.5, may_extend=False)
    assert (least, most) == pytest.approx((4 + alone, 1.5 * (4 + alone))), "a range, while others are at work"


def test_a_run_that_got_a_fifth_of_the_cores_was_slowed_down_five_times(tmp_path: Path) -> None:
    alone = work(20).seconds(SPEED)
    correction = correction_of([ran(tmp_path / "run", 5 * alone, others=0.8)], SPEED)
    assert correction == pytest.approx(1.0)


def test_twenty_prices_on_a_crowded_machine_are_foretold_within_a_third() -> None:
    """A run of SmolLM2 that took 372 s while others had 81 % of the cores, and was told as 14 to 64 s."""
    recipe = Recipe(model="smollm2-135m-instruct", epochs=6, batch_size=2, evaluations=4)
    speed = TrainingSpeed(token_seconds=0.0029)
    found = work_of(recipe, 19, 1, Lengths(mean=27, longest=40, has_unique_answers=True))
    assert found.asked == 4 * (1 + 2 * 16) * 27
    least, most = foretold(found, speed, 1.0, 1 / (1 - 0.81), may_extend=True)
    assert most == pytest.approx(372, rel=0.3)
    assert least < 40


@pytest.mark.parametrize(("means", "times"), [((0.5, 6.0, 9.0), 3.1), ((6.0, 0.5, 0.5), 3.1), ((1.0, 0.5, 9.0), 1.0)])
def test_others_count_as_they_were_at_most_in_the_last_minutes(
    means: tuple[float, float, float], times: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_time.psutil, "getloadavg", lambda: means)
    monkeypatch.setattr(training_time.os, "cpu_count", lambda: 2)
    assert crowd() == pytest.approx(times)


def test_the_sample_beside_ten_programs_is_foretold_within_a_third() -> None:
    """Runs of SmolLM2 on 26 November 2026 that took 185 and 302 s, and were told as 65 to 458 and 124 to 764 s."""
    speed = TrainingSpeed(token_seconds=0.00083, step_seconds=0.225)
    lengths = Lengths(mean=54.1, longest=80)
    for epochs, load, took in ((3.0, 6.1, 185.0), (6.0, 5.2, 302.0)):
        recipe = Recipe(model="smollm2-135m-instruct", epochs=epochs, batch_size=8, evaluations=4)
        found = work_of(recipe, 192, 29, lengths)
        assert foretold(found, speed, 1.0, 1 + 0.7 * load, may_extend=False)[1] == pytest.approx(took, rel=0.3)


def test_passes_that_a_run_may_add_are_told(tmp_path: Path) -> None:
    least, most = foretold(work(20), SPEED, 1.0, 1.0, may_extend=True)
    assert most - 4 == pytest.approx(2 * (least - 4))


def test_runs_that_say_nothing_correct_nothing(tmp_path: Path) -> None:
    empty = RunFolder(tmp_path / "empty")
    unfinished, _, _ = ran(tmp_path / "unfinished", 5.0)
    unfinished.result.unlink()
    assert correction_of([(empty, BATCH, 0), (unfinished, BATCH, 0)], SPEED) is None


def test_questions_in_other_words_are_read_twice_at_each_evaluation(tmp_path: Path) -> None:
    plain, asked = ran(tmp_path / "plain", 9.0), ran(tmp_path / "asked", 9.0)
    with EventLog(asked[0].events) as log:
        log.write(Evaluation(time=1, step=20, epoch=4, loss=1, best=True, recalled=3, recall_asked=16))
    assert _work_done(asked).asked - _work_done(plain).asked == 2 * 16 * TOKENS


@pytest.mark.model
def test_what_is_foretold_counts_every_part_that_a_worker_reports(tiny_model: Path, tmp_path: Path) -> None:
    """One real run whose answers are there once each: its log has steps, evaluations and answers, and no other seconds."""
    folder = write_run(tmp_path / "run", tiny_model, epochs=4.0)
    prices = [Conversation.pair(f"How much is hat {n}?", f"{17 + 3 * n} euros.", id=f"c{n}") for n in range(7)]
    for path, examples in ((folder.train, prices[:6]), (folder.held_out, prices[6:])):
        path.write_text("".join(example.model_dump_json() + "\n" for example in examples), encoding="utf-8")
    finish(folder, tiny_model)
    events = read_events(folder.events)[0]
    assert {event.type for event in events if hasattr(event, "seconds")} == {"step", "evaluation", "answers"}
    first_pass = [event for event in events if isinstance(event, Step) and event.epoch <= 1]
    tokens = sum(event.tokens for event in first_pass) / 6
    recipe = Recipe.model_validate_json(folder.recipe.read_bytes())
    expected = work_of(recipe, 6, 1, Lengths(tokens, 40, has_unique_answers=True))
    done = _work_done((folder, recipe.batch_size or 16, 1))
    times = done.steps / expected.steps  # it may add passes
    assert 1 <= times <= 2
    assert done.tokens == pytest.approx(tokens_taken(6 * tokens, times * 4))
    graded = [event for event in events if isinstance(event, Evaluation)]
    assert done.asked / len(graded) == pytest.approx(expected.asked / (recipe.evaluations or 1))


@pytest.mark.model
def test_a_measurement_foretells_steps_of_any_size(tiny_model: Path, tmp_path: Path) -> None:
    from studio.domain.recipe import Method
    from studio.training.engines.throughput_probe import measure

    values = measure(tiny_model, tmp_path, Method.LORA, 4)
    token, step = float(str(values["token_seconds"])), float(str(values["step_seconds"]))
    assert math.isfinite(token)
    assert token > 0
    assert step >= 0
    assert 1 <= float(str(values["disturbed"])) <= 10
    assert float(str(values["tokens_per_second"])) > 0
