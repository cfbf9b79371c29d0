"""bf16 or fp32: a short measurement of matrix products on this machine decides, once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.event import Started
from studio.domain.recipe import Precision
from studio.models.hardware import machine
from studio.models.probe import choose_precision, known_speed
from studio.storage.workspace import RunFolder
from studio.training.events import read_events

if TYPE_CHECKING:
    import torch

_SIZE: Final = 768
_SECONDS: Final = 0.15  # of measuring, each format
_GAIN: Final = 1.2  # bf16 must be this much faster to be worth its coarser numbers


def settled(wanted: Precision, device: str, folder: RunFolder, home: Path) -> Precision:
    """BF16 or FP32 for a run: as it began, else as this machine was measured when the studio started, else measured now.

    Args:
        wanted: by the recipe.
        device: that trains.
        folder: of the run; one that goes on keeps its number format, whatever is measured on that day.
        home: of the workspace, with the measurement.
    """
    if wanted is not Precision.AUTO or device != "cpu":
        return choose(wanted, device)
    for event in read_events(folder.events)[0]:
        if isinstance(event, Started):
            return Precision(event.precision)
    speed = known_speed(home, machine())
    return choose_precision(speed) if speed.measured else choose(wanted, device)


def choose(wanted: Precision, device: str) -> Precision:
    """BF16 or FP32 for this device; measured where ``wanted`` is AUTO."""
    import torch

    if wanted is not Precision.AUTO:
        return wanted
    if device != "cpu":
        return Precision.BF16 if torch.cuda.is_bf16_supported() else Precision.FP32
    fast = products_per_second(torch.bfloat16) > _GAIN * products_per_second(torch.float32)
    return Precision.BF16 if fast else Precision.FP32


def number_format(precision: Precision) -> torch.dtype:
    """Of the base's weights and products."""
    import torch

    return torch.bfloat16 if precision is Precision.BF16 else torch.float32


def products_per_second(dtype: torch.dtype, size: int = _SIZE, seconds: float = _SECONDS) -> float:
    """Floating-point operations a second of square matrix products: ``2 size^3`` each."""
    import torch

    a = torch.ones(size, size, dtype=dtype)
    b = torch.ones(size, size, dtype=dtype)
    out = torch.empty(size, size, dtype=dtype)
    torch.mm(a, b, out=out)
    done = 0
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        torch.mm(a, b, out=out)
        done += 1
    return 2 * size**3 * done / passed
