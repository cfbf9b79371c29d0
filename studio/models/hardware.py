"""What this machine has: cores, memory (the container's, where there is one), graphics card. No torch."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

_QUERY = "--query-gpu=name,memory.total,memory.free"
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Machine:
    """A machine, as far as training and answering care. Sizes are bytes.

    Args:
        gpu_name: empty without a usable NVIDIA card; ``vram_*`` are 0 then.
        apple_gpu: whether it has Apple's graphics, which share the memory of the processor.
    """

    cores: int
    cpu: str
    ram_total: int
    ram_free: int
    gpu_name: str = ""
    vram_total: int = 0
    vram_free: int = 0
    apple_gpu: bool = False

    @property
    def device(self) -> str:
        return "cuda:0" if self.gpu_name else "mps" if self.apple_gpu else "cpu"

    @property
    def memory_free(self) -> int:
        """Free memory of the device that trains, in bytes."""
        return self.vram_free if self.gpu_name else self.ram_free


def machine() -> Machine:
    """This machine, now."""
    total, free = memory()
    name, vram_total, vram_free = _first_gpu()
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return Machine(_cores(_CGROUPS), _cpu_name(), total, free, name, vram_total, vram_free, apple)


def memory() -> tuple[int, int]:
    """Memory in all and free memory in bytes: of the container where there is one."""
    here = psutil.virtual_memory()
    limit, used = container_memory(_CGROUPS)
    return (
        (min(here.total, limit), max(0, min(here.available, limit - used))) if limit else (here.total, here.available)
    )


def container_memory(root: Path) -> tuple[int, int]:
    """Limit and use of memory of the container this runs in, in bytes; zeros where there is no limit.

    Cached files count as free: the kernel gives them up when memory is asked for.

    Args:
        root: where control groups are mounted, version 2 or 1.
    """
    for limit_file, used_file, cached_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit = _number(root / limit_file)
        if not limit or limit >= 2**60:  # version 1 says "no limit" with a huge number
            continue
        cached = _stat(root / limit_file, cached_name)
        return limit, max(0, _number(root / used_file) - cached)
    return 0, 0


def parse_gpu(answer: str) -> tuple[str, int, int]:
    """Name, memory in all and free memory in bytes of the first card in the answer of ``nvidia-smi``."""
    for line in answer.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 2)]
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            return parts[0], int(parts[1]) * 2**20, int(parts[2]) * 2**20
    return "", 0, 0


def _first_gpu() -> tuple[str, int, int]:
    program = shutil.which("nvidia-smi")
    if program is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "", 0, 0
    try:
        answer = subprocess.run(
            [program, _QUERY, "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "", 0, 0
    return parse_gpu(answer.stdout)


def _cores(root: Path) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return min(cores, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _stat(limit_file: Path, name: str) -> int:
    try:
        lines = (limit_file.parent / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)
