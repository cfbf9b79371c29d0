"""What a worker takes of its machine: cores, memory, graphics card, disk. Read every few seconds, at little cost."""

from __future__ import annotations

import time

import psutil

from studio.domain.event import Usage
from studio.models.hardware import memory


class ResourceMonitor:
    """Reads the process that it is made in, and the machine around it, every ``interval`` seconds."""

    def __init__(self, interval: float = 4.0) -> None:
        self._interval = interval
        self._process = psutil.Process()
        self._due = time.monotonic() + 1.0  # the share of the cores needs a while to be taken over
        self._process.cpu_percent()
        psutil.cpu_percent()

    def sample(self) -> Usage | None:
        """A reading when one is due, else None."""
        now = time.monotonic()
        if now < self._due:
            return None
        self._due = now + self._interval
        total, free = memory()
        card = _card()
        return Usage(
            time=time.time(),
            cpu=min(1.0, self._process.cpu_percent() / 100 / (psutil.cpu_count() or 1)),
            machine_cpu=psutil.cpu_percent() / 100,
            memory=self._process.memory_info().rss,
            memory_free=free,
            memory_total=total,
            gpu=card[0],
            vram=card[1],
            vram_total=card[2],
        )


def _card() -> tuple[float | None, int | None, int | None]:
    """Share of the time that the graphics card computes, its memory in use and in all; None without a card."""
    import torch

    if not torch.cuda.is_available():
        return None, None, None
    free, total = torch.cuda.mem_get_info()
    try:
        busy = torch.cuda.utilization() / 100
    except Exception:  # the driver's library is not installed, or does not tell this of the card
        busy = None
    return busy, total - free, total
