"""Compiles what large sets need before it is needed, in a process of its own: ``python -m studio.data.checks.warmup``.

`make install` does so; else the first large set. The compiler's memory goes with the process.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from studio.compiled import is_kept


def compile_now() -> None:
    """Compiles, or reads from disk what was compiled before: some seconds the first time."""
    from studio.data.checks.fast_scan import BatchScanner
    from studio.data.checks.scanner import Scanner
    from studio.data.similarity import minhash_kernels, minhash_parallel
    from studio.data.similarity.minhash import spaced
    from studio.domain.conversation import Conversation

    Scanner(BatchScanner()).scan([Conversation.pair("Where is my parcel?", "It is on its way.")])
    two = ["two short texts", "two short words"]
    minhash_parallel.roots_of(two, None, 0.8)
    minhash_kernels.near_enough(*spaced(two), 0.8, np.zeros(1, np.bool_))
    minhash_kernels.firsts(np.zeros(1, np.uint64), np.zeros(1, np.int64), np.zeros(1, np.int64))


def compile_aside() -> None:
    """Has another process compile, and waits for it, unless the code is on disk or cannot be kept there."""
    from studio.data.checks import fast_scan_kernel

    if not is_kept(fast_scan_kernel.look):
        subprocess.run([sys.executable, "-m", __name__], stdin=subprocess.DEVNULL, check=False)


def main() -> int:
    """Entry point: code that cannot be compiled ahead stops nobody, so the exit code is 0 and stderr says why."""
    try:
        compile_now()
    except Exception as error:  # a compiler's own kinds, too
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        sys.stderr.write(f"Warning: nothing compiled for large sets ({type(error).__name__}: {reason})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
