"""How an application is served: every listener has the same guards and limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from studio.web.guards import AllowedHosts, add_guards
from studio.web.guards.connections import ConnectionRegistry, GuardedProtocol, raise_file_limit


def make_server(
    app: FastAPI, hosts: AllowedHosts, *, trusted: Sequence[str] = (), uploads: tuple[Path, int] | None = None
) -> uvicorn.Server:
    """A server that is ready to run on a listening socket.

    Args:
        app: complete but for its guards.
        uploads: the folder of uploads and the megabytes of the largest, where there are any.
    """
    add_guards(app, hosts, trusted, uploads)
    proxies = ProxyHeadersMiddleware(app, list(trusted)).trusted_hosts  # type: ignore[arg-type]
    registry = ConnectionRegistry(proxies.__contains__, total=raise_file_limit())
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=partial(GuardedProtocol, registry=registry),  # type: ignore[arg-type]
            log_config=None,
            log_level="warning",
            ws="none",
            proxy_headers=False,  # the guards know which proxies are trusted
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
