"""The machine: its own figures, and those of containers and cards that this one may not have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen

import psutil
import pytest
from filelock import FileLock

from studio.domain.recipe import Precision
from studio.models.hardware import Machine, container_memory, machine, parse_gpu
from studio.models.probe import Speed, choose_precision, known_speed, measure_speed
from studio.storage.compute_lock import ComputeLock
from tests.browser.conftest import free_port

MACHINE = Machine(cores=4, cpu="Some CPU", ram_total=8, ram_free=4)


def test_this_machine_has_plausible_figures() -> None:
    found = machine()
    assert 1 <= found.cores <= (psutil.cpu_count() or 1)
    assert 0 < found.ram_free <= found.ram_total <= psutil.virtual_memory().total
    assert (found.device == "cpu") == (found.vram_total == 0)


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    assert container_memory(tmp_path) == (0, 0)
    (tmp_path / "memory.max").write_text("max\n")
    assert container_memory(tmp_path) == (0, 0)
    (tmp_path / "memory.max").write_text("4000000\n")
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    assert container_memory(tmp_path) == (4_000_000, 2_500_000)


def test_the_limit_of_an_older_container_counts(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert container_memory(tmp_path) == (0, 0)
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("4000000\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("1000000\n")
    assert container_memory(tmp_path) == (4_000_000, 1_000_000)


def test_the_answer_of_a_graphics_card_is_read() -> None:
    assert parse_gpu("NVIDIA A10, 24, big, 23028, 22000\n") == ("NVIDIA A10, 24, big", 23028 * 2**20, 22000 * 2**20)
    assert parse_gpu("NVIDIA-SMI has failed because it could not talk to the driver.") == ("", 0, 0)
    assert parse_gpu("X, [N/A], [N/A]") == ("", 0, 0)


def test_before_measuring_a_guess_says_that_it_is_one(tmp_path: Path) -> None:
    guess = known_speed(tmp_path, MACHINE)
    assert not guess.measured
    assert guess.fp32 == pytest.approx(2 * known_speed(tmp_path, Machine(2, "Some CPU", 8, 4)).fp32)


def test_what_was_measured_on_another_machine_does_not_count(tmp_path: Path) -> None:
    speed = {"bf16": 5.0, "fp32": 6.0}
    (tmp_path / "machine.json").write_text(json.dumps({"key": "another", "speed": speed}))
    assert not known_speed(tmp_path, MACHINE).measured
    (tmp_path / "machine.json").write_text("[damaged")
    assert not known_speed(tmp_path, MACHINE).measured


@pytest.mark.model
def test_this_machine_is_measured_once(tmp_path: Path) -> None:
    found = machine()
    speed = measure_speed(tmp_path, found)
    assert speed.measured
    stored = (tmp_path / "machine.json").read_bytes()
    assert measure_speed(tmp_path, found) == speed == known_speed(tmp_path, found)
    assert (tmp_path / "machine.json").read_bytes() == stored


def test_the_format_follows_the_speed_unless_it_is_asked_for() -> None:
    slow, fast = Speed(bf16=40, fp32=90), Speed(bf16=600, fp32=90)
    assert choose_precision(slow) is Precision.FP32
    assert choose_precision(fast) is Precision.BF16
    assert choose_precision(slow, Precision.BF16) is Precision.BF16


def test_apples_graphics_are_chosen_and_share_the_memory() -> None:
    apple = Machine(cores=8, cpu="Apple M2", ram_total=8, ram_free=4, apple_gpu=True)
    assert (apple.device, apple.memory_free) == ("mps", 4)


@pytest.mark.model
def test_a_format_that_crawls_is_given_up(lesser: dict[str, str]) -> None:
    """AVX2 multiplies bf16 a hundred times as slowly as fp32: what is left of it is far from being chosen."""
    ended = subprocess.run(
        [sys.executable, "-m", "studio.models.probe"], env=lesser, check=True, capture_output=True, timeout=300
    )
    assert choose_precision(Speed.model_validate_json(ended.stdout)) is Precision.FP32


@pytest.mark.model
def test_two_servers_measure_once(tmp_path: Path) -> None:
    """The second waits for the first, and finds what that one has kept."""
    both = [Popen([sys.executable, "-m", "studio.models.probe", str(tmp_path)], stdin=PIPE) for _ in range(2)]
    changes = set()
    while any(child.poll() is None for child in both):
        with suppress(FileNotFoundError):
            changes.add((tmp_path / "machine.json").stat().st_mtime_ns)
        time.sleep(0.002)
    assert [child.wait() for child in both] == [0, 0]
    changes.add((tmp_path / "machine.json").stat().st_mtime_ns)
    assert len(changes) == 1


@pytest.mark.model
def test_the_measurement_ends_with_a_killed_server(tmp_path: Path) -> None:
    environment = {**os.environ, "AFINA_HOME": str(tmp_path), "AFINA_PORT": str(free_port())}
    tmp_path.mkdir(exist_ok=True)
    with FileLock(
        ComputeLock(tmp_path).path
    ):  # somebody is being answered: the measurement waits and cannot end by itself
        server = Popen([sys.executable, "-m", "studio", "serve", "--no-open"], env=environment)
        try:
            child = _child(psutil.Process(server.pid), "studio.models.probe")
        finally:
            server.kill()
            server.wait()
        child.wait(timeout=300)


def _child(parent: psutil.Process, module: str) -> psutil.Process:
    while parent.is_running():
        for child in parent.children(recursive=True):
            with suppress(psutil.Error):
                if module in child.cmdline():
                    return child
        time.sleep(0.05)
    raise AssertionError("the server ended")
