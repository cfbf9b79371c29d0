from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from studio.app import build_services
from studio.domain.event import Ended, Started, Step
from studio.domain.run import RunResult, RunState
from studio.errors import AfinaError
from studio.processes.job_registry import JobRegistry
from studio.services.cleanup import clean_up
from studio.services.examples.datasets import DatasetService
from studio.services.projects import ProjectService, days_left
from studio.storage.database import ProjectRow, RunRow
from studio.storage.workspace import Workspace
from studio.training.supervision.run_queue import RunQueue
from tests.pasting import paste

COUNTS = {"train_examples": 90, "held_out_examples": 9, "trainable_parameters": 1, "total_parameters": 2}


@pytest.fixture
def projects(workspace: Workspace) -> ProjectService:
    return ProjectService(workspace)


def _run(workspace: Workspace, project_id: str, run_id: str, state: RunState, result: RunResult | None = None) -> None:
    row = RunRow(
        id=run_id,
        project_id=project_id,
        name="Quick",
        created_at=time.time(),
        state=state.value,
        position=1.0,
        model_id="m",
        model_name="SmolLM2",
        train_examples=90,
        held_out_examples=9,
    )
    with workspace.database.session() as session:
        session.add(row)
    folder = workspace.run(run_id)
    folder.path.mkdir(parents=True)
    started = Started(
        time=1, pid=1, device="cpu", precision="fp32", threads=2, total_steps=40, steps_per_epoch=10, **COUNTS
    )
    steps = [
        Step(time=2, step=n, epoch=1, loss=1, learning_rate=1, grad_norm=1, tokens=1, seconds=1) for n in range(1, 11)
    ]
    folder.events.write_text("".join(event.model_dump_json() + "\n" for event in (started, *steps)), encoding="utf-8")
    if result is not None:
        folder.result.write_text(result.model_dump_json(), encoding="utf-8")


def test_cards_are_found_again_with_the_newest_first(workspace: Workspace, projects: ProjectService) -> None:
    first = projects.create("  Loja \n um ")
    second = projects.create("Loja dois")
    paste(DatasetService(workspace), first.id, "Pergunta\tResposta\nA?\tB\nC?\tD\n")
    _run(workspace, first.id, "run-1", RunState.RUNNING)
    _run(workspace, first.id, "run-2", RunState.RUNNING, RunResult(state=RunState.FINISHED, steps=40))
    cards = ProjectService(Workspace.open(workspace.settings)).list()
    assert [(card.project.name, card.examples) for card in cards] == [("Loja um", 2), ("Loja dois", 0)]
    assert cards[1].project == second
    runs = {run.id: (run.state, run.fraction) for run in cards[0].runs}
    assert runs == {"run-1": (RunState.RUNNING, 0.25), "run-2": (RunState.FINISHED, 1.0)}


def test_update_changes_only_what_is_given(projects: ProjectService) -> None:
    project = projects.create("Loja")
    projects.update(project.id, model_id="m", system_prompt=" Seja breve. ")
    changed = projects.update(project.id, name="Outra")
    assert (changed.name, changed.model_id, changed.system_prompt) == ("Outra", "m", "Seja breve.")
    assert projects.update(project.id, system_prompt="").system_prompt is None
    assert projects.get(project.id).model_id == "m"


@pytest.mark.parametrize("name", ["", "  ", "\0"])
def test_a_project_needs_a_name(projects: ProjectService, name: str) -> None:
    with pytest.raises(AfinaError, match=r"project\.no_name"):
        projects.create(name)
    assert projects.list() == []


def test_a_long_instruction_is_refused(projects: ProjectService) -> None:
    with pytest.raises(AfinaError, match=r"project\.long_system_prompt"):
        projects.update(projects.create("Loja").id, system_prompt="x" * 4_001)


def test_a_project_that_does_not_exist(projects: ProjectService) -> None:
    for act in (projects.get, projects.delete, projects.update):
        with pytest.raises(AfinaError, match=r"general\.not_found"):
            act("project-none")


def test_a_deleted_project_comes_back_as_it_was_or_goes_for_good(
    workspace: Workspace, projects: ProjectService
) -> None:
    project = projects.create("Loja")
    datasets = DatasetService(workspace)
    paste(datasets, project.id, "Pergunta\tResposta\nA?\tB\nC?\tD\n")
    _run(workspace, project.id, "run-1", RunState.RUNNING, RunResult(state=RunState.FINISHED, steps=40))
    before = projects.list()
    projects.delete(project.id)
    assert projects.list() == []
    assert [(gone.id, days_left(gone)) for gone in projects.trash()] == [(project.id, 30)]
    for act in (projects.get, projects.delete, datasets.current):
        with pytest.raises(AfinaError, match=r"general\.not_found"):
            act(project.id)
    projects.restore(project.id)
    (after,) = projects.list()
    assert (after.examples, after.runs) == (before[0].examples, before[0].runs)
    assert projects.trash() == ()
    for act in (projects.restore, projects.erase):
        with pytest.raises(AfinaError, match=r"general\.not_found"):
            act(project.id)
    for kind, key in (("import", project.id), ("export", "run-1-site"), ("trust", "run-1"), ("trust", "run-12")):
        registry = JobRegistry(workspace.home, kind)
        registry.start(key, lambda _: None)
        registry.wait(key, 30)
    projects.delete(project.id)
    projects.erase(project.id)
    assert [path.stem for path in (workspace.home / "jobs").rglob("*.json")] == ["run-12"], "of another project"
    assert projects.trash() == ()
    assert not workspace.project(project.id).exists()
    assert not workspace.run("run-1").path.exists()


def test_a_project_deleted_a_month_ago_goes_at_the_start(workspace: Workspace, projects: ProjectService) -> None:
    old, new = projects.create("Loja"), projects.create("Outra")
    for project in (old, new):
        paste(DatasetService(workspace), project.id, "Pergunta\tResposta\nA?\tB\nC?\tD\n")
        projects.delete(project.id)
    with workspace.database.session() as session:
        session.get_one(ProjectRow, old.id).deleted_at = time.time() - 31 * 86_400
    assert workspace.project(old.id) in clean_up(workspace)
    assert [project.id for project in projects.trash()] == [new.id]
    assert (workspace.project(old.id).exists(), workspace.project(new.id).exists()) == (False, True)


def test_a_project_in_training_is_not_deleted(workspace: Workspace, projects: ProjectService) -> None:
    project = projects.create("Loja")
    _run(workspace, project.id, "run-1", RunState.RUNNING)
    with pytest.raises(AfinaError, match=r"project\.run_active"):
        projects.delete(project.id)
    assert projects.get(project.id) == project


def test_runs_that_wait_do_so_until_their_project_is_back(workspace: Workspace, projects: ProjectService) -> None:
    project, other = projects.create("Loja"), projects.create("Outra")
    _run(workspace, project.id, "run-1", RunState.QUEUED)
    _run(workspace, project.id, "run-2", RunState.PAUSED)
    _run(workspace, other.id, "run-3", RunState.PAUSED)
    _run(workspace, other.id, "run-4", RunState.RUNNING)
    workspace.run("run-4").pause_request.touch()
    queue = RunQueue(workspace.database)
    projects.delete(project.id)
    assert (queue.waiting(), [row.id for row in queue.paused()]) == ([], ["run-3"])
    assert not queue.move("run-1", RunState.STARTING, only_from=(RunState.QUEUED,)), "no supervisor takes it"
    with pytest.raises(AfinaError, match=r"project\.run_active"):
        projects.delete(other.id)
    (left,) = projects.list()
    assert {run.id: run.state for run in left.runs} == {"run-3": RunState.PAUSED, "run-4": RunState.PAUSING}
    projects.restore(project.id)
    assert [row.id for row in queue.waiting()] == ["run-1"]
    assert {row.id for row in queue.paused()} == {"run-2", "run-3"}


class Case(NamedTuple):
    """What is on disk and in the database of a run."""

    noted: RunState
    result: RunState | None = None
    asked: str = ""
    started: bool = True
    ended: bool = False


_CASES = [
    *(Case(noted, result) for noted in RunState for result in RunState if result.is_over),
    *(
        Case(noted, None, asked, started, ended)
        for noted in RunState
        for asked in ("", "pause", "stop", "cancel")
        for started in (False, True)
        for ended in (False, True)
    ),
]


def test_home_the_train_page_and_the_command_line_say_the_same_of_a_run_in_every_state(workspace: Workspace) -> None:
    project = ProjectService(workspace).create("Loja")
    for number, case in enumerate(_CASES):
        result = RunResult(state=case.result, steps=40) if case.result else None
        _run(workspace, project.id, f"run-{number}", case.noted, result)
        folder = workspace.run(f"run-{number}")
        if case.asked:
            (folder.path / case.asked).touch()
        if not case.started:
            folder.events.write_text("", encoding="utf-8")
        if case.ended:
            with folder.events.open("a", encoding="utf-8") as events:
                events.write(Ended(time=9, step=10, state="stopped").model_dump_json() + "\n")
    services = build_services(workspace.settings)
    (card,) = services.projects.list()
    home = {run.id: run.state for run in card.runs}
    assert len(home) == len(_CASES)
    assert home == {view.id: view.state for view in services.runs.list(project.id)}
    services.close()
    at = {case: home[f"run-{number}"] for number, case in enumerate(_CASES)}
    assert at[Case(RunState.RUNNING, asked="pause")] is RunState.PAUSING
    assert at[Case(RunState.RUNNING, started=False)] is RunState.STARTING
    assert at[Case(RunState.FINISHED)] is RunState.FAILED, "its result was lost"
    assert at[Case(RunState.RUNNING, RunState.FAILED)] is RunState.FAILED
