"""What a person sees at an address where nothing is: a sentence in her language, and the way home."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.i18n import LOCALES, catalog, negotiate
from studio.web.brand import logo

LANGUAGE_COOKIE: Final = "afina_language"
_VISITORS: Final = "/d/"  # the demo has a page of its own
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = Markup(
    '<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
    'initial-scale=1"><meta name="color-scheme" content="light dark"><title>{title} · {brand}</title><style>'
    "body{{font:17px/1.55 system-ui,sans-serif;margin:0;min-height:90vh;display:grid;place-items:center;text-align:center}}"
    "main{{padding:24px;max-width:30em}}svg{{width:56px}}h1{{font-size:24px;margin:.6em 0 .3em}}p{{margin:0 0 1.4em}}"
    "a{{color:#0f766e;font-weight:600}}@media(prefers-color-scheme:dark){{body{{background:#12161a;color:#e9edf1}}a{{color:#2bb3a5}}}}"
    '</style></head><body><main>{logo}<h1>{title}</h1><p>{why}</p><a href="/{locale}/">{home}</a></main></body></html>'
)


def locale_of(request: Request) -> str:
    """The language of a visitor: of the address, as chosen before, or as the browser asks for."""
    chosen = [request.url.path.split("/")[1], request.cookies.get(LANGUAGE_COOKIE, "")]
    return next((name for name in chosen if name in LOCALES), "") or negotiate(request.headers.get("accept-language"))


class LostPage:
    """Answers a person's browser with a page where the rest of the server has nothing but a code; scripts get the code.

    Args:
        app: what answers.
    """

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
    page = _PAGE.format(
        lang={"pt": "pt-BR"}.get(locale, locale),
        locale=locale,
        brand=text("brand.name"),
        logo=Markup(logo()),
        title=text("lost.title"),
        why=text("lost.why"),
        home=text("lost.home"),
    )
    return HTMLResponse(page, status_code=404, headers=_HEADERS)
