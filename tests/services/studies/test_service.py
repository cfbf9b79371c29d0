"""Searches and cross-validation with the real worker on a tiny model: killed, adopted, stopped, gone on with, kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from studio.app import build_services
from studio.domain.conversation import Conversation
from studio.domain.event import Step
from studio.domain.recipe import Precision, Recipe
from studio.domain.run import RunState
from studio.domain.study import StudyView, TrialState
from studio.errors import AfinaError
from studio.i18n import LOCALES, catalog
from studio.services.container import Services
from studio.settings import Settings
from studio.training.run_files.event_log import read_events
from studio.training.supervision.worker_process import find
from tests.child_processes import is_over, running
from tests.training.runs import wait_for

RECIPE = Recipe(
    model="tiny-llama", precision=Precision.FP32, learning_rate=0.01, rank=4, epochs=3.0, batch_size=4, augment=False
)


def write_faq(path: Path) -> None:
    """Six answers with six wordings each."""
    ways = ("What is the {}?", "tell me the {}", "{}, please", "do you know the {}", "I need your {}", "{}?")
    things = ("address", "price", "phone number", "opening time", "return policy", "delivery time")
    rows = [
        f"{way.format(thing)} {thing[::-1]},The {thing} is on page {n}."
        for n, thing in enumerate(things)
        for way in ways
    ]
    path.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    shutil.copytree(tiny_model, tmp_path / "models" / tiny_model.name)
    return tmp_path


@pytest.fixture
def open_studio(home: Path) -> Iterator[Callable[[], Services]]:
    opened: list[Services] = []

    def start() -> Services:
        opened.append(build_services(Settings(home=home / "home", models_dir=home / "models")))
        return opened[-1]

    yield start
    for services in opened:
        services.close()


def project(services: Services, home: Path) -> str:
    from studio.domain.model import BaseModelCard
    from studio.storage.database import AddedModelRow

    card = BaseModelCard.model_validate_json((home / "models" / "tiny-llama" / "afina.json").read_bytes())
    with services.workspace.database.session() as session:
        row = AddedModelRow(id=card.id, source="folder", reference="x", card=card.model_dump(mode="json"), added_at=0)
        session.add(row)
    write_faq(home / "faq.csv")
    made = services.projects.create("Shop").id
    services.datasets.import_files(made, [home / "faq.csv"])
    return made


def said(view: StudyView) -> list[str]:
    for locale in LOCALES:
        assert all(catalog(locale)(line.key, **line.params) for line in view.advice)
    return [line.key for line in view.advice]


@pytest.mark.model
def test_a_search_survives_its_worker_and_its_server_and_ends_in_a_recommendation(
    home: Path, open_studio: Callable[[], Services]
) -> None:
    first = open_studio()
    shop = project(first, home)
    search = first.studies.start_search(shop, RECIPE, minutes=4.0)  # room for a busy machine; it ends by itself
    folder = first.workspace.run(search)
    wait_for(lambda: any(trial.scores for trial in first.studies.view(search).trials), 200)
    first.close()
    worker = find(folder)
    assert worker is not None, "the worker outlives the server"
    psutil.Process(worker.pid).kill()

    second = open_studio()
    second.runs.supervise()
    wait_for(lambda: second.studies.view(search).state.is_over, 600)
    view = second.studies.view(search)
    assert view.state is RunState.FINISHED
    assert view.spent <= 4.4 * 60
    assert len(view.trials) >= 2
    told = said(view)[0]
    scored = [trial.score for trial in view.trials if trial.score is not None]
    assert scored
    assert all(score.asked for score in scored)
    _steps_follow_each_other(folder.path / "trials")
    _the_exam_stays_out(folder.path)
    assert second.runs.list(shop) == []
    assert second.projects.list()[0].runs == ()
    if not any(score.right for score in scored):  # as this tiny model does, mostly
        assert (told, view.recommendation) == ("train.study.advice.none_right", None)
        with pytest.raises(AfinaError, match=r"study\.nothing_yet"):
            second.studies.recipe(search)
    else:
        assert told.startswith("train.study.advice.")
        assert view.recommendation is not None
    assert second.studies.recipe(search, 2).learning_rate == view.trials[1].settings.learning_rate
    if finished := [trial.number for trial in view.trials if trial.state is TrialState.FINISHED]:
        _keeping_makes_a_run(second, search, shop, finished[0])


def _steps_follow_each_other(trials: Path) -> None:
    """Paused at a rung and killed in between, each trial still took every step once, in order, as its events say."""
    for events in trials.glob("*/events.jsonl"):
        steps = {event.step: event.loss for event in read_events(events)[0] if isinstance(event, Step)}
        assert sorted(steps) == list(range(1, len(steps) + 1))


def _the_exam_stays_out(folder: Path) -> None:
    proof = {json.loads(line)["messages"][0]["content"] for line in (folder / "proof.jsonl").open(encoding="utf-8")}
    assert proof
    for path in folder.glob("trials/*/*.jsonl"):
        if path.name in ("train.jsonl", "held_out.jsonl"):
            seen = {json.loads(line)["messages"][0]["content"] for line in path.open(encoding="utf-8")}
            assert not proof & seen


def _keeping_makes_a_run(services: Services, search: str, shop: str, trial: int) -> None:
    run_id = services.studies.keep(search, trial)
    view = services.runs.view(run_id)
    assert view.state is RunState.FINISHED
    assert view.result is not None
    assert (services.workspace.run(run_id).path / str(view.result.adapter) / "adapter_config.json").is_file()
    assert view.progress.train_loss
    assert [run.id for run in services.runs.list(shop)] == [run_id]
    services.studies.delete(search)
    assert services.studies.list(shop) == []
    assert services.runs.view(run_id).state is RunState.FINISHED


@pytest.mark.model
def test_folds_are_stopped_gone_on_with_and_ask_each_question_once(
    home: Path, open_studio: Callable[[], Services]
) -> None:
    services = open_studio()
    shop = project(services, home)
    study = services.studies.start_folds(shop, RECIPE, folds=3)
    wait_for(lambda: services.studies.view(study).trials[:1] and services.studies.view(study).trials[0].scores, 200)
    services.studies.stop(study)
    wait_for(lambda: services.studies.view(study).state is RunState.STOPPED, 120)
    stopped = services.studies.view(study)
    assert stopped.spread is not None
    assert stopped.spread.folds < 3
    services.studies.resume(study)
    wait_for(lambda: services.studies.view(study).state is RunState.FINISHED, 240)
    view = services.studies.view(study)
    assert view.spread is not None
    assert (view.spread.folds, view.progress) == (3, 1.0)
    assert view.spread.mean_loss is not None
    assert said(view)[0] == "train.study.folds.right"
    asked = [
        line
        for path in sorted(services.workspace.run(study).path.glob("trials/*/held_out.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(asked) == len(set(asked)) == 36
    assert view.spread.asked == 36


def test_what_cannot_be_is_refused_with_a_remedy(home: Path, open_studio: Callable[[], Services]) -> None:
    services = open_studio()
    shop = project(services, home)
    refusals = {
        "study.bad_minutes": lambda: services.studies.start_search(shop, RECIPE, minutes=0.1),
        "study.bad_folds": lambda: services.studies.start_folds(shop, RECIPE, folds=1),
        "study.too_few_examples": lambda: services.studies.start_folds(services.projects.create("Few").id, few(), 3),
    }
    write_faq(home / "few.csv")
    lines = (home / "few.csv").read_text(encoding="utf-8").splitlines()[:5]
    (home / "few.csv").write_text("\n".join(lines), encoding="utf-8")

    def few() -> Recipe:
        return RECIPE.model_copy(update={"data": (str(home / "few.csv"),)})

    for code, refused in refusals.items():
        with pytest.raises(AfinaError) as found:
            refused()
        assert found.value.code == code
        assert all(catalog(locale).error(found.value) for locale in LOCALES)


def test_parts_keep_wordings_together_and_teach_each_answer_elsewhere() -> None:
    from studio.data.splitting.folds import known_answers, parts

    examples = [
        Conversation.pair(f"{way} {thing}{mark}", f"It is {thing}.")
        for thing in ("blue", "green", "heavy", "small")
        for way in ("is it", "would you call it", "everybody says it might be")
        for mark in ("", "?")  # the same wording twice
    ]
    found = parts(examples, 3, seed=7)
    assert set(found) == {0, 1, 2}
    assert found == parts(examples, 3, seed=7)
    for part in range(3):
        asked = [c for c, p in zip(examples, found, strict=True) if p == part]
        learned = [c for c, p in zip(examples, found, strict=True) if p != part]
        wordings = {c.question.rstrip("?") for c in asked}
        assert not wordings & {c.question.rstrip("?") for c in learned}
        assert known_answers(learned, asked) == 1.0
        assert len(asked) == 8


def test_where_every_answer_is_there_once_a_search_asks_in_other_words(tmp_path: Path) -> None:
    from studio.domain.study import TrialMetric
    from studio.services.runs.examples import Examples
    from studio.services.studies.folders import plan_of_search

    train = [
        Conversation.pair(f"How much is the {thing}?", f"The {thing} costs {n} coins.", id=f"e{n}", held_out=False)
        for n, thing in enumerate(("hat", "scarf", "coat", "shoe", "belt", "sock", "shirt", "glove", "tie", "cap"))
    ]
    plan, learned, practice = plan_of_search(RECIPE, Examples(train, []), minutes=2.0)
    assert plan.judge is TrialMetric.RECALL
    assert [c.question for c in learned] == [c.question for c in train]
    assert not {c.question for c in practice} & {c.question for c in train}
    assert {c.answer for c in practice} <= {c.answer for c in train}


def test_advice_is_as_sure_as_the_counts_allow() -> None:
    """The same record with more and more right answers: from "no difference" to "more than chance explains"."""
    from studio.domain.study import StudyKind, StudyPlan, StudyRecord, Trial, TrialMetric, TrialScore, TrialSettings
    from studio.services.studies.advice import advice, recommendation

    def first(right: int) -> tuple[bool, ...]:
        return tuple(n < right for n in range(60))

    settings = [TrialSettings(learning_rate=rate, rank=8, epochs=4.0) for rate in (0.001, 0.002)]
    plan = StudyPlan(kind=StudyKind.SEARCH, judge=TrialMetric.RIGHT, minutes=5.0, candidates=tuple(settings))

    def record(base: int, other: int, losses: tuple[float, float] = (0.5, 0.5)) -> StudyRecord:
        trials = tuple(
            Trial(
                number=n, settings=settings[n - 1],
                scores=(TrialScore(rung=0, step=9, passes=4.0, loss=loss, right=right, asked=60, each_right=first(right)),),
            )
            for n, (right, loss) in enumerate(zip((base, other), losses, strict=True), start=1)
        )  # fmt: skip
        return StudyRecord(trials=trials, shares=(1.0,), spent=100.0, done=True)

    told = {}
    for other in (20, 30, 33, 55):
        found = recommendation(plan, record(30, other))
        assert found is not None
        told[other] = (found.trial, found.advice.key.rpartition(".")[2])
        for line in advice(plan, record(30, other), over=True):
            assert all(catalog(locale)(line.key, **line.params) for locale in LOCALES)
    assert told == {20: (1, "keep"), 30: (1, "keep"), 33: (2, "ahead"), 55: (2, "better")}
    few = recommendation(plan, record(2, 5, losses=(0.3, 0.4)))
    assert few is not None
    assert few.trial == 1, "so few are right that loss decides"
    nothing = record(0, 0, losses=(0.5, 0.1))
    assert recommendation(plan, nothing) is None, "no attempt is the best of those that answer nothing"
    assert next(line.key for line in advice(plan, nothing, over=True)) == "train.study.advice.none_right"
    assert next(line.key for line in advice(plan, nothing, over=False)) == "train.study.advice.none_right_yet"
    by_loss = recommendation(plan.model_copy(update={"judge": TrialMetric.LOSS}), nothing)
    assert by_loss is not None
    assert by_loss.trial == 2, "where answers cannot be right, the error still counts"


def test_the_best_of_many_must_be_further_ahead_than_one() -> None:
    from studio.domain.study import StudyKind, StudyPlan, StudyRecord, Trial, TrialMetric, TrialScore, TrialSettings
    from studio.services.studies.advice import recommendation

    def told(rights: tuple[int, ...], *, known: bool = True) -> str:
        settings = [TrialSettings(learning_rate=0.001 * n, rank=8, epochs=4.0) for n in range(1, len(rights) + 1)]
        plan = StudyPlan(kind=StudyKind.SEARCH, judge=TrialMetric.RIGHT, minutes=5.0, candidates=tuple(settings))
        trials = tuple(
            Trial(
                number=n,
                settings=settings[n - 1],
                scores=(
                    TrialScore(
                        rung=0,
                        step=9,
                        passes=4,
                        right=r,
                        asked=60,
                        each_right=tuple(i < r for i in range(60)) if known else (),
                    ),
                ),
            )
            for n, r in enumerate(rights, start=1)
        )
        found = recommendation(plan, StudyRecord(trials=trials, shares=(1.0,), spent=100.0, done=True))
        assert found is not None
        return found.advice.key.rpartition(".")[2]

    assert told((30, 37)) == "better"
    assert told((30, 37, 29, 31, 28, 30)) == "ahead", "one of five ahead by this much is luck often enough"
    assert told((30, 37), known=False) == "ahead", "a record made before does not say which, so as many differ as can"
    assert told((20, 50), known=False) == "better"


@pytest.mark.model
def test_what_is_to_train_ends_a_measurement(home: Path, open_studio: Callable[[], Services]) -> None:
    services = open_studio()
    shop = project(services, home)
    services.runs.measure("tiny-llama")
    probes: list[psutil.Process] = []
    wait_for(lambda: probes or probes.extend(running("studio.training.engines.throughput_probe")))
    measuring = probes[0]
    services.studies.start_search(shop, RECIPE, minutes=1.0)
    assert not services.runs.estimates.is_measuring("tiny-llama")
    wait_for(lambda: is_over(measuring))
    assert not (home / "home" / "measurements" / "tiny-llama.json").exists(), "half a measurement is none"
