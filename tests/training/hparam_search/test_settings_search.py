"""The search with Optuna's real database in a folder: what is tried, what is pruned, what a new worker finds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from studio.domain.problem import Problem
from studio.domain.recipe import Method, Recipe
from studio.domain.study import (
    StudyKind,
    StudyPlan,
    StudyRecord,
    Trial,
    TrialMetric,
    TrialScore,
    TrialSettings,
    TrialState,
)
from studio.errors import AfinaError
from studio.training.hparam_search.folder import StudyFolder
from studio.training.hparam_search.settings_search import MAX_TRIALS, SettingsSearch

PRESENT = TrialSettings(learning_rate=3e-3, rank=16, epochs=8.0)
RECIPE = Recipe(model="m", method=Method.LORA, seed=1, **PRESENT.model_dump())
PLAN = StudyPlan(kind=StudyKind.SEARCH, judge=TrialMetric.RIGHT, minutes=10.0, candidates=(PRESENT,))


def opened(path: Path, recipe: Recipe = RECIPE, plan: StudyPlan = PLAN) -> SettingsSearch:
    path.mkdir(exist_ok=True)
    return SettingsSearch(StudyFolder(path), recipe, plan)


def score(rung: int, right: int, loss: float = 1.0) -> TrialScore:
    return TrialScore(rung=rung, step=10, passes=1.0, loss=loss, right=right, asked=40)


def tried(search: SettingsSearch, best_rate: float = 6e-3) -> list[Trial]:
    """All trials of a search whose answers are the better, the nearer a rate is to the best one."""
    ended = []
    while (proposed := search.next_trial()) is not None:
        settings, scores = search.settings(proposed), list[TrialScore]()
        right = round(40 - 9 * abs(math.log(settings.learning_rate / best_rate)))
        state = TrialState.FINISHED
        for rung in range(3):
            scores.append(score(rung, right - 2 + rung))
            if not search.is_promising(proposed, scores[-1]):
                state = TrialState.DROPPED
                break
        ended.append(Trial(number=proposed.number + 1, settings=settings, state=state, scores=tuple(scores)))
        search.end(proposed, ended[-1])
    return ended


def test_the_present_settings_come_first_and_the_best_ones_get_furthest(tmp_path: Path) -> None:
    trials = tried(opened(tmp_path))
    assert [trial.settings.learning_rate for trial in trials[:3]] == pytest.approx([3e-3, 1.5e-3, 6e-3])
    assert trials[0].settings == PRESENT
    assert len(trials) == MAX_TRIALS
    assert all(1e-3 <= trial.settings.learning_rate <= 9e-3 for trial in trials)
    assert {trial.settings.rank for trial in trials} <= {8, 16, 32}
    assert {trial.settings.epochs for trial in trials} <= {4.0, 8.0, 12.0}
    assert trials[0].state is TrialState.FINISHED, "what others are held to goes all the way"
    assert trials[1].state is TrialState.DROPPED, "it did worse than the present settings"
    assert trials[2].state is TrialState.FINISHED
    best = max(trials, key=lambda trial: (len(trial.scores), trial.scores[-1].value(TrialMetric.RIGHT)))
    assert best.settings.learning_rate == pytest.approx(6e-3, rel=0.35)


def test_a_search_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    first, second = tried(opened(tmp_path / "a")), tried(opened(tmp_path / "b"))
    assert first == second
    assert tried(opened(tmp_path / "c", RECIPE.model_copy(update={"seed": 2}))) != first


def test_a_new_worker_goes_on_with_the_trial_that_was_at_work(tmp_path: Path) -> None:
    search = opened(tmp_path)
    for _ in range(3):
        proposed = search.next_trial()
        assert proposed is not None
        search.is_promising(proposed, score(0, 20))
        number, settings = proposed.number, search.settings(proposed)
        if number < 2:
            search.end(proposed, Trial(number=number + 1, settings=settings, scores=(score(2, 20),)))
    again = opened(tmp_path)
    found = again.next_trial()
    assert found is not None
    assert (found.number, again.settings(found)) == (number, settings)
    again.end(found, Trial(number=number + 1, settings=settings, state=TrialState.FAILED, problem=Problem(code="x")))
    assert len(tried(again)) == MAX_TRIALS - 3


def test_full_fine_tuning_keeps_its_rank_and_small_rates(tmp_path: Path) -> None:
    settings = PRESENT.model_copy(update={"learning_rate": 5e-4})
    recipe = RECIPE.model_copy(update={"method": Method.FULL, "learning_rate": 5e-4})
    trials = tried(opened(tmp_path, recipe, PLAN.model_copy(update={"candidates": (settings,)})), best_rate=6e-4)
    assert {trial.settings.rank for trial in trials} == {16}
    assert max(trial.settings.learning_rate for trial in trials) <= 1e-3


def test_a_damaged_database_is_told_with_a_code(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.database.write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(AfinaError) as caught:
        opened(tmp_path)
    assert caught.value.code == "storage.damaged"


def test_loss_decides_while_hardly_any_answer_is_right() -> None:
    few, fewer = score(0, right=5, loss=0.9), score(0, right=2, loss=0.5)
    assert few.value(TrialMetric.RIGHT) < fewer.value(TrialMetric.RIGHT)
    many, more = score(0, right=20, loss=0.2), score(0, right=21, loss=2.0)
    assert fewer.value(TrialMetric.RIGHT) < many.value(TrialMetric.RIGHT) < more.value(TrialMetric.RIGHT)
    assert many.value(TrialMetric.LOSS) > more.value(TrialMetric.LOSS)
    assert score(0, right=20, loss=0.1).value(TrialMetric.RECALL) > many.value(TrialMetric.RECALL)
    lost = TrialScore(rung=0, step=1, passes=1.0, loss=math.nan, right=0, asked=40)
    assert lost.value(TrialMetric.RIGHT) < few.value(TrialMetric.RIGHT)


def test_progress_goes_by_time_in_a_search_and_by_passes_in_a_cross_validation() -> None:
    assert PLAN.fraction(StudyRecord(spent=300.0)) == pytest.approx(0.5)
    assert PLAN.seconds_left(StudyRecord(spent=300.0)) == pytest.approx(300.0)
    folds = StudyPlan(kind=StudyKind.FOLDS, judge=TrialMetric.LOSS, candidates=(PRESENT,) * 3, parts=(0, 1, 2))
    assert folds.seconds_left(StudyRecord()) is None
    done = tuple(Trial(number=n, settings=PRESENT, passes=8.0 if n == 1 else 0.0) for n in (1, 2, 3))
    record = StudyRecord(spent=10.0, trials=done)
    assert folds.fraction(record) == pytest.approx(1 / 3)
    assert folds.seconds_left(record) == pytest.approx(20.0)
