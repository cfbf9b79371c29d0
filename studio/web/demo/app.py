"""The routes of the demo page. Nothing here reaches the studio: only links, answers, votes and three files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from studio.domain.project import Link
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import LOCALES, catalog, negotiate
from studio.services.widgets import WidgetService
from studio.web.brand import font
from studio.web.demo.answers import Answering
from studio.web.demo.entrance import Entrance
from studio.web.demo.feedback import add_feedback
from studio.web.demo.headers import SafeHeaders
from studio.web.demo.intake import QuestionIntake
from studio.web.demo.limits import COOKIE, HOUR, VISITS, RateLimit, Visitors
from studio.web.demo.page import closed_page, demo_page, password_page
from studio.web.demo.queue import VisitorQueue
from studio.web.demo.receipts import Receipts
from studio.web.demo.requests import STATUS, read_body, refusal
from studio.web.demo.services import DemoServices
from studio.web.demo.widget import add_widget
from studio.web.secret import load_secret

STATIC: Final = Path(__file__).parent / "static"
_KEEP: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_GONE: Final = ("link.closed", "general.not_found")


def demo_app(services: DemoServices, *, prefix: str = "") -> FastAPI:
    """The demo pages at ``/d/{token}``, and nothing else.

    Args:
        services: links and answers.
        prefix: ``/d`` when the application is mounted there; empty when it is served alone on a port.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    below = "" if prefix == "/d" else "/d"
    visitors = Visitors(load_secret(services.workspace.home))
    visits = RateLimit(VISITS, HOUR)
    receipts = Receipts(load_secret(services.workspace.home))
    entrance = Entrance(services.links, receipts)
    answering = Answering(services.chats, services.trust, services.links, VisitorQueue(), receipts)
    intake = QuestionIntake(services.links, answering)

    app.get(below + "/static/{name}")(_static)
    app.exception_handler(HTTPException)(_missing)
    widgets = WidgetService(services.workspace, services.links)
    add_widget(app, below, widgets, intake, visitors, services.trust.warm)

    @app.api_route(below + "/{token}", methods=["GET", "HEAD"])
    def page(request: Request, token: str) -> Response:
        try:
            link = entrance.enter(request, token)
        except AfinaError as error:
            return _locked(request, error) if error.code == "demo.locked" else _closed(request, error)
        response = HTMLResponse(demo_page(link, _locale(request, link), is_chat_model=_chats(services, link)))
        if request.method == "GET":
            is_new = visitors.known(request) is None
            with suppress(AfinaError):
                if is_new:  # a script without cookies is so every time, and not believed for long
                    visits.check(f"{token} {visitors.address(request)}")
                    services.links.count_visit(link)
                services.trust.warm(link.run_id)
            if is_new:
                _remember(response, request, token, visitors.new_cookie())
        return response

    @app.post(below + "/{token}/ask")
    async def ask(request: Request, token: str) -> Response:
        locale = _locale(request, None)
        try:
            link = await run_in_threadpool(entrance.enter, request, token)
            return await intake.answer(request, link, visitors.name(request), visitors.address(request), locale)
        except Exception as error:
            return refusal(from_exception(error), locale)

    app.post(below + "/{token}/unlock")(_unlock_route(entrance, visitors))
    add_feedback(app, below, services, entrance, visitors, receipts)
    app.add_middleware(SafeHeaders)
    return app


def _unlock_route(entrance: Entrance, visitors: Visitors) -> Callable[[Request, str], Awaitable[Response]]:
    """Takes the form of the page that asks for a password."""

    async def unlock(request: Request, token: str) -> Response:
        try:
            body, address = await read_body(request), visitors.address(request)
            link = await run_in_threadpool(entrance.unlock, token, body, address)
        except AfinaError as error:
            return _closed(request, error) if error.code in _GONE else _locked(request, error)
        query = f"?lang={wanted}" if (wanted := request.query_params.get("lang", "")) in LOCALES else ""
        response = RedirectResponse(f"/d/{link.token}{query}", 303)
        entrance.remember(response, link, is_secure=request.url.scheme == "https")
        return response

    return unlock


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


def _closed(request: Request, error: AfinaError, status: int | None = None) -> Response:
    return HTMLResponse(closed_page(_locale(request, None)), status or STATUS.get(error.code, 404))


def _locked(request: Request, error: AfinaError) -> Response:
    """The page that asks for the password and says what was wrong with the last one; it tells nothing of the link."""
    locale = _locale(request, None)
    said = "" if error.code == "demo.locked" else catalog(locale).error(error)
    path = request.url.path.removesuffix("/unlock")
    return HTMLResponse(
        password_page(locale, path.rpartition("/")[2], said), STATUS.get(error.code, 429) if said else 200
    )
