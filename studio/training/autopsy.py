"""Why a worker died: its exit code, the system's count of processes killed for memory, and the end of its log."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from studio.domain.problem import Problem
from studio.errors import TABLE

_RAISED = re.compile(
    r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Iteration)): ?(?P<message>.*)$", re.MULTILINE
)
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|ENOSPC|disk\.full\(", re.IGNORECASE)
_BROKEN = re.compile(
    r"^(?:ModuleNotFoundError|ImportError): (?P<detail>.*)$|No module named (?P<module>\S+)", re.MULTILINE
)


def memory_kills() -> int | None:
    """How many processes this computer has killed so far for lack of memory; None where the system does not say."""
    try:
        counters = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^oom_kill (\d+)$", counters, re.MULTILINE)
    return int(found[1]) if found else None


def cause_of_death(log: str, exit_code: int | None, kills_before: int | None, kills_after: int | None) -> Problem:
    """The problem that ended a worker which left no result.

    Args:
        log: the end of what it printed.
        exit_code: negative is a signal; None when another server had started it.
        kills_before: :func:`memory_kills` when it started.
        kills_after: :func:`memory_kills` now.
    """
    if (
        kills_before is not None
        and kills_after is not None
        and kills_after > kills_before
        and exit_code in (None, -9, 137)
    ):
        return Problem(code="run.killed_for_memory")
    if _NO_SPACE.search(log):
        return Problem(code="disk.full")
    broken = list(_BROKEN.finditer(log))
    if broken:
        return Problem(code="run.installation_broken", params={"detail": (broken[-1][1] or broken[-1][2] or "")[:200]})
    raised = list(_RAISED.finditer(log))
    if raised:
        return _problem_of(raised[-1]["kind"], raised[-1]["message"])
    if exit_code in (-9, -15, 137, 143) or (exit_code is None and not log.strip()):
        # Without the kernel's count, a kill that nobody here asked for is most often the system saving its memory.
        return Problem(code="run.killed" if kills_after is not None else "run.killed_for_memory")
    if exit_code is not None and exit_code < 0:
        return Problem(code="run.crashed", params={"signal": _signal_name(-exit_code)})
    return Problem(code="run.died", params={"detail": _last_line(log)})


def _problem_of(kind: str, message: str) -> Problem:
    names = {kind, f"builtins.{kind}"}
    for name, pattern, code in TABLE:
        if name in names and re.search(pattern, message, re.IGNORECASE):
            return Problem(code=code, params={"path": "", "detail": message[:300]})
    return Problem(code="run.died", params={"detail": f"{kind}: {message}"[:300]})


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
