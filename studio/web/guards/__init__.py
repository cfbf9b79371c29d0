"""What stands before every route: who may ask at all, for what, with how much, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from studio.web.guards.front import FrontGuard, ProxyGuard
from studio.web.guards.hosts import AllowedHosts
from studio.web.guards.uploads import UploadGuard

__all__ = ["AllowedHosts", "add_guards"]


def add_guards(
    app: FastAPI, hosts: AllowedHosts, trusted: Sequence[str] = (), uploads: tuple[Path, int] | None = None
) -> None:
    """Puts the guards before everything that ``app`` serves; every listener needs them.

    Args:
        app: complete but for its guards.
        uploads: the folder of uploads and the megabytes of the largest, where there are any.
    """
    if uploads is not None:
        app.add_middleware(UploadGuard, folder=uploads[0], max_mb=uploads[1])
    app.add_middleware(FrontGuard, hosts=hosts)
    app.add_middleware(ProxyGuard, trusted=trusted)
