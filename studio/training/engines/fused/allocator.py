"""Memory of the process: freed memory is kept for the next step instead of being given back."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

# Parameters of mallopt(3). Fresh pages are filled with zeros by the kernel, which costs more here than the product
# that is written into them; so the allocator is told to keep what a step has freed.
_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
_ARENAS: Final = -8  # one for all threads: with one each, what a thread has freed is of no use to the others
_LARGEST_ALLOWED: Final = 32 * 2**20


def keep_freed_memory() -> None:
    """Tells glibc to reuse freed blocks. Does nothing on other systems."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # musl has no mallopt
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_ALLOWED)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 2**26)
    mallopt(_ARENAS, 1)


def peak_memory() -> int:
    """The most memory that this process has had, in bytes; what it has now where the system does not say."""
    import psutil

    try:
        import resource
    except ImportError:  # Windows keeps the peak with the process
        info = psutil.Process().memory_info()
        return int(getattr(info, "peak_wset", info.rss))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
