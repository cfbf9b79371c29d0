"""Functions compiled for this processor by Numba when they are first called, the code kept on disk where it can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

Function = Callable[..., Any]


def compiled(**options: Any) -> Callable[[Function], Function]:
    """A decorator of :func:`numba.njit`, without Python's lock while the function runs.

    The code is kept beside the source, or in the user's cache folder where that cannot be written. Where neither can,
    every process compiles for itself.

    Args:
        options: of :func:`numba.njit`.
    """

    def decorate(function: Function) -> Function:
        try:
            made: Function = njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # no folder can be written
            made = njit(nogil=True, **options)(function)
        return made

    return decorate


def is_kept(function: Any) -> bool:
    """Whether the code of a function of :func:`compiled` is on disk, or can never be: nothing is to be gained by waiting."""
    folder = function.stats.cache_path if hasattr(function, "stats") else None  # plain Python with NUMBA_DISABLE_JIT
    return folder is None or any(Path(folder).glob(f"*.{function.__name__}-*.nbi"))
