"""Reads, checks and shows a large CSV through the services that the page calls, and measures time and memory.

    python -m benchmarks.large_files [--rows 1000000] [--fix] [--csv FILE]

The CSV is our own text (:mod:`benchmarks.large_rows`). Memory is the proportional set size of this process and all that it
started, looked at once a second.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.large_rows import write_csv
from studio.app import build_services
from studio.processes.job_registry import JobState
from studio.services.container import Services
from studio.services.examples.imports import ImportRequest
from studio.settings import Settings


class Memory:
    """Watches what this process and its children hold."""

    def __init__(self) -> None:
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        own = psutil.Process()
        while True:
            total = 0
            for process in [own, *own.children(recursive=True)]:
                try:
                    total += _held(process)
                except (psutil.Error, OSError):
                    continue
            self.peak = max(self.peak, total)
            time.sleep(1)


def _held(process: psutil.Process) -> int:
    """Bytes of a process; what it shares with others in equal parts, where the system says so."""
    try:
        told = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except FileNotFoundError:
        return int(process.memory_info().rss)
    return sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) * 1024


def timed(name: str, work: Callable[[], object]) -> float:
    """Runs something and prints how long it took, in seconds."""
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"{name:<34} {seconds:8.2f} s", flush=True)
    return seconds


def bring(services: Services, project: str, csv: Path) -> None:
    """Imports a file as the page does, saying when a phase begins."""
    started = time.perf_counter()
    services.imports.start(project, ImportRequest(paths=(csv,)))
    phase = ""
    while (progress := services.imports.progress(project)) is not None and progress.is_active:
        if progress.stage != phase:
            phase = progress.stage
            print(f"  {phase} from {time.perf_counter() - started:.1f} s", flush=True)
        time.sleep(0.1)
    assert progress is not None
    if progress.state is not JobState.DONE:
        raise SystemExit(f"the import ended as {progress.state}: {progress.problem}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--csv", type=Path, help="a CSV to read instead of our own")
    parser.add_argument("--fix", action="store_true", help="also mend all that can be mended")
    options = parser.parse_args()
    memory = Memory()
    with tempfile.TemporaryDirectory(prefix="afina-") as folder:
        csv = options.csv or Path(folder) / "log.csv"
        if options.csv is None:
            write_csv(csv, options.rows)
        services = build_services(Settings(home=Path(folder) / "home", max_file_mb=4_000))
        project = services.projects.create("Large").id
        print(f"{csv.stat().st_size / 1e6:.0f} MB")
        total = timed("read and checked", lambda: bring(services, project, csv))
        total += timed("report shown", lambda: services.checks.report(project))
        total += timed("first page of the table", lambda: services.tables.page(project))
        total += timed("preview of a fix", lambda: services.checks.preview(project, "emails"))
        print(f"{'all of it':<34} {total:8.2f} s, peak memory {memory.peak / 1e6:.0f} MB", flush=True)
        timed("a page in the middle", lambda: services.tables.page(project, page=10_000))
        report = services.checks.report(project)
        print(", ".join(f"{finding.code} {finding.count}" for finding in report.findings))
        if options.fix:
            timed("all fixed, and checked again", lambda: services.checks.fix(project, []))
            print(f"peak memory {memory.peak / 1e6:.0f} MB")
        services.close()


if __name__ == "__main__":
    main()
