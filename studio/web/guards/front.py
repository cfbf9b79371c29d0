"""The first that every request meets: is it for us, does it come from a page of ours, who sent it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES
from studio.web.guards.hosts import AllowedHosts
from studio.web.guards.refusal import refusal

HEADERS: Final = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
_PAGE: Final = re.compile(rf"/|/(?:{'|'.join(LOCALES)})/?|/login|/d/[^/]+")
# A script for the owner's site, and what it asks. Whose pages may is decided there, widget by widget.
_WIDGET_SCRIPT: Final = "/d/widget.js"
_WIDGET: Final = re.compile(r"/d/widget/[^/]+(/ask)?")
_FORWARDED: Final = (b"forwarded", b"x-gradio-server", b"x-real-ip")


class FrontGuard:
    """ASGI middleware that refuses foreign hosts and foreign pages, and puts the security headers on every response."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if not _WIDGET.fullmatch(scope["path"]):
                    for name in [name for name in headers if name.startswith("access-control-")]:
                        del headers[name]  # Gradio gives its answers to whatever page asks
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
        except AfinaError as error:
            await _refuse(error, scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            return  # there is nobody to tell, and nothing to mend

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._hosts.admits(host):
            raise AfinaError(
                "web.foreign_host", host=host[:80] or "?", port=str((scope.get("server") or ("", 7860))[1])
            )
        if _WIDGET.fullmatch(scope["path"]):
            return
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin")
        if site in ("cross-site", "same-site") and not (_is_visit(scope, headers) or _is_script(scope, headers)):
            raise AfinaError("web.foreign_page", origin=(origin or site)[:80])
        if origin is None or (origin == "null" and site == "same-origin"):
            return
        if not self._hosts.is_own_origin(origin, host):
            raise AfinaError("web.foreign_page", origin=origin[:80])


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Whether somebody followed a link to one of our pages, from a message or another site."""
    plain = scope.get("method") in ("GET", "HEAD") and headers.get("sec-fetch-mode", "") == "navigate"
    return plain and headers.get("sec-fetch-dest", "") == "document" and bool(_PAGE.fullmatch(scope["path"]))


def _is_script(scope: Scope, headers: Headers) -> bool:
    """Whether a page loads the widget."""
    return scope["path"] == _WIDGET_SCRIPT and headers.get("sec-fetch-dest", "") == "script"


async def _refuse(error: AfinaError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the connect message; closing before accepting refuses with 403
        await send({"type": "websocket.close", "code": 4403, "reason": error.code})
    else:
        await refusal(HTTPConnection(scope), error, 403)(scope, receive, send)


class ProxyGuard:
    """ASGI middleware that believes what a proxy says of a visitor only where the proxy was configured."""

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = app
        self._proxied = ProxyHeadersMiddleware(self._without_forwarded, list(trusted))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif (scope["client"] or ("",))[0] in self._proxied.trusted_hosts:
            if asked := Headers(scope=scope).get("x-forwarded-host", ""):
                MutableHeaders(scope=scope)["host"] = asked.rpartition(",")[2].strip()
            await self._proxied(scope, receive, send)  # type: ignore[arg-type]
        else:
            await self._without_forwarded(scope, receive, send)

    async def _without_forwarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [
            (name, value)
            for name, value in scope["headers"]
            if not name.startswith(b"x-forwarded-") and name not in _FORWARDED
        ]
        await self._app(scope, receive, send)
