"""Memory that runs out for real: an allocation that fails, and a process that the kernel kills."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psutil
import pytest

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.run import RunState
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder
from studio.training.run_files.adjustments import read_adjustments
from studio.training.run_files.status import read_progress
from studio.training.supervision.supervisor import Supervisor
from tests.faults.plant import Plant
from tests.training.support import write_run

pytestmark = [pytest.mark.model, pytest.mark.slow]

_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from studio.training.worker import main
sys.exit(main(sys.argv[2:]))
"""
# Bytes above what one example at a time needs. The engine takes 2048 tokens at once at most: four long examples need 900 MB
# more than one, two need 300 MB more.
_ROOM = 450 * 2**20


def hungry_run(folder: Path, model: Path, batch: int) -> RunFolder:
    """A run of four steps whose long answers need memory."""
    run = write_run(folder, model, batch_size=batch, epochs=batch / 4, max_length=512, patience=0, evaluations=1)
    counted = " ".join(map(str, range(240)))  # the same for all: where answers are unique, a run goes on to learn them
    pairs = [Conversation.pair(f"Count from {n}.", counted) for n in range(16)]
    run.train.write_text("".join(pair.model_dump_json() + "\n" for pair in pairs), encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def wide_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with layers so wide that the memory of a step follows the number of examples at a time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide") / tiny_model.name
    shutil.copytree(tiny_model, folder)
    config = LlamaConfig.from_pretrained(tiny_model, intermediate_size=8192)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    card = BaseModelCard.model_validate_json((folder / "afina.json").read_text(encoding="utf-8"))
    wide = card.model_copy(update={"intermediate_size": 8192})
    (folder / "afina.json").write_text(wide.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def modest(wide_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """What one example at a time needs: address space and memory, bytes."""
    run = hungry_run(tmp_path_factory.mktemp("modest") / "run", wide_model, 1)
    worker = psutil.Popen([sys.executable, "-m", "studio.training.worker", *arguments(run, wide_model)])
    space = memory = 0
    while worker.poll() is None:
        try:
            now = worker.memory_info()
        except psutil.Error:
            break
        space, memory = max(space, now.vms), max(memory, now.rss)
        try:
            worker.wait(timeout=0.05)
        except psutil.TimeoutExpired:
            continue
    assert read_result(run).state is RunState.FINISHED
    return space, memory


def arguments(run: RunFolder, model: Path) -> list[str]:
    return [str(run.path), "--home", str(run.path.parent), "--model-dir", str(model)]


def test_an_allocation_that_fails_halves_the_batch(modest: tuple[int, int], wide_model: Path, tmp_path: Path) -> None:
    run = hungry_run(tmp_path / "run", wide_model, 16)
    command = [sys.executable, "-c", _LIMITED, str(modest[0] + _ROOM), *arguments(run, wide_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert "train.smaller_batches" in [notice.code for notice in read_progress(run).notices]
    assert read_result(run).state is RunState.FINISHED


@pytest.fixture
def cell(tmp_path: Path, modest: tuple[int, int]) -> Iterator[Path]:
    """An interpreter whose processes share a control group with little memory."""
    name = f"afina-test-{os.getpid()}"
    first = Path("/sys/fs/cgroup/memory") / name
    group, limit = (
        (first, "memory.limit_in_bytes") if first.parent.is_dir() else (Path("/sys/fs/cgroup") / name, "memory.max")
    )
    try:
        group.mkdir()
        (group / limit).write_text(str(modest[1] + _ROOM))
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs && exec {sys.executable} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    yield python
    group.rmdir()


def test_a_worker_that_the_kernel_kills_takes_less_and_goes_on(cell: Path, wide_model: Path, tmp_path: Path) -> None:
    with Plant(tmp_path / "home", wide_model, Random(0), patience=900) as plant:
        run = plant.queue()
        hungry = hungry_run(tmp_path / "hungry", wide_model, 16)
        for source, target in ((hungry.recipe, run.recipe), (hungry.train, run.train)):
            target.write_bytes(source.read_bytes())
        supervisor = Supervisor(plant.workspace, str(cell), interval=0.1)
        supervisor.start()
        plant.wait(run.result.exists)
        plant.wait(lambda: plant.noted(run) is RunState.FINISHED)
        supervisor.close()
        assert read_adjustments(run).micro_batch in (1, 2, 4, 8)
        assert "train.smaller_batches_after_kill" in [notice.code for notice in read_progress(run).notices]
