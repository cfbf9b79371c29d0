"""Going on after something went wrong: kills for memory, full disks, damaged checkpoints, several runs at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio.domain.event import Phase, Usage
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.domain.run import RunState
from studio.models.catalog import builtin_cards
from studio.models.hardware import Machine
from studio.settings import Settings
from studio.storage.files import write_atomic
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder, Workspace
from studio.training.loop import checkpoints
from studio.training.loop.checkpoints import LoopState
from studio.training.loop.recovery import find_checkpoint, go_slower, take_less
from studio.training.loop.resource_monitor import ResourceMonitor
from studio.training.run_files.adjustments import Adjustments, read_adjustments, write_adjustments
from studio.training.run_files.disk_space import shortage
from studio.training.run_files.event_log import EventLog
from studio.training.run_files.status import pause_reason, read_progress
from studio.training.supervision.exit_diagnosis import kill_counter, memory_kills
from studio.training.supervision.memory_admission import fits_beside, needs
from studio.training.supervision.supervisor import Supervisor
from tests.training.runs import queue_run, starts_of, state_of, supervisor, wait_for


@pytest.fixture
def active(workspace: Workspace) -> Iterator[Supervisor]:
    opened = supervisor(workspace)
    opened.start()
    yield opened
    opened.close()


def test_a_kill_for_memory_halves_the_batch_and_goes_on(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, steps=8, starve_at=[3, 5])
    wait_for(lambda: read_result(folder))
    assert read_adjustments(folder).micro_batch == 4  # of 16: killed twice
    assert len(starts_of(folder)) == 3
    assert read_result(folder).state is RunState.FINISHED


def test_a_plain_kill_changes_nothing(workspace: Workspace, active: Supervisor) -> None:
    folder = queue_run(workspace, steps=60, seconds=0.05, checkpoint_every=2)
    for count in (1, 2):
        wait_for(lambda count=count: len(starts_of(folder)) == count and read_progress(folder).step >= 4 * count)
        psutil.Process(starts_of(folder)[-1]).kill()
    wait_for(lambda: len(starts_of(folder)) == 3)
    assert read_adjustments(folder) == Adjustments()


def test_a_batch_of_one_and_a_model_that_does_not_load_cannot_take_less(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    write_atomic(folder.recipe, Recipe(model="any", batch_size=2).model_dump_json())
    _say(folder, "loading_model")
    assert not take_less(folder)
    _say(folder, "training")
    assert take_less(folder)
    assert read_adjustments(folder).micro_batch == 1
    assert not take_less(folder)


def test_the_kernels_count_is_read_where_it_is_nearest(tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    groups.write_text("4:memory:/job/7\n0::/job/7\n")
    machine = kill_counter(tmp_path, groups)
    assert machine == Path("/proc/vmstat")
    write_atomic(tmp_path / "memory" / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert memory_kills(kill_counter(tmp_path, groups)) == 2
    write_atomic(tmp_path / "memory" / "job" / "7" / "memory.oom_control", "oom_kill 5\n")
    assert memory_kills(kill_counter(tmp_path, groups)) == 5
    groups.write_text("0::/job/7\n")
    write_atomic(tmp_path / "job" / "7" / "memory.events", "low 0\nhigh 0\noom 1\noom_kill 9\n")
    assert memory_kills(kill_counter(tmp_path, groups)) == 9
    assert memory_kills(tmp_path / "nothing") is None


def test_a_run_does_not_start_where_the_reserve_is_gone_and_says_so(tmp_path: Path) -> None:
    workspace = Workspace.open(Settings(home=tmp_path / "home", disk_reserve_mb=10**9))
    opened = supervisor(workspace)
    folder = queue_run(workspace)
    opened.start()
    wait_for(lambda: state_of(workspace, folder) is RunState.PAUSED)
    opened.close()
    reason = pause_reason(folder)
    assert reason is not None
    assert reason.code == "disk.low"
    assert reason.params["needed_mb"] == 10**9
    assert 0 < reason.params["free_mb"] < 10**9
    assert starts_of(folder) == []
    workspace.database.close()


def test_a_shortage_counts_the_next_save_and_the_reserve(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert shortage(RunFolder(tmp_path), free // 4, free // 4) is None
    assert shortage(RunFolder(tmp_path), free, free // 4) is not None
    assert shortage(RunFolder(tmp_path), free // 4, free) is not None


def test_one_damaged_checkpoint_falls_back_and_two_begin_anew(tmp_path: Path) -> None:
    import torch

    folder = RunFolder(tmp_path)
    for step in (6, 12, 18):
        checkpoints.save(folder.checkpoints, LoopState(step=step), {"weights": torch.full((4,), float(step))})
    (folder.checkpoints / ".step-000024.x.tmp").mkdir()
    assert checkpoints.count(folder.checkpoints) == 2
    os.truncate(folder.checkpoints / "step-000018" / "state.safetensors", 40)
    with EventLog(folder.events) as log:
        found = find_checkpoint(folder, log)
        assert found is not None
        assert (found[0].step, found[1]["weights"].tolist()) == (12, [12.0] * 4)
        (folder.checkpoints / "step-000012" / "manifest.json").write_text("{}")
        assert find_checkpoint(folder, log) is None
        assert find_checkpoint(folder, log) is None
    assert list(folder.checkpoints.iterdir()) == []
    codes = [notice.code for notice in read_progress(folder).notices]
    assert codes == ["train.checkpoint_damaged", "train.checkpoints_damaged"]


def test_a_checkpoint_goes_on_with_the_smaller_batch(tmp_path: Path) -> None:
    import torch

    folder = RunFolder(tmp_path)
    checkpoints.save(folder.checkpoints, LoopState(step=6), {"weights": torch.ones(1)})
    write_adjustments(folder, Adjustments(micro_batch=4))
    with EventLog(folder.events) as log:
        found = find_checkpoint(folder, log)
    assert found is not None
    assert found[0].micro_batch == 4


def test_it_goes_back_twice_and_no_more(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with EventLog(folder.events) as log:
        assert [go_slower(folder, log, step) for step in (20, 30, 40)] == [True, True, False]
    assert read_adjustments(folder).rate_factor == 0.25
    assert [notice.params["step"] for notice in read_progress(folder).notices] == [20, 30]


def test_as_many_runs_at_once_as_the_settings_allow(tmp_path: Path) -> None:
    workspace = Workspace.open(Settings(home=tmp_path / "home", runs_at_once=2))
    folders = [queue_run(workspace, steps=400) for _ in range(3)]
    opened = supervisor(workspace)
    opened.start()
    wait_for(lambda: all(read_progress(folder).step for folder in folders[:2]))
    assert [bool(starts_of(folder)) for folder in folders] == [True, True, False]
    folders[0].cancel_request.touch()
    wait_for(lambda: state_of(workspace, folders[0]) is RunState.CANCELLED)
    wait_for(lambda: read_progress(folders[2]).step)
    for folder in folders[1:]:
        folder.cancel_request.touch()
    wait_for(lambda: all(state_of(workspace, folder) is RunState.CANCELLED for folder in folders))
    opened.close()
    workspace.database.close()


def test_a_run_waits_until_its_memory_is_free(tmp_path: Path) -> None:
    first, second = (_planned(tmp_path / name, builtin_cards()[0]) for name in ("first", "second"))
    needed = needs(second)
    assert needed > 10**9
    assert not fits_beside(
        needs(second), [first], _machine(int(2.1 * needed))
    )  # the first has not taken its memory yet
    assert fits_beside(needs(second), [first], _machine(int(2.5 * needed)))
    assert not fits_beside(needs(second), [], _machine(needed))


def test_the_gauge_reads_this_process_now_and_then(tmp_path: Path) -> None:
    monitor = ResourceMonitor(interval=0.0)
    assert monitor.sample() is None
    monitor._due = 0.0
    usage = monitor.sample()
    assert isinstance(usage, Usage)
    assert 0 < usage.memory < usage.memory_total
    assert 0 <= usage.cpu <= 1


def _say(folder: RunFolder, phase: str) -> None:
    with EventLog(folder.events) as log:
        log.write(Phase(time=0, name=phase))


def _planned(path: Path, card: BaseModelCard) -> RunFolder:
    folder = RunFolder(path)
    recipe = Recipe(model=card.id, rank=16, batch_size=16, max_length=512)
    write_atomic(folder.recipe, recipe.model_dump_json())
    write_atomic(folder.model, card.model_dump_json())
    return folder


def _machine(free: int) -> Machine:
    return Machine(cores=2, cpu="x", ram_total=free, ram_free=free)
