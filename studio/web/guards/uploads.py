"""Uploads that are too large are refused while they come, not when they have filled the disk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.errors import AfinaError
from studio.web.guards.gradio_routes import UPLOAD
from studio.web.guards.refusal import refusal

_FRAME: Final = 2**20  # bytes of a request that are not the file's: its boundaries and names
_FORGOTTEN: Final = 60.0  # seconds; a connection that rests half as long is cut


class _TooBig(ClientDisconnect):
    """Ends the reading of a body; Gradio and Starlette know it as a visitor who went away."""


class UploadGuard:
    """ASGI middleware that counts the bytes of every upload, and takes away what an upload left half done.

    Args:
        folder: where Gradio keeps uploads: whole ones in folders, those on their way as files beside them.
        max_mb: megabytes that one request may bring.
    """

    def __init__(self, app: ASGIApp, folder: Path, max_mb: int) -> None:
        self._app, self._folder, self._max_mb = app, folder, max_mb
        self._limit = max_mb * 1_000_000 + _FRAME

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith(UPLOAD):
            await self._app(scope, receive, send)
            return
        too_big = refusal(HTTPConnection(scope), AfinaError("web.too_big", limit_mb=self._max_mb), 413)
        told = HTTPConnection(scope).headers.get("content-length", "0")
        if not told.isdecimal() or int(told) > self._limit:
            await too_big(scope, receive, send)
            return
        arrived, whole = 0, False

        async def counted() -> Message:
            nonlocal arrived, whole
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._limit:
                raise _TooBig
            whole = whole or (message["type"] == "http.request" and not message.get("more_body"))
            return message

        async def unless_too_big(message: Message) -> None:
            if message["type"] == "http.response.start" and not whole:
                MutableHeaders(scope=message)["Connection"] = "close"  # the rest of a refused upload is not waited for
            if arrived <= self._limit:
                await send(message)

        try:
            await self._app(scope, counted, unless_too_big)
        except Exception:
            if arrived <= self._limit:
                raise
        finally:
            if not whole:
                asyncio.get_running_loop().call_later(_FORGOTTEN + 1, sweep_uploads, self._folder)
        if arrived > self._limit:
            await too_big(scope, receive, send)


def sweep_uploads(folder: Path) -> None:
    """Removes the files of uploads that were broken off: nothing has been written to them for a long time."""
    for path in folder.glob("*") if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime < time.time() - _FORGOTTEN:
            path.unlink(missing_ok=True)
