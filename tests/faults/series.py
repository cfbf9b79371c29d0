"""A long series of rounds, one of each fault in turn, in pieces and side by side if need be.

``python -m tests.faults.series MODEL RECORD --rounds 20`` goes on where the record stands, until each fault has its
rounds or ``--minutes`` are over. MODEL is the folder of an installed model, the tinier the better.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.rounds import one_round, undisturbed_losses
from tests.faults.table import note, read, table

_PATIENCE = 1800.0  # seconds for one wait: a busy machine is no failure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("record", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10**6)
    parser.add_argument("--first", type=int, default=0, help="number of the fault to begin with")
    chosen = parser.parse_args()
    deadline = time.monotonic() + 60 * chosen.minutes
    losses = undisturbed(chosen.model, chosen.record.with_suffix(".calm.json"))
    names = [*FAULTS][chosen.first :] + [*FAULTS][: chosen.first]
    while time.monotonic() < deadline:
        done = read(chosen.record)
        due = [name for name in names if len(done.get(name, [])) < chosen.rounds]
        if not due:
            break
        name = min(due, key=lambda name: len(done.get(name, [])))
        names.remove(name)
        names.append(name)
        play(name, chosen.model, chosen.record, losses)
    print("\n".join(table(read(chosen.record))))


def play(name: str, model: Path, record: Path, losses: list[float]) -> None:
    """One round; what fails is told in full, and noted in a file of its own."""
    seed = time.time_ns()
    with tempfile.TemporaryDirectory(prefix="afina-fault-") as folder:
        try:
            note(record, name, one_round(name, seed, Path(folder) / "disk", model, losses, _PATIENCE))
        except Exception:
            text = f"{name}, seed {seed}\n{traceback.format_exc()}\n"
            with record.with_suffix(".failed.txt").open("a", encoding="utf-8") as file:
                file.write(text)
            print(text, flush=True)


def undisturbed(model: Path, path: Path) -> list[float]:
    """The losses to compare with, from the file where they are known."""
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="afina-fault-") as folder:
            path.write_text(json.dumps(undisturbed_losses(Path(folder) / "home", model, _PATIENCE)), encoding="utf-8")
    losses: list[float] = json.loads(path.read_text(encoding="utf-8"))
    return losses


if __name__ == "__main__":
    main()
