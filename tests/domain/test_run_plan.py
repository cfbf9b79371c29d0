"""What a person is told of a run's way never goes back, whatever happens to the run."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from studio.domain.event import Answers, Ended, Evaluation, Event, Extended, Started, Step
from studio.domain.run import Progress, ProgressFold

A_PASS = 6  # steps
EVALUATED = 9  # every so many steps


def started(total: int = 36, longest: int = 0, resumed_from: int = 0, *, announced: bool = True) -> Started:
    plan = {"epochs": total / A_PASS, "longest_steps": longest or total, "may_end_earlier": longest > total}
    return Started(
        time=1, pid=1, device="cpu", precision="fp32", threads=1, total_steps=total, steps_per_epoch=A_PASS,
        train_examples=48, held_out_examples=4, trainable_parameters=1, total_parameters=2, resumed_from=resumed_from,
        **(plan if announced else {}),
    )  # fmt: skip


def steps(first: int, last: int, recalled: int | None = None) -> Iterator[Event]:
    """Steps with their evaluations."""
    for step in range(first, last + 1):
        yield Step(
            time=step, step=step, epoch=step / A_PASS, loss=1, learning_rate=1, grad_norm=1, tokens=50, seconds=2.0
        )
        if step % EVALUATED == 0:
            asked = 0 if recalled is None else 16
            yield Evaluation(
                time=step, step=step, epoch=step / A_PASS, loss=1 / step, best=True, seconds=4.0,
                recalled=recalled, recall_asked=asked,
            )  # fmt: skip
            yield Answers(time=step, step=step, items=(), seconds=1.0)


def ended(state: str, step: int) -> Ended:
    return Ended.model_validate({"time": 1, "state": state, "step": step})


def readings(events: Iterable[Event]) -> list[Progress]:
    """What was shown after each event, checked for all that must hold of any run."""
    fold, found = ProgressFold(), [Progress()]
    for event in events:
        fold.add(event)
        now, before = fold.progress(), found[-1]
        assert 0 <= before.fraction <= now.fraction <= 1, (event, before.fraction, now.fraction)
        assert now.fraction < 1 or (now.ended is not None and now.ended.state == "finished")
        assert before.pass_number <= now.pass_number <= now.passes
        assert now.step <= now.total_steps or not now.total_steps
        found.append(now)
    return found


def test_an_announced_extension_moves_nothing_back() -> None:
    way = [started(36, 72), *steps(1, 36, recalled=10), Extended(time=1, total_steps=54), *steps(37, 54, recalled=12)]
    way += [Extended(time=1, total_steps=72), *steps(55, 72, recalled=15)]
    found = readings([*way, ended("finished", 72)])
    assert {(now.passes, now.total_steps) for now in found[1:]} == {(12, 72)}, "one plan, from the first step on"
    assert all(now.may_end_earlier for now in found[1:-1] if now.step < 54), "it is told that it may be done earlier"
    left = [now.seconds_left for now in found if now.step > EVALUATED and now.seconds_left is not None]
    assert left == sorted(left, reverse=True), "once an evaluation was measured, the time that is left falls"
    at_half = next(now for now in found if now.step == 36)
    assert at_half.fraction == pytest.approx(0.5)
    assert at_half.seconds_left == pytest.approx(36 * 2 + 4 * 5, rel=0.2), "of the extensions, too"
    assert (found[-1].pass_number, found[-1].passes, found[-1].fraction) == (12, 12, 1.0)


def test_a_run_that_ends_early_says_what_it_took() -> None:
    found = readings([started(36, 72), *steps(1, 27, recalled=10), ended("finished", 27)])
    assert (found[-1].pass_number, found[-1].passes, found[-1].total_steps) == (5, 5, 27)
    assert (found[-1].fraction, found[-1].seconds_left, found[-1].may_end_earlier) == (1.0, None, False)


def test_where_everything_is_answered_the_end_comes_nearer() -> None:
    found = readings([started(36, 72), *steps(1, 17, recalled=10), *steps(18, 36, recalled=16)])
    assert found[-1].total_steps == 36
    assert found[-1].passes == 6
    assert found[-1].fraction == pytest.approx(0.99), "all but saving is done"
    assert found[-1].seconds_left == 0


def test_the_last_evaluation_counts_as_time() -> None:
    way = [event for event in steps(1, 36) if not isinstance(event, Evaluation) or event.step < 36]
    assert readings([started(36), *way])[-1].seconds_left == pytest.approx(5, rel=0.1)


def test_an_extension_that_an_older_version_did_not_announce_moves_nothing_back() -> None:
    way = [started(36, announced=False), *steps(1, 36, recalled=10)]
    found = readings([*way, Extended(time=1, total_steps=54), *steps(37, 54, recalled=12), ended("finished", 54)])
    assert (found[-1].pass_number, found[-1].passes) == (9, 9)


@pytest.mark.parametrize("end", ["killed", "paused", "stopped", "failed"])
def test_a_resumed_run_goes_on_where_its_bar_stood(end: str) -> None:
    before = [started(36, 72), *steps(1, 40, recalled=10)]
    before += [ended(end, 40)] if end != "killed" else []
    found = readings([*before, started(36, 72, resumed_from=27), *steps(28, 72, recalled=12), ended("finished", 72)])
    after = found[len(before) + 2 :]
    assert all(a.fraction < b.fraction for a, b in pairwise(after) if b.step > a.step and a.step < 71), "it moves"
    assert after[-1].pass_number == after[-1].passes == 12


def test_after_a_setback_the_bar_waits_for_nobody() -> None:
    way = [started(36), *steps(1, 30), started(36, resumed_from=18), *steps(19, 31), started(36, resumed_from=27)]
    found = readings([*way, *steps(28, 36), ended("finished", 36)])
    assert (found[-1].pass_number, found[-1].passes, found[-1].fraction) == (6, 6, 1.0)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_goes_back_on_any_way(seed: int) -> None:
    dice = random.Random(seed)
    total = dice.randint(1, 40)
    part = math.ceil(total / 2)
    longest = total + 2 * part * dice.randint(0, 1)
    way: list[Event] = [started(total, longest, announced=dice.random() < 0.8)]
    at, end = 0, total
    for _ in range(12):
        to = min(end, at + dice.randint(1, 15))
        way += steps(at + 1, to, recalled=dice.choice([4, 9, 16]) if longest > total else None)
        at = to
        if at == end and end < longest and dice.random() < 0.7:
            end += part
            way.append(Extended(time=1, total_steps=end))
        elif dice.random() < 0.6:
            at = dice.randint(0, at)
            way += [ended(dice.choice(["paused", "stopped", "failed"]), at)] * dice.randint(0, 1)
            way.append(started(total, longest, resumed_from=at, announced=dice.random() < 0.8))
    readings([*way, ended("finished", at)])
