"""How an application is served: every listener has the same guards and limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from studio.web.guards import AllowedHosts, add_guards


def make_server(
    app: FastAPI, hosts: AllowedHosts, *, trusted: Sequence[str] = (), uploads: tuple[Path, int] | None = None
) -> uvicorn.Server:
    """A server that is ready to run on a listening socket.

    Args:
        app: complete but for its guards.
        hosts: the names that this listener answers to.
        trusted: addresses and networks of proxies that may say who a visitor is.
        uploads: the folder of uploads and the megabytes of the largest, where there are any.
    """
    add_guards(app, hosts, trusted, uploads)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            ws="none",
            proxy_headers=False,  # the guards know which proxies are trusted
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
