"""The sentence that reads the chart, from curves as runs draw them."""

from __future__ import annotations

import pytest

from studio.domain.event import Answers, Ended, Evaluation, Event, Phase, SampleAnswer, Started, Step
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState, RunView, progress_of
from studio.i18n import LOCALES, catalog
from studio.services.runs.chart_commentary import commentary

STEPS_A_PASS = 10


def started(total: int) -> Started:
    return Started(
        time=0, pid=1, device="cpu", precision="fp32", threads=1, total_steps=total, steps_per_epoch=STEPS_A_PASS,
        train_examples=80, held_out_examples=8, trainable_parameters=1, total_parameters=1,
    )  # fmt: skip


def answered(step: int, answer: str) -> Answers:
    item = SampleAnswer(question="How long?", expected="Four days.", answer=answer)
    return Answers(time=0, step=step, items=(item,))


def view(
    train: list[float],
    held_out: dict[int, float] | None = None,
    *,
    total: int = 100,
    state: RunState = RunState.RUNNING,
    result: RunResult | None = None,
    place: int | None = None,
    recalled: dict[int, int] | None = None,
    answers: tuple[str, str] | None = None,
    phase: str | None = "training",
) -> RunView:
    events: list[Event] = [started(total)]
    events += [Phase(time=0, name=phase)] if phase else []
    for step, loss in enumerate(train, start=1):
        events.append(
            Step(time=0, step=step, epoch=step / 10, loss=loss, learning_rate=1, grad_norm=1, tokens=1, seconds=1)
        )
        if held_out and step in held_out:
            events.append(Evaluation(time=0, step=step, epoch=step / 10, loss=held_out[step], best=False))
        if recalled and step in recalled:
            best = recalled[step] == max(recalled.values())
            events.append(
                Evaluation(
                    time=0, step=step, epoch=step / 10, loss=step, best=best, recalled=recalled[step], recall_asked=16
                )
            )
    if answers:
        events += [answered(0, answers[0]), answered(len(train), answers[1])]
    events += [Ended(time=0, state="finished", step=len(train))] if state is RunState.FINISHED else []
    return RunView(
        id="run-1", project_id="project-1", name="Run", state=state, created_at=0, recipe=Recipe(model="m", learning_rate=3e-3),
        model_name="M", train_examples=80, held_out_examples=8, queue_position=place, progress=progress_of(events),
        result=result,
    )  # fmt: skip


def falling(count: int, first: float = 3.0, last: float = 0.3) -> list[float]:
    return [first + (last - first) * n / count for n in range(count)]


def result(step: int | None, state: RunState = RunState.FINISHED, loss: float | None = None) -> RunResult:
    return RunResult(state=state, steps=50, best_step=step, best_loss=loss, adapter="adapters/a" if step else None)


def with_notice(view: RunView, code: str, **params: int) -> RunView:
    """The run after it was told something."""
    progress = view.progress.model_copy(update={"notices": (Problem(code=code, params=params),)})
    return view.model_copy(update={"progress": progress})


DISK_LOW = Problem(code="disk.low", params={"needed_mb": 300, "free_mb": 20, "path": "/home"})
CASES = {
    "next": view([], state=RunState.QUEUED, place=1),
    "waiting": view([], state=RunState.QUEUED, place=3),
    "starting": view([], state=RunState.STARTING),
    "loading_model": view([], phase="loading_model"),
    "reading_examples": view([], phase="reading_examples"),
    "first_steps": view(falling(3)),
    "still_learning": view(falling(30)),
    "learning_well": view(falling(30), {10: 2.5, 20: 2.0, 30: 1.4}),
    "settled": view(falling(40), {10: 2.5, 20: 1.0, 30: 0.9, 40: 0.9}),
    "memorising": view(falling(40), {10: 1.5, 20: 1.1, 30: 1.3, 40: 1.5}),
    "ignored": view(falling(60), {30: 2.5, 60: 2.0}, answers=("I am a model.", "I am a model.")),
    "recall_rises": view(falling(40), recalled={20: 3, 40: 9}),
    "recall_settled": view(falling(60), recalled={20: 3, 40: 9, 60: 8}),
    "finished_recall": view(
        falling(60), recalled={20: 3, 40: 9, 60: 9}, state=RunState.FINISHED, result=result(40, loss=1.0)
    ),
    "finished_ignored": view(
        falling(50), {10: 2.5, 50: 2.0}, answers=("No.", "No."), state=RunState.FINISHED, result=result(50, loss=2.0)
    ),
    "flat": view([3.0, 2.99] * 20),
    "jumping": view([*falling(30), 0.4, 2.0, 4.0, 6.0, 5.0, 6.0, 7.0, 6.0]),
    "stopping": view(falling(10), state=RunState.STOPPING),
    "went_back": with_notice(view(falling(10)), "train.went_back", step=12),
    "pausing": view(falling(10), state=RunState.PAUSING),
    "paused": view(falling(10), state=RunState.PAUSED),
    "paused_disk": view(falling(10), state=RunState.PAUSED).model_copy(update={"paused_by": DISK_LOW}),
    "cancelled": view(falling(10), state=RunState.CANCELLED, result=result(None, RunState.CANCELLED)),
    "finished": view([], state=RunState.FINISHED, result=result(None)),
    "finished_better": view(
        falling(50), {10: 2.0, 30: 1.0, 50: 0.5}, total=50, state=RunState.FINISHED, result=result(50, loss=0.5)
    ),
    "finished_memorised": view(
        falling(50), {10: 2.0, 20: 1.0, 50: 1.5}, total=50, state=RunState.FINISHED, result=result(20, loss=1.0)
    ),
    "finished_little": view(
        [3.0] * 50, {10: 2.0, 50: 1.99}, total=50, state=RunState.FINISHED, result=result(50, loss=1.99)
    ),
    "stopped_kept": view(falling(20), state=RunState.STOPPED, result=result(20, RunState.STOPPED)),
    "stopped_nothing": view([], state=RunState.STOPPED, result=result(None, RunState.STOPPED)),
    "failed": view([], state=RunState.FAILED, result=result(None, RunState.FAILED)),
    "failed_kept": view(falling(20), state=RunState.FAILED, result=result(10, RunState.FAILED)),
}


def test_a_setback_is_history_after_a_while() -> None:
    assert commentary(with_notice(view(falling(40)), "train.went_back", step=12))[0] == "train.reading.still_learning"


def test_an_exam_that_goes_better_again_is_not_called_learning_by_heart() -> None:
    assert commentary(view(falling(40), {10: 1.5, 20: 1.1, 30: 1.5, 40: 1.3}))[0] == "train.reading.settled"


@pytest.mark.parametrize("name", CASES)
def test_each_course_has_its_sentence(name: str) -> None:
    assert commentary(CASES[name])[0] == f"train.reading.{name}"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_can_be_said_and_none_is_without_a_course(locale: str) -> None:
    said = {commentary(case)[0]: catalog(locale)(commentary(case)[0], **commentary(case)[1]) for case in CASES.values()}
    assert all(said.values())
    assert said.keys() == {key for key in catalog(locale).entries if key.startswith("train.reading.")}


def test_the_pass_and_the_gain_are_those_of_the_kept_adapter() -> None:
    assert commentary(CASES["finished_memorised"])[1] == {"percent": 50, "n": 2, "after": 5}
    assert commentary(CASES["memorising"])[1] == {"n": 2, "after": 3}
    assert commentary(CASES["finished_better"])[1] == {"percent": 75, "n": 5}
    assert commentary(CASES["waiting"])[1] == {"n": 2}
    assert commentary(CASES["recall_rises"])[1] == {"percent": 56}
    assert commentary(CASES["finished_recall"])[1] == {"n": 4, "right": 9, "asked": 16}


def test_the_remedy_names_a_learning_rate() -> None:
    assert commentary(CASES["jumping"])[1] == {"rate": 0.001}
    assert commentary(CASES["flat"])[1] == {"rate": 0.03}
    assert commentary(CASES["ignored"])[1] == {"rate": 0.009}
    assert "0,009" in catalog("pt")(*commentary(CASES["ignored"])[:1], **commentary(CASES["ignored"])[1])


def test_answers_that_were_right_before_are_not_called_ignored() -> None:
    known = view(falling(60), {30: 2.5, 60: 2.0}, answers=("Four days.", "Four days."))
    assert commentary(known)[0] == "train.reading.learning_well"


def test_it_says_when_it_began_to_memorise_and_what_it_kept() -> None:
    late = view(falling(40), {10: 1.5, 20: 1.1, 30: 0.9, 40: 1.5})
    assert catalog("en")(*commentary(late)[:1], **commentary(late)[1]).startswith("It began to memorise after pass 4,")
    assert "I keep pass 3." in catalog("en")(*commentary(late)[:1], **commentary(late)[1])
