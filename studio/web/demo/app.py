"""The routes of the demo page. Nothing here reaches the studio: only links, answers and three files."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.domain.project import Link
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import LOCALES, catalog, negotiate
from studio.web.answer_updates import EventStream
from studio.web.brand import font
from studio.web.demo.answers import Answering
from studio.web.demo.limits import COOKIE, HOUR, PER_ADDRESS, PER_VISITOR, VISITS, RateLimit, Visitors
from studio.web.demo.page import closed_page, demo_page
from studio.web.demo.questions import MAX_BODY, parse_question
from studio.web.demo.queue import FairQueue, Ticket
from studio.web.secret import load_secret

if TYPE_CHECKING:
    from studio.services.chats import ChatService
    from studio.services.links import LinkService
    from studio.storage.workspace import Workspace

STATIC: Final = Path(__file__).parent / "static"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_KEEP: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_STATUS: Final = {"link.closed": 410, "general.not_found": 404, "demo.too_long": 413, "demo.big_body": 413}
_BUSY: Final = ("demo.too_fast", "demo.hour_used_up", "demo.own_questions", "demo.full")


class DemoServices(Protocol):
    """The services that the demo page needs; :class:`studio.services.Services` has them."""

    @property
    def workspace(self) -> Workspace: ...
    @property
    def links(self) -> LinkService: ...
    @property
    def chats(self) -> ChatService: ...


def demo_app(services: DemoServices, *, prefix: str = "") -> FastAPI:
    """The demo pages at ``/d/{token}``, and nothing else.

    Args:
        services: links and answers.
        prefix: ``/d`` when the application is mounted there; empty when it is served alone on a port.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    below = "" if prefix == "/d" else "/d"
    visitors = Visitors(load_secret(services.workspace.home))
    limits, visits = (RateLimit(PER_VISITOR), RateLimit(PER_ADDRESS)), RateLimit(VISITS, HOUR)
    answering = Answering(services.chats, services.links, FairQueue())

    app.get(below + "/static/{name}")(_static)
    app.exception_handler(HTTPException)(_missing)

    @app.api_route(below + "/{token}", methods=["GET", "HEAD"])
    def page(request: Request, token: str) -> Response:
        try:
            link = services.links.open(token)
        except AfinaError as error:
            return _closed(request, error)
        response = HTMLResponse(demo_page(link, _locale(request, link), is_chat_model=_chats(services, link)))
        if request.method == "GET" and visitors.known(request) is None:
            with suppress(
                AfinaError
            ):  # a script without cookies is a new visitor every time, and not believed for long
                visits.check(f"{token} {visitors.address(request)}")
                services.links.count_visit(token)
            _remember(response, request, token, visitors.new_cookie())
        return response

    @app.post(below + "/{token}/ask")
    async def ask(request: Request, token: str) -> Response:
        locale = _locale(request, None)
        try:
            link = await run_in_threadpool(services.links.open, token)
            question = parse_question(request.headers.get("content-type", ""), await _body(request))
            visitor, address = visitors.name(request), visitors.address(request)
            await run_in_threadpool(services.links.take_question, link)
            try:
                ticket = _join(answering.queue, limits, visitor, address)
            except AfinaError:
                await run_in_threadpool(services.links.give_question_back, link)
                raise
        except Exception as error:
            return _refusal(from_exception(error), locale)
        lines = answering.stream(link, question, ticket, catalog(locale))
        return EventStream(lines, lambda: answering.queue.leave(ticket), "application/x-ndjson")

    app.add_middleware(SafeHeaders)
    return app


def _join(queue: FairQueue, limits: tuple[RateLimit, RateLimit], visitor: str, address: str) -> Ticket:
    """A place in the queue; a visitor who is refused for the crowd may ask again as if nothing had been asked."""
    limits[0].check(visitor)
    try:
        limits[1].check(address)
    except AfinaError:
        limits[0].give_back(visitor)
        raise
    try:
        return queue.join(visitor, address)
    except AfinaError:
        limits[0].give_back(visitor)
        limits[1].give_back(address)
        raise


def _chats(services: DemoServices, link: Link) -> bool:
    """Whether the base of a link was taught to chat; a base that is not there any more says so when it is asked."""
    try:
        return services.chats.is_chat_model(link.run_id)
    except AfinaError:
        return True


def _static(name: str) -> Response:
    if name == "figtree.woff2":
        return font(_KEEP)
    if name not in ("demo.css", "demo.js"):
        raise HTTPException(404)
    return FileResponse(STATIC / name, headers=_KEEP)


async def _missing(request: Request, error: HTTPException) -> Response:
    return _closed(request, AfinaError("general.not_found", what=""), error.status_code)


def _remember(response: Response, request: Request, token: str, visitor: str) -> None:
    """Lets the browser show next time that it was here: a visitor counts once a link."""
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, visitor, max_age=30 * 86400, path=f"/d/{token}", httponly=True, samesite="lax", secure=secure
    )


class SafeHeaders:
    """Puts the security headers on every response. Plain ASGI, so that streams and disconnects pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, with_headers)


def _locale(request: Request, link: Link | None) -> str:
    """``?lang=`` decides; then the link's language, unless the browser asks for another of ours and not for it."""
    wanted = request.query_params.get("lang", "")
    if wanted in LOCALES:
        return wanted
    accepted = request.headers.get("accept-language", "")
    if link is None or (accepted and link.locale not in _languages(accepted) and set(LOCALES) & _languages(accepted)):
        return negotiate(accepted)
    return link.locale


def _languages(accepted: str) -> set[str]:
    return {part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(",")}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise AfinaError("demo.big_body")
    return bytes(body)


def _closed(request: Request, error: AfinaError, status: int | None = None) -> Response:
    return HTMLResponse(closed_page(_locale(request, None)), status or _STATUS.get(error.code, 404))


def _refusal(error: AfinaError, locale: str) -> Response:
    """What went wrong as JSON. Visitors read sentences made for them; anything else would tell of the computer."""
    code = error.code
    if code in ("link.closed", "general.not_found"):
        code, sentence = "closed", catalog(locale)("demo.closed")
    elif code.startswith("demo."):
        sentence = catalog(locale).error(error)
    else:
        code, sentence = "failed", catalog(locale)("demo.failed")
    status = _STATUS.get(error.code, 429 if error.code in _BUSY else 400 if code.startswith("demo.") else 500)
    content: dict[str, Any] = {"error": {"code": code, "message": sentence}}
    headers = {"Retry-After": json.dumps(error.params.get("n", 5))} if status == 429 else None
    return JSONResponse(content, status, headers=headers)
