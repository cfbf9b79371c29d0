"""The table of the faults: rounds are noted in a file as they end, so that a long series can be run in pieces.

``FAULTS_RECORD=rounds.jsonl pytest tests/faults -m slow`` notes them;
``python -m tests.faults.table rounds.jsonl`` prints the table.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.plant import INTERVAL, STEPS, Round

_HEAD = ("fault", "rounds", "ended finished", "most starts", "most steps taken again", "largest loss difference")


def note(path: Path, name: str, result: Round) -> None:
    """Adds one round to the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"fault": name} | asdict(result)) + "\n")


def read(path: Path) -> dict[str, list[Round]]:
    """The rounds of a file, by their fault."""
    found: dict[str, list[Round]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        values = json.loads(line)
        found.setdefault(values.pop("fault"), []).append(Round(**values))
    return found


def table(rounds: Mapping[str, Sequence[Round]]) -> list[str]:
    """The lines of a Markdown table. Every round that is noted ended finished: one that does not fails its test."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|---" + "|---:" * (len(_HEAD) - 1) + "|"]
    for name in (name for name in FAULTS if rounds.get(name)):
        results = rounds[name]
        values = (
            name,
            str(len(results)),
            str(len(results)),
            str(max(r.starts for r in results)),
            f"{max(r.repeated for r in results)} of {STEPS}",
            f"{max(r.difference for r in results):.0e}" if max(r.difference for r in results) else "0",
        )
        lines.append("| " + " | ".join(values) + " |")
    return [*lines, "", f"A checkpoint is written every {INTERVAL} steps."]


if __name__ == "__main__":
    print("\n".join(table(read(Path(sys.argv[1])))))
