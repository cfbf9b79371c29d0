"""What a person sees at an address where nothing is: a sentence in her language, and the way home."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.i18n import catalog
from studio.web.notice_page import HEADERS, locale_of, notice_page


class LostPage:
    """Answers a person's browser with a page where the rest of the server has nothing but a code; scripts get the code."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or "text/html" not in Headers(scope=scope).get("accept", "")
        ):
            await self._app(scope, receive, send)
            return
        lost = False

        async def watched(message: Message) -> None:
            nonlocal lost
            if message["type"] == "http.response.start":
                lost = message["status"] == 404
            if not lost:
                await send(message)

        await self._app(scope, receive, watched)
        if lost:
            await _page(Request(scope))(scope, receive, send)


def _page(request: Request) -> HTMLResponse:
    locale = locale_of(request)
    text = catalog(locale)
    page = notice_page(locale, text("common.lost.title"), text("common.lost.why"))
    return HTMLResponse(page, status_code=404, headers=HEADERS)
