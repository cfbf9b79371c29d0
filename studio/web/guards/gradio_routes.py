"""Gradio's routes, narrowed to those that the studio uses, and its files, narrowed to those that were uploaded to it.

Gradio has a check of its own; this one holds whatever an update of Gradio does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import quote

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.errors import AfinaError
from studio.web.guards.refusal import refusal

API: Final = "/gradio_api"
FILE: Final = f"{API}/file="
UPLOAD: Final = f"{API}/upload"
JSON_ROUTES: Final = frozenset(f"{API}/{name}" for name in ("queue/join", "component_server", "component_server/", "cancel", "reset", "reset/"))  # fmt: skip
_PAGES: Final = frozenset(("", "/", "/config", "/config/", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt", f"{API}/info", f"{API}/info/", f"{API}/queue/data", f"{API}/queue/status", f"{API}/upload_progress", f"{API}/startup-events", f"{API}/app_id", f"{API}/theme.css"))  # fmt: skip
_FOLDERS: Final = ("/static/", "/assets/", f"{API}/heartbeat/", FILE)
MAX_JSON: Final = 16 * 2**20  # bytes; a long pasted table is one
_IN_THREAD: Final = 2**18  # bytes; reading more than that takes long enough for others to notice


class GradioGuard:
    """ASGI middleware before one mounted Gradio application.

    Args:
        path: where Gradio is mounted, such as ``/en``.
        uploads: the folder that Gradio keeps uploads in; a request may name files below it only.
    """

    def __init__(self, app: ASGIApp, path: str, uploads: Path, served: Iterable[Path] = ()) -> None:
        self._app, self._path = app, path
        self._uploads = uploads.resolve()
        self._served = (self._uploads, *(folder.resolve() for folder in served))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] not in ("http", "websocket") or not (path + "/").startswith(self._path + "/"):
            await self._app(scope, receive, send)
            return
        try:
            receive = await self._checked(scope, path.removeprefix(self._path), receive)
        except AfinaError as error:
            status = {"web.too_big": 413, "web.no_route": 404, "web.bad_request": 400}.get(error.code, 403)
            await refusal(HTTPConnection(scope), error, status)(scope, receive, send)
            return
        route = path.removeprefix(self._path)
        await self._app(scope, receive, _attached(route, send) if route.startswith(FILE) else send)

    async def _checked(self, scope: Scope, route: str, receive: Receive) -> Receive:
        """What the application may read of a request.

        Raises:
            AfinaError: ``web.no_route``, ``web.foreign_file``, ``web.bad_request``, ``web.too_big``.
        """
        method = scope.get("method", "")
        if method in ("GET", "HEAD") and (route in _PAGES or route.startswith(_FOLDERS)):
            if route.startswith(FILE) and not _is_below(route.removeprefix(FILE), self._served):
                raise AfinaError("web.foreign_file")
            return receive
        if method == "POST" and route == UPLOAD:
            return receive
        if method != "POST" or route not in JSON_ROUTES:
            raise AfinaError("web.no_route")
        body = await _read(scope, receive)
        if len(body) > _IN_THREAD:
            await to_thread.run_sync(self._check, body)
        else:
            self._check(body)
        return _replay(body, receive)

    def _check(self, body: bytes) -> None:
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise AfinaError("web.bad_request") from error
        if not all(_is_below(path, (self._uploads,)) for path in named_files(values)):
            raise AfinaError("web.foreign_file")


def _attached(route: str, send: Send) -> Send:
    """Has a browser save a file and never open it: a page among them would run with the rights of the studio."""
    name = quote(PurePath(route.removeprefix(FILE)).name)

    async def attach(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
            headers["x-content-type-options"] = "nosniff"
        await send(message)

    return attach


def named_files(values: Any) -> Iterator[str]:
    """The paths of everything in ``values`` that Gradio could take for a file, however deep."""
    left = [values]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str):
                yield path
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _is_below(path: str, folders: Iterable[Path]) -> bool:
    """Whether what ``path`` leads to, links followed, lies below one of the resolved ``folders``."""
    try:
        target = Path(path).resolve()
    except (ValueError, OSError, RuntimeError):  # a zero byte, a name too long, links in a circle
        return False
    return any(target != folder and target.is_relative_to(folder) for folder in folders)


async def _read(scope: Scope, receive: Receive) -> bytes:
    """The body of a request in JSON."""
    if HTTPConnection(scope).headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise AfinaError("web.bad_request")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise AfinaError("web.bad_request")  # the browser has gone
        body += message.get("body", b"")
        if len(body) > MAX_JSON:
            raise AfinaError("web.too_big", limit_mb=MAX_JSON // 2**20)
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again
