"""Threads that each compute their share of a batch from end to end.

Two cores that work on two halves of a batch meet once a step. Two cores that share each product meet several thousand
times a step, and whenever something else takes one of them, the other waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Work = TypeVar("Work")


class WorkerThreads:
    """A fixed number of threads, each with one core.

    Args:
        count: of threads; one for the calling thread with all cores.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, "thread", torch.set_num_threads, (1,)) if count > 1 else None

    def run(self, function: Callable[[Work], float], works: Sequence[Work]) -> float:
        """The sum of ``function`` over ``works``, at most ``count`` of them, one a thread, in order."""
        if self._pool is None or len(works) == 1:
            return sum(map(function, works))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # also what MKL reads, whichever thread asks it
        try:
            return sum(self._pool.map(function, works))
        finally:
            torch.set_num_threads(threads)
