"""Facts of a version's file, made by several processes where there are so many examples that this is worth their start."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Final

from studio.data.checks.facts import Facts, joined
from studio.data.checks.scanner import Scanner
from studio.data.limits import LARGE
from studio.data.versions.rows import line_starts
from studio.errors import from_exception

_MAX_WORKERS: Final = 4
_BLOCK_LINES: Final = 500  # between two looks at whether a person stops it, and what a process takes at once


def scan_file(path: Path, on_share: Callable[[float], None]) -> Facts:
    """The facts of the examples in a file, in its order.

    Args:
        path: one example a line.
        on_share: told the share that was scanned, 0 to 1; what it raises ends the scan.

    Raises:
        AfinaError: ``disk.missing``, ``general.unexpected`` when a process ended before its time …
    """
    starts = line_starts(path)[:-1:_BLOCK_LINES].tolist()
    ends = [*starts[1:], path.stat().st_size]

    def told(blocks: Iterator[Facts]) -> Iterator[Facts]:
        for number, facts in enumerate(blocks, start=1):
            on_share(number / len(starts))
            yield facts

    if len(starts) * _BLOCK_LINES <= LARGE:
        return joined(told(map(_scan, [path] * len(starts), starts, ends)))
    workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_prepare)
    try:
        return joined(told(pool.map(_scan, [path] * len(starts), starts, ends, chunksize=8)))
    except OSError as error:
        raise from_exception(error) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


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


def _scan(path: Path, start: int, end: int) -> Facts:
    """The facts of the lines between two places of a file."""
    with path.open("rb") as file:
        file.seek(start)
        return _scanner().scan_lines(file.read(end - start).splitlines())
