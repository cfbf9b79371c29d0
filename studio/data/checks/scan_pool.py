"""Facts of a large set, made by several processes while its file is still being written."""

from __future__ import annotations

import gc
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Final

from studio.data.checks.facts import Facts, joined
from studio.data.checks.scanner import Scanner
from studio.data.versions.rows import line_starts
from studio.errors import AfinaError, from_exception

_MAX_WORKERS: Final = 4  # more would wait for the process that reads
_BLOCK_BYTES: Final = 2 << 20


class ScanPool:
    """Processes that scan blocks of a version's file. Close it in the end."""

    def __init__(self) -> None:
        workers = min(_MAX_WORKERS, os.cpu_count() or 1)
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_prepare)
        self._blocks: deque[tuple[int, Future[Facts]]] = deque()
        self._submitted = 0

    def submit(self, paths: tuple[Path, Path], start: int, end: int) -> None:
        """Takes the next block; see :func:`studio.data.versions.rows.write_rows`."""
        future = self._pool.submit(_scan, paths, start, end)
        self._submitted = max(self._submitted, end)
        self._blocks.append((end, future))

    def submit_file(self, path: Path) -> None:
        """Takes all blocks of a finished file. Raises ``disk.missing`` …"""
        starts = line_starts(path)
        start, size = 0, int(starts[-1])
        while start < size:
            end = int(starts[starts.searchsorted(min(start + _BLOCK_BYTES, size))])
            self.submit((path, path), start, end)
            start = end

    def facts(self, on_share: Callable[[float], None] | None = None) -> Facts:
        """Waits for all blocks and returns their facts, in the order of the file.

        Args:
            on_share: told the share of the bytes that were scanned, 0 to 1.

        Raises:
            AfinaError: what a process met; ``general.unexpected`` when one ended before its time.
        """

        def parts() -> Iterator[Facts]:
            while self._blocks:
                end, future = self._blocks.popleft()  # let go of at once: all blocks together are as large again
                yield future.result()
                if on_share is not None:
                    on_share(end / max(1, self._submitted))

        try:
            return joined(parts())
        except Exception as error:
            raise from_exception(error) from error

    def close(self) -> None:
        """Ends the processes; what they work on is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _prepare() -> None:
    """Runs first in each process, which must not outlive the one that started it."""
    gc.disable()  # nothing that is made here refers to itself
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _scanner()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


@cache
def _scanner() -> Scanner:
    """The scanner of this process: it remembers texts from block to block."""
    return Scanner()


def _scan(paths: tuple[Path, Path], start: int, end: int) -> Facts:
    """Runs in a process: the facts of the lines between two places of a file that may be given its name meanwhile."""
    for path in paths:
        try:
            with path.open("rb") as file:
                file.seek(start)
                lines = file.read(end - start).splitlines()
        except FileNotFoundError:
            continue
        return _scanner().scan_lines(lines)
    raise AfinaError("disk.missing", path=str(paths[-1]))
