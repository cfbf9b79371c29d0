"""The train screen without a browser: charts, the live card and its patches, the form, the queue, runs side by side."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from studio.domain.event import Answers, Evaluation, SampleAnswer, Started, Step, Usage
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState, RunView, progress_of
from studio.domain.study import (
    StudyKind,
    StudyView,
    Trial,
    TrialMetric,
    TrialScore,
    TrialSettings,
    TrialState,
)
from studio.i18n import LOCALES, catalog
from studio.services.container import Services
from studio.services.runs.comparison import ComparisonService
from studio.storage.workspace import Workspace
from studio.web.ui import shell
from studio.web.ui.charts import folds_chart, loss_chart, overlay_chart, pass_axis, search_chart
from studio.web.ui.components import Ui
from studio.web.ui.pages.train import page
from studio.web.ui.pages.train.fields import (
    SETTINGS,
    named_field,
    read_recipe,
    setting_info,
    setting_name,
    written_values,
)
from studio.web.ui.pages.train.live import keys_of, live_parts, render_live, time_left, wait_for
from studio.web.ui.pages.train.queue import render_queue, target_of
from studio.web.ui.pages.train.runs import NOBODY, chosen_runs, render_runs, ticked
from studio.web.ui.plot import nice_ticks
from studio.web.ui.session import Place

NASTY = '<img src=x onerror="alert(1)">'


@pytest.fixture
def ui(services: Services) -> Ui:
    return Ui(services, catalog("en"), place=None)


def run_view(run_id: str = "run-1", state: RunState = RunState.RUNNING, **changes: Any) -> RunView:
    started = Started(
        time=1.0, pid=1, device="cpu", precision="fp32", threads=2, total_steps=40, steps_per_epoch=10.0,
        train_examples=10, held_out_examples=4, trainable_parameters=1, total_parameters=2,
    )  # fmt: skip
    steps = [
        Step(time=1.0 + n, step=n, epoch=n / 10, loss=4 / n, learning_rate=1e-4, grad_norm=1, tokens=100, seconds=0.5)
        for n in range(1, 21)
    ]
    exams = [Evaluation(time=30.0, step=n, epoch=n / 10, loss=loss, best=True) for n, loss in ((10, 1.5), (20, 1.8))]
    before = Answers(time=31.0, step=0, items=(SampleAnswer(question=NASTY, expected="Yes: two.", answer="No idea"),))
    now = Answers(time=32.0, step=20, items=(SampleAnswer(question=NASTY, expected="Yes: two.", answer="Yes:  two. "),))
    usage = Usage(time=33.0, cpu=0.9, machine_cpu=0.95, memory=2 * 10**9, memory_free=10**10, memory_total=2 * 10**10)
    values: dict[str, Any] = {
        "id": run_id, "project_id": "p-1", "name": NASTY, "state": state, "created_at": 0.0,
        "recipe": Recipe(model="m", epochs=4.0), "model_name": "M", "train_examples": 10, "held_out_examples": 4,
        "progress": progress_of([started, *steps, *exams, before, now, usage]),
    }  # fmt: skip
    return RunView(**(values | changes))


@pytest.mark.parametrize(("high", "ticks"), [(4.0, [0, 1, 2, 3, 4]), (0.9, [0, 0.25, 0.5, 0.75]), (0.0, [0])])
def test_ticks_are_round(high: float, ticks: list[float]) -> None:
    assert nice_ticks(high) == ticks


def test_passes_are_named_and_never_crowded() -> None:
    assert [name for _, name in pass_axis(catalog("pt"), 3.0).ticks] == ["início", "volta 1", "volta 2", "volta 3"]
    assert len(pass_axis(catalog("en"), 200.0).ticks) <= 7


def test_the_chart_marks_the_best_exam_and_stays_inside() -> None:
    html = loss_chart(catalog("en"), run_view(), NASTY)
    assert "<img" not in html
    assert 'data-series="20"' in html
    assert '<span class="mark best" style="left:25.00%;' in html, "the best exam came after the first of four passes"
    assert html.index('class="mark') > html.index('class="exam"')


def test_the_live_card_says_where_it_stands(ui: Ui) -> None:
    html = render_live(ui, run_view())
    assert 'data-state="running"' in html
    assert 'aria-valuenow="50"' in html
    assert "pass 2 of 4 · step 20 of 40" in html
    assert "<img" not in html
    assert 'class="af-asked right"' in html, "spaces do not make an answer wrong"
    assert "2.0\xa0GB of 20.0\xa0GB" in html
    assert 'id="train-pause"' in html
    assert 'id="train-resume"' not in html


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (RunState.QUEUED, {"pause", "cancel"}),
        (RunState.RUNNING, {"pause", "stop", "cancel"}),
        (RunState.PAUSING, {"resume", "cancel"}),
        (RunState.PAUSED, {"resume", "cancel"}),
        (RunState.STOPPED, {"resume"}),
        (RunState.FINISHED, set()),
    ],
)
def test_each_state_offers_what_can_be_done(ui: Ui, state: RunState, offered: set[str]) -> None:
    html = live_parts(ui, run_view(state=state), {})["controls"]
    assert {verb for verb in ("pause", "stop", "cancel", "resume") if f'data-action="{verb}"' in html} == offered


@pytest.mark.parametrize("locale", LOCALES)
def test_it_says_when_other_programs_make_it_longer_than_was_told(locale: str) -> None:
    text, progress = catalog(locale), run_view().progress
    readings = [usage.model_copy(update={"cpu": 0.35, "machine_cpu": 1.0}) for usage in 3 * progress.usage]
    crowded = progress.model_copy(update={"usage": tuple(readings)})
    assert time_left(text, crowded) == text("train.left_slowed", left=time_left(text, progress), percent=65)


def test_the_browser_is_sent_pictures_only_when_they_change(ui: Ui) -> None:
    view = run_view()
    assert {"chart", "answers"} <= live_parts(ui, view, {}).keys()
    assert not {"chart", "answers"} & live_parts(ui, view, keys_of(view)).keys()
    assert wait_for(view, busy=False) > wait_for(view.model_copy(update={"progress": progress_of([])}), busy=False) > 0
    assert wait_for(run_view(state=RunState.FINISHED), busy=False) == 0


def test_a_look_brings_the_parts_or_says_that_the_page_has_moved(ui: Ui, monkeypatch: pytest.MonkeyPatch) -> None:
    project = ui.services.projects.create("Shop")
    view = run_view(project_id=project.id)
    monkeypatch.setattr(ui.services.runs, "list", lambda _project: [view])
    place = Place(project.id, "train")
    shape = page._look(ui, place).shape
    answer = page._read(ui, place, {}, shape)
    assert {"badge", "chart", "answers", "resources", "badge-run-1"} <= answer["parts"].keys()
    assert "chart" not in page._read(ui, place, answer["keys"], shape)["parts"]
    assert page._read(ui, place, {}, "another")["moved"]


def test_the_form_reports_all_problems_at_once(ui: Ui) -> None:
    project = ui.services.projects.create("Shop")
    ui.services.projects.update(project.id, model_id="smollm2-135m-instruct")
    place = Place(project.id, "train")
    empty = dict.fromkeys((setting.name for setting in SETTINGS), "")
    wrong = empty | {"rank": "0", "dropout": "2,5", "seed": "seven", "layers": "last"}
    recipe, problems = read_recipe(ui, place, ["quick", *wrong.values()])
    assert recipe is None
    assert {problem.field for problem in problems} == {"rank", "dropout", "seed", "layers"}
    assert "Dropout" in ui.text.problem(named_field(ui, next(p for p in problems if p.field == "dropout")))
    right: dict[str, Any] = empty | {
        "method": "lora", "rank": " 8 ", "learning_rate": "0,001", "layers": "0, 3-5", "target_modules": ["q_proj"],
        "augment": "no", "schedule": "linear",
    }  # fmt: skip
    recipe, problems = read_recipe(ui, place, ["quick", *right.values()])
    assert problems == []
    assert recipe == Recipe(
        model="smollm2-135m-instruct", preset="quick", method="lora", rank=8, learning_rate=0.001, layers=(0, 3, 4, 5),
        target_modules=("q_proj",), augment=False, schedule="linear",
    )  # fmt: skip
    again, problems = read_recipe(ui, place, ["quick", *written_values(recipe)])
    assert again is not None
    assert again.model_dump(exclude_defaults=True) == recipe.model_dump(exclude_defaults=True)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_choice_of_a_recipe_has_a_name_and_every_field_an_explanation(services: Services, locale: str) -> None:
    spoken = Ui(services, catalog(locale), place=None)
    nameless = {"schema_version", "model", "data", "held_out", "columns", "held_out_share", "split_seed"}
    assert [name for name in Recipe.model_fields if name not in nameless and setting_name(spoken, name) == name] == []
    assert all(setting_info(spoken, setting.name) for setting in SETTINGS)
    offered = {setting.name for setting in SETTINGS} | nameless | {"preset", "system_prompt"}
    assert Recipe.model_fields.keys() <= offered, "a setting of the recipe that the screen does not offer"


def queued(run_id: str, place: int) -> RunView:
    return run_view(run_id, RunState.QUEUED, queue_position=place, progress=progress_of([]), name=f"Run {run_id}")


def test_the_queue_says_what_comes_after_what(ui: Ui) -> None:
    project = ui.services.projects.create("Shop")
    line = [
        view.model_copy(update={"project_id": project.id})
        for view in (run_view(), queued("run-2", 1), queued("run-3", 2))
    ]
    html = render_queue(ui, Place(project.id, "train"), line, line[0])
    assert "starts after “Run run-2”" in html
    assert html.count('data-action="up"') == html.count('data-action="down"') == 2
    assert html.count(" disabled>") == 2, "the first cannot go up, the last cannot go down"
    assert "<img" not in html
    assert render_queue(ui, Place(project.id, "train"), line[:1], line[0]) == ""


def test_one_place_up_or_down() -> None:
    line = [run_view(), queued("run-2", 1), queued("run-3", 2), queued("run-4", 3)]
    assert target_of(line, "run-3", up=True) == "run-2"
    assert target_of(line, "run-2", up=False) == "run-4"
    assert target_of(line, "run-3", up=False) is None
    assert target_of(line, "run-2", up=True) == "run-2"
    assert target_of(line, "run-1", up=True) == "run-1"


def test_ticks_are_kept_in_the_address() -> None:
    views = [run_view(f"run-{n}", RunState.FINISHED) for n in range(1, 6)]
    place = Place("p-1", "train")
    assert chosen_runs(place, views) == ["run-1", "run-2", "run-3"]
    assert chosen_runs(place, views[:1]) == []
    less = Place("p-1", "train", beside=ticked(place, views, "run-2"))
    assert Place.parse(less.query) == less
    assert chosen_runs(less, views) == ["run-1", "run-3"]
    none = Place("p-1", "train", beside=("run-1",))
    assert ticked(none, views, "run-1") == (NOBODY,)
    assert less.at("share").beside == ()


class Shelf:
    """Runs by id, as the run service shows them."""

    def __init__(self, *views: RunView) -> None:
        self._views = {view.id: view for view in views}

    def view(self, run_id: str) -> RunView:
        return self._views[run_id]


def test_a_comparison_names_only_what_differs(workspace: Workspace) -> None:
    first = run_view("run-1", RunState.FINISHED, recipe=Recipe(model="m", rank=8, epochs=4.0))
    second = run_view("run-2", RunState.FINISHED, recipe=Recipe(model="m", rank=16, epochs=4.0))
    second = second.model_copy(
        update={"progress": second.progress.model_copy(update={"held_out_loss": first.progress.held_out_loss[1:]})}
    )
    found = ComparisonService(workspace, Shelf(first, second)).compare(["run-1", "run-2"])  # type: ignore[arg-type]
    assert [(row.name, row.values) for row in found.differences] == [("rank", (8, 16))]
    assert found.best == 0
    loss = next(row for row in found.results if row.name == "loss")
    assert (loss.values, loss.best) == ((1.5, 1.8), 0)
    assert found.curves[0].best == (1.0, 1.5)
    assert overlay_chart(catalog("en"), found).count("<polyline") == 2


def test_errors_of_different_exams_are_not_ranked(workspace: Workspace) -> None:
    views = run_view("run-1"), run_view("run-2", held_out_examples=9)
    found = ComparisonService(workspace, Shelf(*views)).compare(["run-1", "run-2"])  # type: ignore[arg-type]
    assert found.best is None


def test_a_single_run_has_no_ticks(ui: Ui) -> None:
    views = [run_view()]
    assert 'data-action="tick"' not in render_runs(ui, Place("p-1", "train"), views, views[0])


def study(kind: StudyKind, trials: tuple[Trial, ...]) -> StudyView:
    return StudyView(
        id="study-1", project_id="p-1", name="S", kind=kind, state=RunState.RUNNING, created_at=0.0,
        recipe=Recipe(model="m"), model_name="M", examples=20, judge=TrialMetric.RIGHT, folds=3, trials=trials,
    )  # fmt: skip


def trial(number: int, state: TrialState, *rights: int) -> Trial:
    scores = tuple(TrialScore(rung=n, step=n, passes=n, right=right, asked=10) for n, right in enumerate(rights))
    return Trial(number=number, settings=TrialSettings(learning_rate=0.1, rank=8, epochs=3), state=state, scores=scores)


def test_a_search_shows_who_went_on_and_who_was_given_up() -> None:
    trials = (trial(1, TrialState.PAUSED, 3, 5), trial(2, TrialState.DROPPED, 1), trial(3, TrialState.WAITING))
    html = search_chart(catalog("pt"), study(StudyKind.SEARCH, trials), ["a", NASTY, "c"])
    assert 'class="s1" data-series="2"' in html
    assert 'class="faint" data-series="1"' in html
    assert "rodada 2" in html
    assert "<img" not in html


def test_a_cross_validation_shows_a_dot_for_each_part_that_is_done() -> None:
    trials = (trial(1, TrialState.FINISHED, 7), trial(2, TrialState.FINISHED, 9), trial(3, TrialState.WAITING))
    html = folds_chart(catalog("en"), study(StudyKind.FOLDS, trials), ["a", "b", "c"])
    assert html.count('class="dot s1 alone') == 2


def test_the_script_that_slows_the_clocks_comes_before_those_of_gradio(services: Services) -> None:
    app = FastAPI()
    shell.mount_studio(app, services, "en")
    with TestClient(app) as client:
        answer = client.get("/en/")
    assert answer.text.index("isClock") < answer.text.index('type="module"')
    assert len(answer.content) == int(answer.headers["content-length"])


def test_a_run_can_be_renamed_and_its_settings_repeated(ui: Ui) -> None:
    html = render_runs(ui, Place("p-1", "train"), [run_view(state=RunState.FINISHED)], None)
    assert 'data-action="rename" data-id="run-1"' in html
    assert 'data-action="repeat" data-id="run-1"' in html
    assert "<img" not in html


def test_below_a_run_that_waits_another_that_is_ready_is_named(ui: Ui) -> None:
    place, waits = Place("p-1", "train", "run-2"), run_view("run-2", RunState.PAUSED)
    result = RunResult(state=RunState.FINISHED, steps=9, ended_at=0.0, adapter="adapters/step-000009")
    ready = run_view("run-1", RunState.FINISHED, name="Monday", result=result)
    assert ui.text("train.next_other", name="Monday") in page._foot(ui, place, waits, [waits, ready])
    assert ui.text("train.next_open") in page._foot(ui, place, waits, [waits])
    assert ui.text("train.next_hint") in page._foot(ui, place, ready, [waits, ready])
