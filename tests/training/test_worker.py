"""The worker process: exact resume after a kill, fallback to the checkpoint before, stop, and the end it writes."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studio.domain.event import Answers, Checkpoint, Ended, Notice, Started, Step
from studio.domain.run import RunState
from studio.i18n import catalog
from studio.training.loop.checkpoints import newest
from studio.training.run_files.adjustments import read_adjustments
from studio.training.run_files.event_log import read_events
from tests.training.support import finish, held_out_losses, losses, start_worker, write_run

pytestmark = pytest.mark.model

_ASTRAY = """
import sys
from studio.training.engines.fused.engine import FusedEngine
from studio.training.engines.fused.warmup import compile_now
from studio.training.worker import main

compile_now()  # trains a batch, too
train, calls = FusedEngine.train, []


def astray(self, examples, scale):
    calls.append(len(calls) + 1)
    return train(self, examples, scale) * (float("nan") if calls[-1] in (10, 15) else 1.0)


FusedEngine.train = astray
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    run = write_run(tmp_path_factory.mktemp("whole") / "run", tiny_model)
    finish(run, tiny_model)
    return run.path


def test_a_run_learns_and_leaves_everything_that_is_promised(whole: Path, tiny_model: Path) -> None:
    from studio.storage.workspace import RunFolder

    run = RunFolder(whole)
    events = read_events(run.events)[0]
    assert [type(event) for event in events].count(Started) == 1
    assert isinstance(events[-1], Ended)
    trained, held_out = losses(run), held_out_losses(run)
    assert sorted(trained) == list(range(1, 19))
    assert sorted(held_out) == [6, 12, 18]
    assert trained[18] < trained[1]
    answers = [event for event in events if isinstance(event, Answers)]
    assert answers[0].step == 0
    assert [item.question for item in answers[-1].items] == [item.question for item in answers[0].items]
    best = json.loads(run.best.read_text(encoding="utf-8"))
    assert best["step"] == min(held_out, key=lambda step: held_out[step])
    assert (run.path / best["adapter"] / "adapter_model.safetensors").is_file()
    assert f"step-{best['step']:06d}" in [path.name for path in run.adapters.iterdir()]
    assert len(list(run.adapters.iterdir())) <= 2  # what either checkpoint may come back to
    assert len(list(run.checkpoints.iterdir())) == 2


def test_killed_at_a_random_step_and_resumed_gives_the_same_losses(
    whole: Path, tiny_model: Path, tmp_path: Path
) -> None:
    from studio.storage.workspace import RunFolder

    run = write_run(tmp_path / "run", tiny_model)
    moment = random.randrange(7, 17)
    process = start_worker(run, tiny_model)
    deadline = time.monotonic() + 300
    while max(losses(run), default=0) < moment and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    shutil.rmtree(run.path / "adapters", ignore_errors=True)  # what was kept since the checkpoint is made again
    run.result.unlink(missing_ok=True)  # where the run was faster than the kill
    result = finish(run, tiny_model)
    assert result.state is RunState.FINISHED
    assert losses(run) == pytest.approx(losses(RunFolder(whole)), abs=1e-5)
    assert held_out_losses(run) == pytest.approx(held_out_losses(RunFolder(whole)), abs=1e-5)


def test_paused_and_gone_on_with_gives_the_same_losses(whole: Path, tiny_model: Path, tmp_path: Path) -> None:
    from studio.storage.workspace import RunFolder

    run = write_run(tmp_path / "run", tiny_model)
    run.pause_request.touch()
    assert start_worker(run, tiny_model).wait(timeout=120) == 0  # before the first step: nothing to keep
    assert losses(run) == {}
    run.pause_request.unlink()
    process = start_worker(run, tiny_model)
    while max(losses(run), default=0) < 8 and process.poll() is None:
        time.sleep(0.005)
    run.pause_request.touch()
    assert process.wait(timeout=120) == 0
    events = read_events(run.events)[0]
    if not run.result.exists():  # else it was faster than this test
        assert isinstance(events[-1], Ended)
        assert events[-1].state == "paused"
        found = newest(run.checkpoints)
        assert found is not None
        assert found[0].step == max(losses(run)), "a pause loses no step"
    run.pause_request.unlink()
    run.result.unlink(missing_ok=True)
    assert finish(run, tiny_model).state is RunState.FINISHED
    assert losses(run) == losses(RunFolder(whole))
    assert len([event for event in read_events(run.events)[0] if isinstance(event, Step)]) == 18, "none taken twice"


def test_a_run_that_goes_astray_goes_back_and_learns_more_slowly(tiny_model: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", tiny_model)
    command = [sys.executable, "-c", _ASTRAY, str(run.path), "--home", str(tmp_path), "--model-dir", str(tiny_model)]
    subprocess.run(command, check=True, timeout=300)
    events = read_events(run.events)[0]
    notices = [event.problem for event in events if isinstance(event, Notice)]
    assert [(notice.code, notice.params) for notice in notices][:1] == [("train.went_back", {"step": 10})]
    assert [event.resumed_from for event in events if isinstance(event, Started)] == [0, 6, 6]
    assert read_adjustments(run).rate_factor == 0.25
    seventh = [event.learning_rate for event in events if isinstance(event, Step) and event.step == 7]
    assert seventh == pytest.approx([seventh[0], seventh[0] / 2, seventh[0] / 4])
    assert json.loads(run.result.read_text(encoding="utf-8"))["state"] == "finished"
    assert sorted(losses(run)) == list(range(1, 19))


def test_a_damaged_checkpoint_is_passed_over(whole: Path, tiny_model: Path, tmp_path: Path) -> None:
    from studio.storage.workspace import RunFolder

    run = RunFolder(tmp_path / "run")
    shutil.copytree(whole, run.path)
    run.result.unlink()
    last = max(run.checkpoints.iterdir())
    damaged = last / "state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    found = newest(run.checkpoints)
    assert found is not None
    assert found[0].step == 12
    assert finish(run, tiny_model).state is RunState.FINISHED
    started = [event for event in read_events(run.events)[0] if isinstance(event, Started)]
    assert started[-1].resumed_from == 12
    assert losses(run) == pytest.approx(losses(RunFolder(whole)), abs=1e-5)


def test_stop_keeps_the_best_so_far(tiny_model: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", tiny_model, epochs=500.0, evaluations=100)
    process = start_worker(run, tiny_model)
    deadline = time.monotonic() + 300
    while len(held_out_losses(run)) < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    run.stop_request.touch()
    assert process.wait(timeout=300) == 0
    result = json.loads(run.result.read_text(encoding="utf-8"))
    assert result["state"] == "stopped"
    assert result["best_step"]
    assert (run.path / result["adapter"] / "adapter_config.json").is_file()


def test_it_stops_by_itself_when_it_only_memorises(tiny_model: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", tiny_model, epochs=300.0, evaluations=90, patience=2, learning_rate=0.05)
    result = finish(run, tiny_model)
    notices = [event.problem.code for event in read_events(run.events)[0] if isinstance(event, Notice)]
    assert result.state is RunState.FINISHED
    assert result.steps < 900
    assert "train.memorising" in notices
    held_out = held_out_losses(run)
    assert result.best_loss == min(held_out.values())


def test_too_long_examples_are_named_and_none_left_is_an_error(tiny_model: Path, tmp_path: Path) -> None:
    cut = write_run(tmp_path / "cut", tiny_model, max_length=16, epochs=0.5)
    result = finish(cut, tiny_model)
    codes = [event.problem.code for event in read_events(cut.events)[0] if isinstance(event, Notice)]
    assert "train.truncated" in codes
    assert result.state is RunState.FINISHED
    for path in (empty := write_run(tmp_path / "empty", tiny_model)).path.glob("*.jsonl"):
        path.write_text("", encoding="utf-8")
    failed = finish(empty, tiny_model)
    assert failed.state is RunState.FAILED
    assert failed.problem is not None
    assert failed.problem.code == "train.too_few_examples"


def test_checkpoints_are_named_in_the_events(whole: Path) -> None:
    from studio.storage.workspace import RunFolder

    run = RunFolder(whole)
    named = [event.path for event in read_events(run.events)[0] if isinstance(event, Checkpoint)]
    assert all((run.path / path).is_dir() for path in named[-2:])


def test_a_best_adapter_that_was_cut_is_told_and_not_kept(whole: Path, tiny_model: Path, tmp_path: Path) -> None:
    from studio.storage.kept_adapter import is_intact, kept_adapter
    from studio.storage.workspace import RunFolder

    run = RunFolder(tmp_path / "run")
    shutil.copytree(whole, run.path)
    run.result.unlink()
    shutil.rmtree(max(run.checkpoints.iterdir()))  # killed after step 12
    cut = kept_adapter(run)
    assert cut is not None
    for folder in run.adapters.iterdir():
        os.truncate(folder / "adapter_model.safetensors", 100)
    result = finish(run, tiny_model)
    notices = [event.problem for event in read_events(run.events)[0] if isinstance(event, Notice)]
    told = [notice for notice in notices if notice.code == "train.adapter_damaged"]
    assert len(told) == 1
    assert catalog("en").problem(told[0])
    assert result.adapter is not None
    assert is_intact(run.path / result.adapter)
    assert json.loads(run.best.read_text(encoding="utf-8"))["adapter"] == result.adapter


def test_a_run_without_a_worker_ends_with_the_best_adapter_that_is_whole(
    whole: Path, tiny_model: Path, tmp_path: Path
) -> None:
    from studio.storage.workspace import RunFolder
    from studio.training.run_files.status import conclude, read_progress

    run = RunFolder(tmp_path / "run")
    shutil.copytree(whole, run.path)
    best = json.loads(run.best.read_text(encoding="utf-8"))
    shutil.copytree(run.path / best["adapter"], run.adapters / "step-000003")
    os.truncate(run.path / best["adapter"] / "adapter_model.safetensors", 100)
    others = [
        folder for folder in run.adapters.iterdir() if folder.name not in (f"step-{best['step']:06d}", "step-000003")
    ]
    for folder in others:
        shutil.rmtree(folder)
    for _ in range(2):  # said once
        result = conclude(run, RunState.STOPPED)
    assert (result.best_step, result.adapter) == (3, "adapters/step-000003")
    told = [notice for notice in read_progress(run).notices if notice.code == "train.adapter_replaced"]
    assert [notice.params for notice in told] == [{"step": best["step"], "kept": 3}]
