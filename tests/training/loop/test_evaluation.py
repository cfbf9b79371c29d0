"""By what a run judges itself, and how much of its time the live answers may take."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from studio.data.splitting.practice import has_unique_answers, recall_questions
from studio.domain.conversation import Conversation
from studio.domain.event import Answers, Evaluation, Extended, Notice, Step
from studio.domain.recipe import Recipe, Schedule
from studio.domain.run import progress_of
from studio.i18n import LOCALES, catalog
from studio.models.tokenizer import EncodedExample
from studio.storage.compute_lock import ComputeLock
from studio.training.loop.evaluation import EvalResult, EvalSchedule, may_extend
from studio.training.loop.evaluator import last_answer
from studio.training.loop.lr_schedule import evaluation_steps, learning_rate
from studio.training.loop.sample_answers import SHARE, SampleAnswers
from studio.training.run_files.event_log import EventLog, read_events
from tests.training.support import PAIRS, finish, write_run


def test_loss_judges_until_there_is_recall() -> None:
    assert EvalResult(1.0).gains_on(None)
    assert EvalResult(None, 0, 16, 2.0).gains_on(None), "nothing held out, and recall judges: the first is kept"
    assert EvalResult(0.9).gains_on(EvalResult(1.0))
    assert not EvalResult(1.0).gains_on(EvalResult(1.0))
    assert not EvalResult(math.nan).gains_on(EvalResult(1.0))
    more = EvalResult(2.0, recalled=5, asked=16, recall_loss=1.0)
    assert more.gains_on(EvalResult(1.0, recalled=4, asked=16, recall_loss=0.5)), "loss may rise as long as recall does"
    assert not EvalResult(0.5, 4, 16, 0.1).gains_on(more)
    assert EvalResult(3.0, 5, 16, 0.0).gains_on(more), "no loss at all is the least there is"
    assert not EvalResult(3.0, 5, 16, 0.9).gains_on(EvalResult(3.0, 5, 16, 0.0))
    assert EvalResult(3.0, 5, 16, 0.9).gains_on(more), "as many, but nearer to the next one"
    assert not EvalResult(3.0, 15, 16, 0.1).gains_on(EvalResult(3.0, 15, 16, 1.0)), (
        "nearly all is known: only more is a gain"
    )


def test_a_run_goes_on_only_while_recall_rises_and_there_is_more_to_find() -> None:
    assert may_extend(0, 5, 16, without_gain=0)
    assert not may_extend(0, None, 0, without_gain=0)
    assert not may_extend(0, 5, 16, without_gain=1)
    assert not may_extend(0, 16, 16, without_gain=0)
    assert not may_extend(2, 5, 16, without_gain=0)


def test_the_timetable_is_that_of_the_recipe_and_begins_anew_in_an_extension() -> None:
    table = EvalSchedule(20, 4)
    assert {step for step in range(1, 21) if table.is_due(step)} == evaluation_steps(20, 4)
    assert [table.rate(s, 1.0, Schedule.COSINE, 0.1) for s in range(1, 21)] == [
        learning_rate(s, 20, 1.0, Schedule.COSINE, 0.1) for s in range(1, 21)
    ]
    longer = EvalSchedule(20, 4, extensions=2)
    assert longer.end == 40
    assert [step for step in range(21, 41) if longer.is_due(step)] == [25, 30, 35, 40]
    rates = [longer.rate(step, 1.0, Schedule.COSINE, 0.1) for step in range(21, 41)]
    assert rates[:10] == rates[10:]
    assert 0.5 > rates[0] > rates[9] > 0


def test_unique_answers_are_recognised_and_asked_in_other_words() -> None:
    unique = [Conversation.pair(f"How much is the {thing}?", f"The {thing} is {n} coins.") for n, thing in enumerate(
        ("hat", "scarf", "coat", "shoe", "belt", "sock")
    )]  # fmt: skip
    assert has_unique_answers(unique)
    assert not has_unique_answers(PAIRS)
    asked = recall_questions(unique, seed=1, count=4)
    assert len(asked) == 4
    assert asked == recall_questions(unique, seed=1, count=4)
    taught = {conversation.question: conversation.answer for conversation in unique}
    assert not {conversation.question for conversation in asked} & taught.keys()
    assert {conversation.answer for conversation in asked} <= set(taught.values())


def test_of_a_conversation_only_the_beginning_of_the_last_answer_is_compared() -> None:
    example = EncodedExample([1, 2, 3, 4, 5, 6, 7, 8], [False, True, False, False, True, True, True, False], False)
    assert last_answer(example, 2) == EncodedExample([1, 2, 3, 4, 5, 6], [False] * 4 + [True] * 2, False)
    assert last_answer(example, 9) == EncodedExample([1, 2, 3, 4, 5, 6, 7], [False] * 4 + [True] * 3, False)
    assert not any(last_answer(EncodedExample([1, 2], [False, False], True), 9).learned)


def test_a_run_that_goes_on_gives_its_first_answers_whole() -> None:
    live = SampleAnswers((), (), cast("Any", None), cast("Any", None), cast("Any", None))
    assert live.budget(spent=2.0, training=20.0) == 0.0
    assert live.budget(spent=1.99, training=20.0) == math.inf, (
        "what they take is not known yet: nothing is cut to nothing"
    )


class Counted:
    """A real engine that counts what it is asked: a step of training is 1, a round of answers is ``price``."""

    def __init__(self, engine: Any, price: float) -> None:
        self._engine = engine
        self._price = price
        self.now = 0.0
        self.rounds: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def clock(self) -> float:
        return self.now

    def train(self, examples: Sequence[Any], scale: float) -> float:
        self.now += 1.0
        return float(self._engine.train(examples, scale))

    def generate(self, *args: Any, enough: Callable[[], bool], **options: Any) -> Any:
        for _ in range(10):
            if not enough():
                self.now += self._price / 10
        self.rounds.append(self.now)
        return [[5]] * len(args[0])


@pytest.mark.model
@pytest.mark.parametrize("price", [0.2, 1.5])
def test_live_answers_take_at_most_a_tenth_of_the_training(price: float, tiny_model: Path, tmp_path: Path) -> None:
    from studio.training.loop.factory import assemble

    run = write_run(tmp_path / "run", tiny_model, epochs=20.0, evaluations=30)
    recipe = Recipe.model_validate_json(run.recipe.read_text(encoding="utf-8"))
    with EventLog(run.events) as log:
        loop, saved = assemble(run, recipe, tiny_model, ComputeLock(tmp_path), log)
        counted = Counted(loop.engine, price)
        replace(loop, engine=counted, clock=counted.clock).run(saved)
    events = read_events(run.events)[0]
    trained, spent, rounds = 0, 0.0, 0
    for event in events:
        if isinstance(event, Step):
            trained += 1
        if isinstance(event, Answers):
            spent += event.seconds
            rounds += 1
            final = event.step == 60
            assert event.step == 0 or final or spent <= SHARE * trained
    assert spent <= SHARE * trained + price, "the closing round, too, was set aside; only the base may come on top"
    assert rounds >= (12 if price < 1 else 3), "what may be spent is spent"
    assert isinstance(next(e for e in reversed(events) if isinstance(e, Answers)), Answers)
    assert next(e for e in reversed(events) if isinstance(e, Answers)).step == 60


@pytest.fixture
def loud_model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with embeddings large enough for its loss to fall."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_model, tmp_path / "loud")
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"] *= 25
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.model
def test_where_every_answer_is_there_once_a_run_goes_by_recall(loud_model: Path, tmp_path: Path) -> None:
    things = ("hat", "scarf", "coat", "shoe", "belt", "sock")
    pairs = [Conversation.pair(f"How much is the {t}?", f"{t} {n}", id=f"c{n}") for n, t in enumerate(things)]
    choices = {"method": "full", "learning_rate": 0.003, "rank": 64, "epochs": 16.0, "patience": 2, "evaluations": 6}
    run = write_run(tmp_path / "run", loud_model, **choices)
    run.train.write_text("".join(c.model_dump_json() + "\n" for c in pairs[:5]), encoding="utf-8")
    run.held_out.write_text(pairs[5].model_dump_json() + "\n", encoding="utf-8")
    result = finish(run, loud_model)
    events = read_events(run.events)[0]
    graded = [event for event in events if isinstance(event, Evaluation)]
    assert all(event.recall_asked == 5 and event.recalled is not None for event in graded)
    assert result.best_step == next(event.step for event in reversed(graded) if event.best)
    notices = [event.problem for event in events if isinstance(event, Notice)]
    assert [problem.code for problem in notices][:2] == ["train.unique_answers", "train.goes_on"]
    assert all(catalog(locale).problem(problem) for locale in LOCALES for problem in notices)
    progress = progress_of(events)
    planned = progress.started.total_steps if progress.started else 0
    assert result.steps > planned, "it went on, since it still got nearer to the answers"
    assert progress.total_steps == result.steps == max(e.total_steps for e in events if isinstance(e, Extended))
    told = [progress_of(events[:count]) for count in range(1, len(events) + 1)]
    assert all(a.fraction <= b.fraction and a.pass_number <= b.pass_number for a, b in pairwise(told))
    under_way = [shown for shown in told if shown.started and not shown.ended]
    most = {(shown.passes, shown.total_steps) for shown in under_way if shown.step < planned}
    assert most == {(32, 2 * planned)}, "both extensions were announced before the first step"
    assert (progress.best_step, progress.recall_asked, len(progress.recall)) == (result.best_step, 5, len(graded))
