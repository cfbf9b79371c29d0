"""Room on the disk: a run pauses before it is short of it, while its state can still be written."""

from __future__ import annotations

from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.storage.files import free_bytes, write_atomic
from studio.storage.workspace import RunFolder

_MB = 10**6


def shortage(folder: RunFolder, needed: int, reserve: int) -> Problem | None:
    """The problem with the disk of a run; None while there is room.

    Args:
        needed: bytes that its next save writes.
        reserve: bytes that are left free for everybody else.
    """
    free = free_bytes(folder.path)
    if free >= needed + reserve:
        return None
    wanted = -(-(needed + reserve) // _MB)
    return Problem(code="disk.low", params={"needed_mb": wanted, "free_mb": free // _MB, "path": str(folder.path)})


def request_pause(folder: RunFolder, problem: Problem) -> bool:
    """Asks for a pause for a reason; returns whether that could be written, which a full disk may refuse."""
    try:
        write_atomic(folder.pause_request, problem.model_dump_json())
    except AfinaError:
        return False
    return True


def pause_for_disk(folder: RunFolder, error: AfinaError, reserve: int) -> None:
    """Turns a disk that was full in the middle of a save into a pause, where there is room to write that down.

    Args:
        error: ``disk.full``, with what was needed if that is known.
        reserve: bytes that are left free for everybody else.

    Raises:
        AfinaError: ``disk.full`` when there is not.
    """
    needed = max(int(error.params.get("needed_mb", 0)), 1) + -(-reserve // _MB)
    params = {"needed_mb": needed, "free_mb": free_bytes(folder.path) // _MB, "path": str(folder.path)}
    if not request_pause(folder, Problem(code="disk.low", params=params)):
        raise error
