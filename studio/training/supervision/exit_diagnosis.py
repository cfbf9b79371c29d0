"""Why a worker died: its exit code, the system's count of processes killed for memory, and the end of its log.

The kernel counts the processes that it killed for memory, for each control group and for the whole machine. The
worker notes the count when it starts; a worker that was killed while the count went up was killed for memory.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Final

from studio.domain.problem import Problem
from studio.errors import TABLE

DISK_FULL: Final = 28  # exit code of a worker that could not even write why it ended: the number of ENOSPC
_CGROUPS: Final = Path("/sys/fs/cgroup")
_MACHINE: Final = Path("/proc/vmstat")
_KILLED: Final = (-9, 137)

_RAISED = re.compile(
    r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Iteration)): ?(?P<message>.*)$", re.MULTILINE
)
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|ENOSPC|disk\.full\(", re.IGNORECASE)
_BROKEN = re.compile(
    r"^(?:ModuleNotFoundError|ImportError): (?P<detail>.*)$|No module named (?P<module>\S+)", re.MULTILINE
)


def kill_counter(root: Path = _CGROUPS, groups: Path = Path("/proc/self/cgroup")) -> Path:
    """The file that counts kills for memory: of this process's control group where there is one, else of the machine.

    Args:
        root: where control groups are mounted, version 2 or 1.
        groups: the kernel's list of the groups of this process.
    """
    try:
        lines = [line.split(":", 2) for line in groups.read_text(encoding="ascii", errors="replace").splitlines()]
    except OSError:
        lines = []
    candidates = []
    for _, controllers, path in (line for line in lines if len(line) == 3):
        for base in (path.strip("/"), ""):
            if "memory" in controllers.split(","):
                candidates.append(root / "memory" / base / "memory.oom_control")
            elif not controllers:
                candidates.append(root / base / "memory.events")
    return next((path for path in candidates if memory_kills(path) is not None), _MACHINE)


def memory_kills(counter: Path) -> int | None:
    """How many processes were killed so far for lack of memory; None where the system does not say.

    Args:
        counter: what :func:`kill_counter` gave.
    """
    try:
        match = re.search(r"^oom_kill (\d+)$", counter.read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    return int(match[1]) if match else None


def was_killed_for_memory(exit_code: int | None, kills_before: int | None, kills_after: int | None) -> bool:
    """Whether the system ended a worker because memory was short. A kill by anybody else is none.

    Args:
        exit_code: negative is a signal; None when another server had started it.
    """
    if kills_before is None or kills_after is None or exit_code not in (None, *_KILLED):
        return False
    return kills_after > kills_before


def cause_of_death(log: str, exit_code: int | None, kills_before: int | None, kills_after: int | None) -> Problem:
    """The problem that ended a worker which left no result.

    Args:
        exit_code: negative is a signal; None when another server had started it.
    """
    if was_killed_for_memory(exit_code, kills_before, kills_after):
        return Problem(code="run.killed_for_memory")
    if exit_code == DISK_FULL or _NO_SPACE.search(log):
        return Problem(code="disk.full")
    broken = list(_BROKEN.finditer(log))
    if broken:
        return Problem(code="run.installation_broken", params={"detail": (broken[-1][1] or broken[-1][2] or "")[:200]})
    raised = list(_RAISED.finditer(log))
    if raised:
        return _problem_of(raised[-1]["kind"], raised[-1]["message"])
    if exit_code in (*_KILLED, -15, 143) or (exit_code is None and not log.strip()):
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
