"""Gradio's clocks of an open page, slowed by ``page_clocks.js``, which has to run before Gradio's own scripts.

What Gradio is given as ``head`` comes after them, so the script is written into the page on its way out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class PageClocks:
    """ASGI middleware that puts the script first into the head of one page."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path
        script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
        self._tag = f"<script>{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, with the script where the page is asked for."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        held: dict[str, Any] = {}
        body = bytearray()

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                held.update(message)
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                page = bytes(body).replace(b"<head>", b"<head>" + self._tag, 1)
                others = [(name, value) for name, value in held["headers"] if name.lower() != b"content-length"]
                await send({**held, "headers": [*others, (b"content-length", str(len(page)).encode())]})
                await send({"type": "http.response.body", "body": page})

        await self._app({**scope, "headers": headers}, receive, hold)
