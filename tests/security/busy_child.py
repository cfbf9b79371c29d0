"""A child as those of exports, which says its number and computes until it is ended."""

from __future__ import annotations

import os

from studio.sharing.exporters.child import run_as_child, tell


def _work() -> None:
    tell(phase=str(os.getpid()))
    while True:
        sum(range(1_000))


if __name__ == "__main__":
    run_as_child(_work)
