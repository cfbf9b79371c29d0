"""How fast this machine multiplies matrices: ``python -m studio.models.probe``, once per processor and torch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from studio.domain.recipe import Precision
from studio.models.hardware import Machine
from studio.models.json_file import read_object
from studio.storage.files import write_atomic

if TYPE_CHECKING:
    import torch

_SECONDS: Final = 0.4  # of measuring, each format
_SHAPE: Final = (512, 768, 2048)  # rows, inner, columns: a product of a small model's size
_BLOCK: Final = 8  # products timed together; the fastest block counts
_TIMEOUT: Final = 120.0  # seconds; importing torch from a slow disk takes most of it
_GAIN: Final = 1.2  # bf16 must be this much faster on a processor to be worth its coarser numbers
_GUESSED_PER_CORE: Final = 25.0  # GFLOP/s in fp32 of a core of an ordinary laptop, before anything is measured
_GUESSED_GPU: Final = 10_000.0


class Speed(BaseModel):
    """Measured speed of matrix products, in 10^9 floating-point operations a second."""

    model_config = ConfigDict(frozen=True)

    bf16: float = Field(gt=0)
    fp32: float = Field(gt=0)
    measured: bool = Field(default=True, description="False for a guess from the number of cores.")

    def of(self, precision: Precision) -> float:
        """Speed in a number format; AUTO is the one that would be chosen."""
        return self.bf16 if precision is Precision.BF16 else self.fp32


def choose_precision(speed: Speed, wanted: Precision = Precision.AUTO) -> Precision:
    """BF16 where it is worth it on this machine, FP32 elsewhere; ``wanted`` where it is not AUTO."""
    if wanted is not Precision.AUTO:
        return wanted
    return Precision.BF16 if speed.bf16 >= _GAIN * speed.fp32 else Precision.FP32


def known_speed(home: Path, machine: Machine) -> Speed:
    """The speed measured earlier on this machine, or a guess that says that it is one."""
    stored = read_object(home / "machine.json")
    if stored.get("key") == _key(machine):
        try:
            return Speed.model_validate(stored.get("speed"))
        except ValueError:
            pass
    guess = _GUESSED_GPU if machine.gpu_name else _GUESSED_PER_CORE * machine.cores
    return Speed(bf16=2 * guess if machine.gpu_name else guess / 2, fp32=guess, measured=False)


def measure_speed(home: Path, machine: Machine) -> Speed:
    """Measures in a child process (about 3 seconds) and keeps the result in ``machine.json``.

    A machine that cannot be measured is guessed: a missing figure must not stop anybody.
    """
    known = known_speed(home, machine)
    if known.measured:
        return known
    command = [sys.executable, "-m", "studio.models.probe", machine.device]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=True)
        speed = Speed.model_validate_json(answer.stdout.strip().splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return known
    write_atomic(home / "machine.json", json.dumps({"key": _key(machine), "speed": speed.model_dump()}, indent=2))
    return speed


def _key(machine: Machine) -> str:
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return f"{machine.cpu} | {machine.cores} | {machine.gpu_name} | torch {torch}"


def _gflops(dtype: torch.dtype, device: str) -> float:
    import torch

    rows, inner, columns = _SHAPE if device == "cpu" else (4096, 4096, 4096)
    left = torch.ones(rows, inner, dtype=dtype, device=device)
    right = torch.ones(inner, columns, dtype=dtype, device=device)
    out = left @ right  # the first product is slow: it chooses a kernel
    # while a server and a browser start, most blocks are disturbed; the machine's speed is that of the others
    fastest, began = float("inf"), time.perf_counter()
    while (now := time.perf_counter()) - began < _SECONDS:
        for _ in range(_BLOCK):
            torch.mm(left, right, out=out)
        _ = out[0, 0].item()  # a graphics card answers only when it is done
        fastest = min(fastest, time.perf_counter() - now)
    return 2 * rows * inner * columns * _BLOCK / fastest / 1e9


def main(arguments: list[str]) -> int:
    """Entry point of the child process: prints a :class:`Speed` as JSON."""
    import torch

    device = arguments[0] if arguments else "cpu"
    speed = Speed(bf16=_gflops(torch.bfloat16, device), fp32=_gflops(torch.float32, device))
    print(speed.model_dump_json())  # noqa: T201 - read by the parent
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
