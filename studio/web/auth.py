"""The password of the studio: asked for on one page, remembered in a signed cookie, checked on every request."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import FastAPI
from itsdangerous import BadSignature, TimestampSigner
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.errors import AfinaError
from studio.i18n.catalog import catalog
from studio.settings import Settings
from studio.web.guards.addresses import client_network
from studio.web.login.page import HEADERS, login_file, login_page
from studio.web.login.throttle import LoginThrottle
from studio.web.notice_page import locale_of
from studio.web.secret import load_secret

COOKIE: Final = "afina_session"
_PAGES: Final = ("/login", "/login/login.css", "/login/figtree.woff2", "/logout")
DEVICE_COOKIE: Final = "afina_device"
_SESSION_SECONDS: Final = 14 * 86_400
_DEVICE_SECONDS: Final = 365 * 86_400
_MAX_BODY: Final = 8192


def is_public(host: str) -> bool:
    """Whether other computers can reach a server that listens on ``host``."""
    if host.lower() == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return True


def require_password(settings: Settings) -> None:
    """Refuses a public address without a password. Raises ``serve.password_needed``."""
    if is_public(settings.host) and not _password(settings):
        raise AfinaError("serve.password_needed", host=settings.host or "0.0.0.0")


def protect(app: FastAPI, settings: Settings, throttle: LoginThrottle | None = None) -> None:
    """Puts the password before everything except demo pages, the API and ``/healthz``; does nothing without a password."""
    if password := _password(settings):
        sessions = Sessions(load_secret(settings.home), password, settings.home / "sessions_ended")
        app.add_middleware(PasswordGate, sessions=sessions, throttle=throttle or LoginThrottle())
        app.add_middleware(SessionCookies, key=sessions.key)


def _password(settings: Settings) -> str:
    return settings.password.get_secret_value() if settings.password else ""


class Sessions:
    """Checks passwords and opens sessions, which Starlette keeps in a signed cookie.

    A new password ends every session: it is part of the key that signs them. A session that was left is remembered on
    disk until it would have expired, so that it stays closed after a restart and in another server on this workspace.

    Args:
        ended: folder with an empty file for each session that was left.
    """

    def __init__(self, secret: bytes, password: str, ended: Path) -> None:
        self._secret, self._ended = secret, ended
        self._expected = self._digest(password)
        self.key = hmac.new(secret, b"session:" + self._expected, hashlib.sha256).hexdigest()
        self._devices = TimestampSigner(self.key, salt=DEVICE_COOKIE)

    def is_right(self, password: str) -> bool:
        """Compares in a time that says nothing about the password."""
        return hmac.compare_digest(self._digest(password), self._expected)

    def begin(self, session: dict[str, Any]) -> None:
        """Opens the studio to a session."""
        session["id"] = secrets.token_hex(16)

    def is_open(self, session: dict[str, Any]) -> bool:
        """Whether a session knows the password and was not left."""
        return "id" in session and not (self._ended / session["id"]).exists()

    def end(self, session: dict[str, Any]) -> None:
        """Closes a session for good; one that is not open is nothing."""
        if "id" in session:
            self._ended.mkdir(mode=0o700, exist_ok=True)
            for path in self._ended.iterdir():  # those that have expired need not be remembered
                if path.stat().st_mtime < time.time() - _SESSION_SECONDS:
                    path.unlink(missing_ok=True)
            (self._ended / session["id"]).touch(mode=0o600)
            session.clear()

    def device_cookie(self) -> str:
        """A cookie that shows for a year that its browser has known the password; it opens nothing."""
        return self._devices.sign(secrets.token_hex(16)).decode()

    def device(self, cookie: str) -> str | None:
        """The name of a browser that was here before; None for any other."""
        try:
            return self._devices.unsign(cookie, max_age=_DEVICE_SECONDS).decode()
        except BadSignature:
            return None

    def _digest(self, password: str) -> bytes:
        return hmac.new(self._secret, b"password:" + password.encode(), hashlib.sha256).digest()


class SessionCookies:
    """ASGI middleware: Starlette's sessions, whose cookie is sent back over HTTPS only where it came that way."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._plain, self._secure = (
            SessionMiddleware(app, key, COOKIE, max_age=_SESSION_SECONDS, https_only=secure) for secure in (False, True)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sessions = self._secure if scope.get("scheme") in ("https", "wss") else self._plain
        await sessions(scope, receive, send)


class PasswordGate:
    """ASGI middleware: pages, events and websockets of the studio only for those who know the password."""

    def __init__(self, app: ASGIApp, sessions: Sessions, throttle: LoginThrottle) -> None:
        self._app, self._sessions, self._throttle = app, sessions, throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _is_free(scope["path"]):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        path = scope["path"]
        if scope["type"] == "http" and path in _PAGES:
            await (await self._answer(Request(scope, receive), path))(scope, receive, send)
        elif self._sessions.is_open(scope["session"]):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the connect message; closing before accepting refuses with 403
            await send({"type": "websocket.close", "code": 4401, "reason": "password needed"})
        else:
            await _turned_away(connection)(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        if path.startswith("/login/"):
            return login_file(path.rpartition("/")[2])
        if path == "/logout":
            self._sessions.end(request.scope["session"])
            return RedirectResponse("/login", 303, HEADERS)
        if request.method == "POST":
            return await self._enter(request)
        if self._sessions.is_open(request.scope["session"]):
            return RedirectResponse(_safe_target(request.query_params.get("next", "")), 303, HEADERS)
        return _page(request, request.query_params.get("next", ""))

    async def _enter(self, request: Request) -> Response:
        fields = parse_qs((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)
        target = fields.get("next", [""])[0]
        device = self._sessions.device(request.cookies.get(DEVICE_COOKIE, ""))
        guesser = f"device {device}" if device else client_network(request)
        try:
            await asyncio.sleep(self._throttle.take_turn(guesser, is_stranger=not device))
            if not self._sessions.is_right(fields.get("password", [""])[0]):
                raise AfinaError("login.wrong")
        except AfinaError as error:
            return _page(request, target, error)
        self._sessions.begin(request.scope["session"])
        response = RedirectResponse(_safe_target(target), 303, HEADERS)
        response.set_cookie(
            DEVICE_COOKIE, self._sessions.device_cookie(), max_age=_DEVICE_SECONDS, path="/login",
            httponly=True, samesite="lax", secure=request.url.scheme == "https",
        )  # fmt: skip
        return response


def _is_free(path: str) -> bool:
    """What the studio's password does not guard: demo pages, and the API, which has keys."""
    return path == "/healthz" or path.startswith(("/d/", "/v1/"))


def _turned_away(connection: HTTPConnection) -> Response:
    """A browser that wants a page is sent to the password; everything else is told in JSON."""
    if connection.scope["method"] in ("GET", "HEAD") and "text/html" in connection.headers.get("accept", ""):
        target = quote(connection.url.path + (f"?{connection.url.query}" if connection.url.query else ""), safe="/")
        return RedirectResponse(f"/login?next={target}", 303, HEADERS)
    message = catalog(locale_of(connection)).error(AfinaError("login.needed"))
    return JSONResponse({"error": {"code": "login.needed", "message": message}}, 401, HEADERS)


def _page(request: Request, target: str, error: AfinaError | None = None) -> Response:
    locale = locale_of(request)
    status = 200 if error is None else 429 if error.code == "login.wait" else 401
    headers = {**HEADERS, "Retry-After": str(error.params["n"])} if error and status == 429 else HEADERS
    sentence = catalog(locale).error(error) if error else ""
    return HTMLResponse(login_page(locale, _safe_target(target), sentence), status, headers)


def _safe_target(target: str) -> str:
    """A path of this server; anything that a browser could take for another site becomes ``/``."""
    parts = urlsplit(target.replace("\\", "/"))
    inside = target.startswith("/") and not target.startswith("//") and not parts.scheme and not parts.netloc
    return target if inside and "\\" not in target and target.isprintable() else "/"


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return b""
    return bytes(body)
