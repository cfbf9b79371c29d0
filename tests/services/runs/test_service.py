"""The run service on a real workspace, with the small worker of ``tests/training``."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio.domain.conversation import Conversation
from studio.domain.event import Step, Usage
from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Method, Preset, Recipe
from studio.domain.run import USAGE_KEPT, RunState
from studio.errors import AfinaError
from studio.i18n import catalog
from studio.services.examples.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.services.runs.chart_commentary import commentary
from studio.services.runs.service import RunService
from studio.settings import Settings
from studio.storage import files
from studio.storage.database import RunRow
from studio.storage.workspace import Workspace
from studio.training.run_files.event_log import EventLog
from studio.training.supervision.supervisor import Supervisor
from tests.services.paper_model import PAPER, install_paper_model
from tests.training.runs import supervisor, wait_for

RECIPE = Recipe(model=PAPER)


class RequestHandler:
    """A workspace with a project of 40 examples, and the service on it."""

    def __init__(self, workspace: Workspace, supervisor: Supervisor) -> None:
        self.workspace = workspace
        self.datasets = DatasetService(workspace)
        self.models = ModelService(workspace)
        self.runs = RunService(workspace, self.models, self.datasets, supervisor)
        self.project = ProjectService(workspace).create("Shop").id

    def add_examples(self, count: int = 40) -> None:
        path = self.workspace.home / "faq.csv"
        write_csv(path, count)
        self.datasets.import_files(self.project, [path])

    def wait(self, run_id: str, *states: RunState) -> None:
        wait_for(lambda: self.runs.view(run_id).state in states)


def write_csv(path: Path, count: int) -> None:
    rows = [f"What does item {n} cost in shop {n * 7}?,It costs {n} coins." for n in range(count)]
    path.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def idle(workspace: Workspace) -> RequestHandler:
    """A desk whose supervisor never takes a run from the queue."""
    install_paper_model(workspace)
    desk = RequestHandler(workspace, _Nobody(workspace))
    desk.add_examples()
    return desk


@pytest.fixture
def desk(workspace: Workspace) -> Iterator[RequestHandler]:
    install_paper_model(workspace)
    opened = RequestHandler(workspace, supervisor(workspace))
    opened.add_examples()
    yield opened
    opened.runs.close()


class _Nobody(Supervisor):
    def start(self) -> None:
        """Does not."""


def test_a_run_goes_from_the_queue_to_its_end(desk: RequestHandler) -> None:
    run_id = desk.runs.start(desk.project, RECIPE)
    desk.wait(run_id, RunState.FINISHED)
    view = desk.runs.view(run_id)
    assert view.result is not None
    assert view.result.adapter == "adapters/step-000010"
    assert [point.step for point in view.progress.train_loss] == list(range(1, 11))
    assert (view.name, view.model_name, view.project_id) == ("Balanced", "Paper", desk.project)


def test_the_folder_holds_a_snapshot_with_every_choice_made(idle: RequestHandler) -> None:
    ProjectService(idle.workspace).update(idle.project, system_prompt="Be kind.")
    run_id = idle.runs.start(idle.project, RECIPE.model_copy(update={"rank": 4}))
    folder = idle.workspace.run(run_id)
    recipe = Recipe.model_validate_json(folder.recipe.read_text())
    current = idle.datasets.current(idle.project)
    assert current is not None
    assert None not in (
        recipe.method,
        recipe.rank,
        recipe.epochs,
        recipe.batch_size,
        recipe.learning_rate,
        recipe.augment,
    )
    assert (recipe.rank, recipe.data, recipe.system_prompt) == (4, (f"dataset:{current.version.id}",), "Be kind.")
    assert json.loads(folder.model.read_text())["id"] == PAPER
    learned = [Conversation.model_validate_json(line) for line in folder.train.read_text().splitlines()]
    asked, practice = (
        [Conversation.model_validate_json(line) for line in path.read_text().splitlines()]
        for path in (folder.exam, folder.held_out)
    )
    assert len(learned) + len(asked) == 40
    assert practice
    assert all(each.reworded_from for each in practice)
    assert asked
    view = idle.runs.view(run_id)
    assert (view.train_examples, view.held_out_examples) == (len(learned), len(asked))


def test_later_edits_of_the_examples_do_not_reach_a_run(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    before = idle.workspace.run(run_id).train.read_text()
    idle.add_examples(50)
    assert idle.workspace.run(run_id).train.read_text() == before
    assert idle.runs.view(run_id).train_examples == len(before.splitlines())


def test_runs_wait_in_order_and_their_names_are_counted(idle: RequestHandler) -> None:
    quick = RECIPE.model_copy(update={"preset": Preset.QUICK})
    ids = [idle.runs.start(idle.project, recipe, locale="pt") for recipe in (RECIPE, RECIPE, quick)]
    assert [idle.runs.view(run_id).name for run_id in ids] == ["Equilibrado", "Equilibrado · 2", "Rápido"]
    assert [idle.runs.view(run_id).queue_position for run_id in ids] == [1, 2, 3]
    idle.runs.stop(ids[0])
    assert idle.runs.view(ids[0]).state is RunState.STOPPED
    assert [idle.runs.view(run_id).queue_position for run_id in ids] == [None, 1, 2]
    assert {view.id for view in idle.runs.list(idle.project)} == set(ids)
    assert idle.runs.list("project-of-nobody") == []


def test_a_waiting_run_can_be_moved_to_any_place(idle: RequestHandler) -> None:
    a, b, c, d = (idle.runs.start(idle.project, RECIPE) for _ in range(4))
    idle.runs.move(d, before=b)
    assert [view.id for view in idle.runs.queue()] == [a, d, b, c]
    idle.runs.move(a)
    assert [view.id for view in idle.runs.queue()] == [d, b, c, a]
    assert [view.queue_position for view in idle.runs.queue()] == [1, 2, 3, 4]
    for _ in range(120):  # more often than a number could be halved
        idle.runs.move(a, before=b)
        idle.runs.move(d, before=a)
    assert [view.id for view in idle.runs.queue()] == [d, a, b, c]
    idle.runs.cancel(c)
    with pytest.raises(AfinaError) as refused:
        idle.runs.move(c, before=d)
    assert refused.value.code == "run.not_waiting"


def test_a_waiting_run_pauses_and_comes_back_to_its_place(idle: RequestHandler) -> None:
    a, b, c = (idle.runs.start(idle.project, RECIPE) for _ in range(3))
    idle.runs.pause(a)
    idle.runs.pause(a)
    assert [(view.id, view.queue_position) for view in idle.runs.queue()] == [(b, 1), (c, 2), (a, None)]
    assert idle.runs.view(a).state is RunState.PAUSED
    idle.runs.resume(a)
    assert [view.id for view in idle.runs.queue()] == [a, b, c]
    idle.runs.pause(a)
    idle.runs.stop(a)
    assert idle.runs.view(a).state is RunState.STOPPED


def test_two_servers_agree_on_pauses_and_places(idle: RequestHandler) -> None:
    other = RequestHandler(idle.workspace, _Nobody(idle.workspace))
    a, b = (idle.runs.start(idle.project, RECIPE) for _ in range(2))
    other.runs.move(b, before=a)
    other.runs.pause(a)
    assert [(view.id, view.state) for view in idle.runs.queue()] == [(b, RunState.QUEUED), (a, RunState.PAUSED)]
    idle.runs.resume(a)
    assert [view.id for view in other.runs.queue()] == [b, a]


def test_a_paused_run_lets_the_next_one_through_and_goes_on_where_it_was(desk: RequestHandler, tmp_path: Path) -> None:
    first = _slow_run(desk, tmp_path)
    wait_for(lambda: desk.runs.view(first).progress.step >= 3)
    desk.runs.pause(first)
    desk.wait(first, RunState.PAUSED)
    at = desk.runs.view(first).progress.step
    second = desk.runs.start(desk.project, RECIPE)
    desk.wait(second, RunState.FINISHED)
    assert desk.runs.view(first).state is RunState.PAUSED
    (desk.workspace.run(first).path / "steps.json").write_text(json.dumps({"steps": at + 5}))
    desk.runs.resume(first)
    desk.wait(first, RunState.FINISHED)
    started = desk.runs.view(first).progress.started
    assert started is not None
    assert started.resumed_from == at


def test_a_run_paused_for_the_disk_goes_on_once_there_is_room(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    idle.runs.pause(run_id)
    request = idle.workspace.run(run_id).pause_request
    params = {"needed_mb": 10**9, "free_mb": 5, "path": "/full"}
    request.write_text(Problem(code="disk.low", params=params).model_dump_json())
    view = idle.runs.view(run_id)
    assert commentary(view) == ("train.reading.paused_disk", {"needed_mb": 10**9, "free_mb": 5})
    with pytest.raises(AfinaError) as refused:
        idle.runs.resume(run_id)
    assert refused.value.code == "disk.low"
    assert refused.value.params["free_mb"] > 5, "what is free now, not what was"
    request.write_text(Problem(code="disk.low", params=params | {"needed_mb": 1}).model_dump_json())
    idle.runs.resume(run_id)
    view = idle.runs.view(run_id)
    assert (view.state, view.paused_by) == (RunState.QUEUED, None)


def test_what_a_run_takes_of_the_machine_is_shown(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    assert not idle.runs.view(run_id).progress.usage
    with EventLog(idle.workspace.run(run_id).events) as log:
        for number in range(USAGE_KEPT + 5):
            log.write(Usage(time=number, cpu=0.5, memory=number, memory_total=10**9))
    usage = idle.runs.view(run_id).progress.usage
    assert (usage[-1].memory, len(usage)) == (USAGE_KEPT + 4, USAGE_KEPT)


def test_cancel_ends_a_run_that_does_not_listen(desk: RequestHandler, tmp_path: Path) -> None:
    run_id = _slow_run(desk, tmp_path, deaf=True)
    wait_for(lambda: desk.runs.view(run_id).progress.step >= 3)
    pid = json.loads(desk.workspace.run(run_id).worker.read_text())["pid"]
    desk.runs.cancel(run_id)
    desk.wait(run_id, RunState.CANCELLED)
    wait_for(lambda: not psutil.pid_exists(pid))
    desk.runs.resume(run_id)
    wait_for(lambda: desk.runs.view(run_id).state is RunState.RUNNING)
    desk.runs.cancel(run_id)
    desk.wait(run_id, RunState.CANCELLED)


def test_stop_keeps_the_best_and_resume_goes_on_from_it(desk: RequestHandler, tmp_path: Path) -> None:
    run_id = _slow_run(desk, tmp_path)
    wait_for(lambda: desk.runs.view(run_id).progress.best_step)
    desk.runs.stop(run_id)
    desk.wait(run_id, RunState.STOPPED)
    stopped = desk.runs.view(run_id)
    assert stopped.result is not None
    assert stopped.result.adapter is not None
    (desk.workspace.run(run_id).path / "steps.json").write_text(json.dumps({"steps": stopped.progress.step + 5}))
    desk.runs.resume(run_id)
    desk.wait(run_id, RunState.FINISHED)
    finished = desk.runs.view(run_id)
    assert finished.progress.started is not None
    assert finished.progress.started.resumed_from == stopped.result.best_step
    assert finished.progress.step == stopped.progress.step + 5


def test_a_failed_run_says_why_and_one_click_goes_on(desk: RequestHandler) -> None:
    shutil.move(desk.workspace.model(PAPER), desk.workspace.home / "aside")
    run_id = _queued_without_model(desk)
    desk.wait(run_id, RunState.FAILED)
    view = desk.runs.view(run_id)
    assert view.result is not None
    assert view.result.problem is not None
    assert view.result.problem.code == "run.model_missing"
    shutil.move(desk.workspace.home / "aside", desk.workspace.model(PAPER))
    desk.runs.resume(run_id)
    desk.wait(run_id, RunState.FINISHED)


def test_a_run_that_waits_or_has_finished_is_not_resumed(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    with pytest.raises(AfinaError, match=r"run\.not_resumable"):
        idle.runs.resume(run_id)
    _pretend_finished(idle, run_id, tokens_per_second=1.0)
    with pytest.raises(AfinaError, match=r"run\.not_resumable"):
        idle.runs.resume(run_id)


def test_a_run_stopped_and_resumed_at_once_goes_on(desk: RequestHandler, tmp_path: Path) -> None:
    run_id = _slow_run(desk, tmp_path)
    for _ in range(5):
        wait_for(lambda: desk.runs.view(run_id).state is RunState.RUNNING)
        desk.runs.stop(run_id)
        desk.wait(run_id, RunState.STOPPED)
        desk.runs.resume(run_id)
    desk.wait(run_id, RunState.RUNNING)
    desk.runs.stop(run_id)
    desk.wait(run_id, RunState.STOPPED)


def test_a_run_whose_folder_was_deleted_by_hand_says_so(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    shutil.rmtree(idle.workspace.run(run_id).path)
    second = RunService(idle.workspace, idle.models, idle.datasets, supervisor(idle.workspace))
    second.supervise()
    wait_for(lambda: second.view(run_id).state is RunState.FAILED)
    second.close()
    result = second.view(run_id).result
    assert result is not None
    assert result.problem is not None
    assert result.problem.code == "run.folder_missing"


def test_only_a_run_that_does_not_run_is_deleted(desk: RequestHandler, tmp_path: Path) -> None:
    run_id = _slow_run(desk, tmp_path)
    desk.wait(run_id, RunState.RUNNING)
    with pytest.raises(AfinaError, match=r"run\.still_going"):
        desk.runs.delete(run_id)
    desk.runs.stop(run_id)
    desk.wait(run_id, RunState.STOPPED)
    desk.runs.delete(run_id)
    time.sleep(0.5)  # the supervisor looks several times
    assert not desk.workspace.run(run_id).path.exists()
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        desk.runs.view(run_id)


def test_a_run_that_cannot_be_written_leaves_nothing_behind(
    idle: RequestHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(AfinaError, match=r"disk\.full"):
        idle.runs.start(idle.project, RECIPE)
    assert list((idle.workspace.home / "runs").iterdir()) == []
    assert idle.runs.list() == []


def test_every_problem_of_a_recipe_is_named_at_once(workspace: Workspace) -> None:
    install_paper_model(workspace, must_accept=True, parameters=10**13)
    desk = RequestHandler(workspace, _Nobody(workspace))
    (workspace.model(PAPER) / "afina.json").unlink()
    desk.add_examples(2)
    found = desk.runs.problems(RECIPE.model_copy(update={"max_length": 4096, "last_layers": 7}), desk.project)
    assert {problem.code for problem in found} >= {
        "run.licence_not_accepted",
        "run.model_not_installed",
        "run.too_big",
        "recipe.length_over_context",
        "recipe.more_layers_than_model",
    }
    severities = [problem.severity is Severity.ERROR for problem in found]
    assert severities == sorted(severities, reverse=True)
    assert all(problem.field for problem in found)


def test_a_good_recipe_has_no_problem(idle: RequestHandler) -> None:
    assert idle.runs.problems(RECIPE, idle.project) == []


def test_an_unknown_model_and_missing_examples_are_named(idle: RequestHandler) -> None:
    empty = ProjectService(idle.workspace).create("Empty").id
    found = idle.runs.problems(Recipe(model="nobody"), empty)
    assert {problem.code for problem in found} == {"run.no_examples", "run.unknown_model"}
    with pytest.raises(AfinaError, match=r"run\.no_examples"):
        idle.runs.start(empty, RECIPE)


def test_offers_are_sized_and_bigger_presets_take_longer(idle: RequestHandler) -> None:
    offers = idle.runs.offers(idle.project, PAPER, RECIPE.model_copy(update={"rank": 4}))
    assert [offer.preset for offer in offers] == list(Preset)
    assert all(offer.recipe.epochs and offer.recipe.alpha and offer.recipe.rank == 4 for offer in offers)
    assert offers[0].seconds < offers[1].seconds < offers[2].seconds
    assert all(offer.memory_bytes > 10**8 and not offer.measured for offer in offers)


def test_offers_know_a_measurement_and_then_a_real_run(idle: RequestHandler) -> None:
    note = idle.workspace.home / "measurements" / f"{PAPER}.json"
    files.write_atomic(note, json.dumps({"tokens_per_second": 1000.0}))
    measured = idle.runs.offers(idle.project, PAPER)[0]
    files.write_atomic(note, json.dumps({"tokens_per_second": 2000.0}))
    assert measured.measured
    assert idle.runs.offers(idle.project, PAPER)[0].seconds < measured.seconds
    run_id = idle.runs.start(idle.project, RECIPE)
    _pretend_finished(idle, run_id, tokens_per_second=1.0)  # thirteen seconds for next to nothing
    assert idle.runs.offers(idle.project, PAPER)[0].seconds > 2 * measured.seconds


def test_offers_work_before_the_model_is_here_and_without_a_project(idle: RequestHandler) -> None:
    (idle.workspace.model(PAPER) / "afina.json").unlink()
    examples = [Conversation.pair(f"question {n}", "answer " * 20) for n in range(30)]
    short = [Conversation.pair(f"question {n}", "answer") for n in range(30)]
    assert idle.runs.offers(examples, PAPER)[0].seconds > idle.runs.offers(short, PAPER)[0].seconds


def test_files_are_trained_on_in_a_project_of_their_own(idle: RequestHandler, tmp_path: Path) -> None:
    learn, ask = tmp_path / "learn.csv", tmp_path / "ask.csv"
    write_csv(learn, 30)
    write_csv(ask, 5)
    recipe = RECIPE.model_copy(update={"data": (str(learn),), "held_out": (str(ask),)})
    run_id = idle.runs.start_from_files(recipe)
    view = idle.runs.view(run_id)
    assert (view.train_examples, view.held_out_examples) == (30, 5)
    project = ProjectService(idle.workspace).get(view.project_id)
    assert project.name == "learn"
    assert len(idle.datasets.load(view.recipe.data[0].removeprefix("dataset:"))) == 30


def test_bad_files_leave_no_project(idle: RequestHandler, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    before = len(ProjectService(idle.workspace).list())
    with pytest.raises(AfinaError, match=r"data\."):
        idle.runs.start_from_files(RECIPE.model_copy(update={"data": (str(empty),)}))
    assert len(ProjectService(idle.workspace).list()) == before


def test_a_view_reads_on_where_it_stopped_and_starts_over_when_the_file_is_another(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    events = idle.workspace.run(run_id).events
    _write_steps(events, 1, 3)
    assert idle.runs.view(run_id).progress.step == 3
    with events.open("a") as file:
        file.write('{"type": "step", "time": 1, "st')  # being written at this very moment
    assert idle.runs.view(run_id).progress.step == 3
    with events.open("a") as file:
        file.write('ep": 4, "epoch": 1, "loss": 1, "learning_rate": 1, "grad_norm": 1, "tokens": 1, "seconds": 1}\n')
    assert idle.runs.view(run_id).progress.step == 4
    events.unlink()
    _write_steps(events, 1, 2)
    assert idle.runs.view(run_id).progress.step == 2


def test_the_result_on_disk_outweighs_the_database(idle: RequestHandler) -> None:
    run_id = idle.runs.start(idle.project, RECIPE)
    _pretend_finished(idle, run_id, tokens_per_second=1.0, note=False)
    assert idle.runs.view(run_id).state is RunState.FINISHED
    idle.workspace.run(run_id).result.write_text("{ torn")
    assert idle.runs.view(run_id).state is RunState.QUEUED


def test_the_state_words_exist_in_both_languages() -> None:
    for locale in ("en", "pt"):
        assert all(catalog(locale)(f"train.state.{state.value}") for state in RunState)
        assert all(catalog(locale)(f"train.setting.preset.{preset.value}") for preset in Preset)


def test_the_web_process_does_not_load_torch(idle: RequestHandler) -> None:
    code = "import sys, studio.services.runs.service; sys.exit('torch' in sys.modules)"
    assert psutil.Popen([sys.executable, "-c", code]).wait() == 0
    idle.runs.offers(idle.project, PAPER, Recipe(model=PAPER, method=Method.FULL))


def _slow_run(desk: RequestHandler, tmp_path: Path, **plan: object) -> str:
    run_id = desk.runs.start(desk.project, RECIPE)
    (desk.workspace.run(run_id).path / "steps.json").write_text(json.dumps({"steps": 1000} | plan))
    wait_for(lambda: desk.runs.view(run_id).progress.started)
    if desk.runs.view(run_id).progress.total_steps != 1000:  # the worker was faster than this test
        desk.wait(run_id, RunState.FINISHED)
        return _slow_run(desk, tmp_path)
    return run_id


def _queued_without_model(desk: RequestHandler) -> str:
    """A run whose model disappears between the button and its turn."""
    (desk.workspace.model(PAPER)).mkdir()
    shutil.copytree(desk.workspace.home / "aside", desk.workspace.model(PAPER), dirs_exist_ok=True)
    waiting = RunService(desk.workspace, desk.models, desk.datasets, _Nobody(desk.workspace))
    run_id = waiting.start(desk.project, RECIPE)
    shutil.rmtree(desk.workspace.model(PAPER))
    desk.runs.supervise()
    return run_id


def _write_steps(path: Path, first: int, last: int, tokens: int = 10) -> None:
    with EventLog(path) as log:
        for step in range(first, last + 1):
            log.write(Step(time=1, step=step, epoch=1, loss=1, learning_rate=1, grad_norm=1, tokens=tokens, seconds=1))


def _pretend_finished(desk: RequestHandler, run_id: str, *, tokens_per_second: float, note: bool = True) -> None:
    folder = desk.workspace.run(run_id)
    _write_steps(folder.events, 1, 12, tokens=int(tokens_per_second))
    folder.result.write_text(json.dumps({"state": "finished", "steps": 12, "seconds": 13}))
    if note:
        with desk.workspace.database.session() as session:
            session.get_one(RunRow, run_id).state = "finished"
