"""A child as those of exports, which says its number and computes until it is ended."""

from __future__ import annotations

import os

from studio.processes.child import say, work_as_child


def _work() -> None:
    say(phase=str(os.getpid()))
    while True:
        sum(range(1_000))


if __name__ == "__main__":
    work_as_child(_work)
