"""How fast this machine multiplies matrices: ``python -m studio.models.probe``, once per processor and torch."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from pydantic import Field

from studio.domain.recipe import Precision
from studio.domain.value import Value
from studio.errors import AfinaError
from studio.models.hardware import Machine, machine
from studio.models.json_file import read_object
from studio.processes.child import end_with_parent, run_child
from studio.storage.compute_lock import ComputeLock
from studio.storage.files import write_atomic

if TYPE_CHECKING:
    import torch

_SECONDS: Final = 0.25  # of measuring, each format
_SMALL: Final = (64, 256, 256)  # rows, inner, columns; a format that crawls takes 10 ms and more even for this one
_SHAPE: Final = (512, 768, 2048)  # a product of a small model's size
_SHAPE_OF_CARDS: Final = (4096, 4096, 4096)
_BRIEFLY: Final = 0.05  # seconds
_CRAWLS: Final = 3.0  # 10^9 operations a second of a core: what is slower than this is emulated
_BLOCK: Final = 8  # products timed together; the fastest block counts
_PATIENCE: Final = 20.0  # seconds that the measurement waits for answers to end
_TIMEOUT: Final = 120.0  # seconds; importing torch from a slow disk takes most of it
_MIN_BF16_SPEEDUP: Final = 1.2  # bf16 must be this much faster on a processor to be worth its coarser numbers
_GUESSED_PER_CORE: Final = 25.0  # GFLOP/s in fp32 of a core of an ordinary laptop, before anything is measured
_GUESSED_GPU: Final = 10_000.0


class Speed(Value):
    """Measured speed of matrix products, in 10^9 floating-point operations a second."""

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
    return Precision.BF16 if speed.bf16 >= _MIN_BF16_SPEEDUP * speed.fp32 else Precision.FP32


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


def measure_speed(home: Path, machine: Machine, cancelled: Callable[[], bool] = lambda: False) -> Speed:
    """Measures in a child process (about 2 seconds) and keeps the result in ``machine.json``.

    A machine that cannot be measured is guessed: a missing figure must not stop anybody.

    Args:
        cancelled: asked all the time; True ends the child.
    """
    known = known_speed(home, machine)
    if known.measured:
        return known
    ends = time.monotonic() + _TIMEOUT
    try:
        run_child("studio.models.probe", [home], cancelled=lambda: cancelled() or time.monotonic() > ends)
    except (OSError, AfinaError):
        return known
    return known_speed(home, machine)


def speed_here(home: Path) -> Speed:
    """The speed of this machine, measured in this very process where it is not known. Needs torch.

    Whoever comes second while it is measured waits, and takes what the first has found.
    """
    from studio.models.processor import best_device

    here = machine()
    known = known_speed(home, here)
    if known.measured:
        return known
    with FileLock(home / "machine.lock"):
        known = known_speed(home, here)
        if known.measured:
            return known
        speed = measured(best_device())
        document = {"key": _key(here), "speed": speed.model_dump()}
        write_atomic(home / "machine.json", json.dumps(document, indent=2))
    return speed


def measured(device: str) -> Speed:
    """Measures now, half a second or less."""
    import torch

    return Speed(bf16=_gflops(torch.bfloat16, device), fp32=_gflops(torch.float32, device))


def _key(machine: Machine) -> str:
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return f"{machine.cpu} | {machine.cores} | {machine.gpu_name} | torch {torch}"


def _gflops(dtype: torch.dtype, device: str) -> float:
    """10^9 operations a second of one number format; one that crawls is given up after some small products."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine make a fast format look slow
    try:
        core = _speed(_SMALL, dtype, device, _BRIEFLY)
        if core >= _CRAWLS:
            core = _speed(_SHAPE if device == "cpu" else _SHAPE_OF_CARDS, dtype, device, _SECONDS)
    finally:
        torch.set_num_threads(threads)
    return core * threads if device == "cpu" else core


def _speed(shape: tuple[int, int, int], dtype: torch.dtype, device: str, seconds: float) -> float:
    """10^9 operations a second of matrix products of one shape.

    Of a processor the time counts that it computes, and the fastest products: the speed is kept, and a machine that was busy
    once must not be called slow ever after.

    Args:
        shape: rows, inner, columns.
        seconds: of measuring.
    """
    import torch

    rows, inner, columns = shape
    left = torch.ones(rows, inner, dtype=dtype, device=device)
    right = torch.ones(inner, columns, dtype=dtype, device=device)
    out = torch.empty(rows, columns, dtype=dtype, device=device)
    clock = time.process_time if device == "cpu" else time.perf_counter

    def timed(count: int) -> float:
        began = clock()
        for _ in range(count):
            torch.mm(left, right, out=out)
        _ = out[0, 0].item()  # a graphics card answers only when it is done
        return clock() - began

    block = 1 if timed(1) > _BRIEFLY else _BLOCK  # the first product chooses a kernel and does not count
    fastest, ends = timed(block), time.perf_counter() + seconds
    while time.perf_counter() < ends:
        fastest = min(fastest, timed(block))
    return block * 2e-9 * rows * inner * columns / fastest


def main(arguments: list[str]) -> int:
    """Entry point: measures and prints a :class:`Speed` as JSON; the child of a studio is given its home and keeps it there.

    While it measures, a run pauses between two steps, and it waits while somebody is answered.
    """
    if not arguments:
        from studio.models.processor import best_device

        print(measured(best_device()).model_dump_json())  # noqa: T201 - asked for
        return 0
    end_with_parent()
    from studio.models import processor  # noqa: F401 - torch, before anybody is made to wait

    home = Path(arguments[0])
    try:
        with FileLock(ComputeLock(home).path, timeout=_PATIENCE):
            speed_here(home)
    except Timeout:  # a busy demo
        speed_here(home)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
