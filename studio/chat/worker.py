"""The chat worker: ``python -m studio.chat.worker --model-dir DIR --home HOME``.

Reads requests from stdin and writes replies to stdout, one JSON object a line (:mod:`studio.chat.protocol`). It ends
when stdin ends, because then the web process is gone, and when nobody has asked for a while. While it answers, a run
that trains on the same computer pauses between two steps.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from studio.chat.protocol import REQUEST, Cancel, Generate, Reply, Warm
from studio.processes.child import give_way
from studio.storage.compute_lock import ComputeLock
from studio.storage.uses import using

if TYPE_CHECKING:
    from studio.chat.engine import Engine

_AFTERGLOW: Final = 0.2  # seconds for which the cores stay taken after an answer, as the next question often follows


def main(arguments: list[str]) -> int:
    """Entry point. Returns the exit code: 0 at the end of stdin or after the idle time."""
    parser = argparse.ArgumentParser(prog="studio.chat.worker")
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--idle-minutes", type=float, default=10.0)
    given = parser.parse_args(arguments)
    give_way()
    with _reserved_stdout() as out, using(given.model_dir, "chat"):
        inbox: queue.SimpleQueue[Generate | Warm | Cancel] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(sys.stdin.buffer, inbox), daemon=True).start()
        _serve(given.model_dir, given.home, given.idle_minutes * 60, inbox, out)
    return 0


def _serve(
    model_dir: Path, home: Path, idle: float, inbox: queue.SimpleQueue[Generate | Warm | Cancel], out: IO[str]
) -> None:
    from studio.chat.request_handler import RequestHandler

    def send(reply: Reply) -> None:
        out.write(reply.model_dump_json(exclude_defaults=True) + "\n")
        out.flush()

    compute_lock = ComputeLock(home)
    handler = RequestHandler(model_dir, lambda: load_engine(model_dir, home), send)
    last = time.monotonic()
    while True:
        patience = 0.0 if handler.is_busy else _AFTERGLOW if compute_lock.is_held else idle
        try:
            request = inbox.get(timeout=patience) if patience else inbox.get_nowait()
        except queue.Empty:
            if not handler.is_busy:
                compute_lock.release()
                if time.monotonic() - last >= idle:
                    return
        else:
            last = time.monotonic()
            compute_lock.hold()
            handler.take(request)
            continue  # whoever asked at the same moment joins the same batch
        if handler.is_busy:
            last = time.monotonic()
            compute_lock.hold()
            handler.step()


def _listen(lines: IO[bytes], inbox: queue.SimpleQueue[Generate | Warm | Cancel]) -> None:
    code = 0
    try:
        for line in lines:
            inbox.put(REQUEST.validate_json(line))
    except Exception:  # a reader that fails in silence would leave every later question without an answer
        traceback.print_exc()
        code = 1
    os._exit(
        code
    )  # the web process is gone, or another worker must be had: end at once, in the middle of an answer too


def _reserved_stdout() -> IO[str]:
    """The real stdout, for replies only: what libraries print goes to stderr."""
    replies = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(replies, "w", encoding="utf-8", newline="\n")


def load_engine(model_dir: Path, home: Path) -> Engine:
    """The engine of a base model, in the number format that is fastest here. Raises what loading weights raises."""
    import torch

    from studio.chat.engine import Engine
    from studio.models.hardware import machine
    from studio.models.probe import choose_precision, speed_here
    from studio.models.processor import best_device, number_format

    torch.set_num_threads(max(1, machine().cores))
    return Engine(model_dir, number_format(choose_precision(speed_here(home))), best_device())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
