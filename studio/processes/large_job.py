"""Reading files, and work on large sets, in a process of its own: the page lives on, and a stop is a stop at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from studio.domain.author import author
from studio.errors import AfinaError
from studio.processes.child import Cancelled, never, run_child
from studio.processes.environment import online_environment
from studio.settings import Settings
from studio.storage.files import remove_half_made, scratch_folder

_MODULE: Final = "studio.services.examples.large_worker"
_SETTINGS: Final = ("home", "models_dir", "database_url", "max_file_mb", "hf_endpoint")


def run_large_job(
    settings: Settings,
    job: dict[str, Any],
    on_said: Callable[[dict[str, Any]], None],
    cancelled: Cancelled = never,
    memory: int | None = None,
    on_start: Callable[[int], object] = lambda pid: None,
) -> None:
    """Runs a job of :mod:`studio.services.examples.large_worker` and waits for its end.

    Args:
        job: its ``do`` and arguments.
        on_said: called with what the child says: ``phase``, ``rows``, ``done``.
        cancelled: asked all the time; True ends the child.
        memory: bytes that it may take; no bound where None.
        on_start: called with the child's process id.

    Raises:
        AfinaError: what went wrong in the child; ``data.file_ended_reading`` when a file made it end before its time,
            ``general.unexpected`` when something else did; :class:`Stopped`.
    """
    pids: list[int] = []
    files: list[str] = []

    def started(pid: int) -> None:
        pids.append(pid)
        on_start(pid)

    def said(message: dict[str, Any]) -> None:
        files.append(message["file"]) if "file" in message else on_said(message)

    chosen = settings.model_dump(mode="json", include=set(_SETTINGS))
    code = -1
    with scratch_folder(settings.home / "tmp") as scratch:
        try:
            code = run_child(
                _MODULE,
                request={"settings": chosen, "author": author(), "memory": memory, **job},
                on_message=said,
                on_start=started,
                cancelled=cancelled,
                variables=online_environment() | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
                memory=memory,
            )
        finally:
            if code and pids and "project_id" in job:
                remove_half_made(settings.home / "projects" / str(job["project_id"]), pids[0])
    if code and files and memory is not None:
        raise AfinaError("data.file_ended_reading", file=files[-1], limit_mb=memory // 1_000_000)
    if code:
        raise AfinaError("general.unexpected", kind="child", detail=f"exit {code}")
