"""Reads each hostile input in a process of its own, which may take 10 seconds and 2 GB, and says what came of it.

    python -m tests.data.hostile.runner OUT.jsonl [FIRST:STEP]

The libraries are loaded once; each input gets a fork of this process.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SECONDS = 10  # of computing
WAITING = 60  # seconds on the clock, for what hangs without computing; the machine may be busy with others
BYTES = 2 << 30


def outcome(file: Path, folder: Path) -> dict[str, Any]:
    """Reads, checks, fixes and exports one file, as the studio would."""
    from studio.data.checks import registry
    from studio.data.checks.dataset import ScannedDataset
    from studio.data.checks.report import Report
    from studio.data.importing.pipeline import read_files
    from studio.data.versions.export import WRITERS
    from studio.i18n.catalog import catalog

    result = read_files([file])
    for conversation in result.conversations:
        for message in conversation.messages:
            message.content.encode("utf-8")  # lone surrogates would fail here, and everywhere later
            if "\0" in message.content:
                raise ValueError("a NUL was let through")
    dataset = ScannedDataset.of(result.conversations[:2_000])
    report = Report.of(dataset)
    fixed = registry.fix(dataset, *registry.fixable(report.findings))
    for suffix, write in WRITERS.items():
        write(folder / f"out.{suffix}", (*dataset.conversations, *fixed.conversations))
    text = (folder / "out.csv").read_text(encoding="utf-8-sig")
    sentences = [catalog(locale).problem(problem) for problem in result.problems for locale in ("en", "pt")]
    return {
        "examples": len(result.conversations),
        "codes": [problem.code for problem in result.problems],
        "first": [[c.question[:200], c.answer[:200]] for c in result.conversations[:3]],
        "sentences": [sentence[:300] for sentence in sentences],
        "formula": any(line.startswith(("=", "@", '"=', '"@')) for line in text.splitlines()),
        "secret": "root:" in text,
    }


def _child(name: str, data: bytes, file_name: str, pipe: int) -> None:
    """Runs one input under its limits and ends the process."""
    code = 0
    try:
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        signal.alarm(WAITING)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / file_name
            file.write_bytes(data)
            del data
            started = time.monotonic()
            found = outcome(file, Path(folder))
            found["seconds"] = round(time.monotonic() - started, 2)
            found["left"] = sorted(path.name for path in Path(folder).iterdir())
            found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        os.write(pipe, json.dumps({"name": name, **found}).encode()[:60_000])
    except BaseException as error:
        os.write(pipe, json.dumps({"name": name, "crash": f"{type(error).__name__}: {error}"[:500]}).encode())
        code = 1
    finally:
        os._exit(code)


def run(hostile: Any) -> dict[str, Any]:
    """What came of one input; ``crash`` names how its process ended, if not well."""
    data = hostile.data()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(hostile.name, data, hostile.file, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if said:
        return dict(json.loads(said))
    how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
    return {"name": hostile.name, "crash": how}


def main() -> None:
    """Runs the corpus, or every nth input of it."""
    from tests.data.hostile.corpus import CORPUS

    # Loaded before the forks: each input would load them again.
    for module in ("studio.data.checks.report", "studio.data.versions.export", "studio.i18n.catalog", "python_calamine", "openpyxl",
                   "pyarrow.parquet", "pyarrow.ipc", "ftfy", "phonenumbers", "charset_normalizer", "stdnum.br.cpf"):  # fmt: skip
        importlib.import_module(module)
    first, step = map(int, (sys.argv[2] if len(sys.argv) > 2 else "0:1").split(":"))
    with Path(sys.argv[1]).open("w", encoding="utf-8") as out:
        for hostile in CORPUS[first::step]:
            out.write(json.dumps(run(hostile)) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
