"""How a request is turned away: a sentence as a page for people, as JSON for programs."""

from __future__ import annotations

from typing import Final

from markupsafe import escape
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog, negotiate

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",  # what was not read of the request cannot be taken for the next one
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = '<!doctype html><html lang="{locale}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{brand}</title><h1>{brand}</h1><p>{sentence}</p></html>'


def refusal(connection: HTTPConnection, error: AfinaError, status: int) -> Response:
    """The response for a request that is not let through.

    Args:
        connection: of the request.
        error: why; it has a sentence in every catalog.
        status: of HTTP.
    """
    locale = _locale(connection)
    text = catalog(locale)
    sentence = text.error(error)
    if "text/html" in connection.headers.get("accept", ""):
        page = _PAGE.format(locale=locale, brand=escape(text("brand.name")), sentence=escape(sentence))
        return HTMLResponse(page, status, HEADERS)
    return JSONResponse({"detail": sentence, "error": {"code": error.code, "message": sentence}}, status, HEADERS)


def _locale(connection: HTTPConnection) -> str:
    first = connection.scope["path"].split("/")[1:2]
    wanted = (*first, connection.cookies.get("afina_language", ""))
    return next((name for name in wanted if name in LOCALES), None) or negotiate(
        connection.headers.get("accept-language")
    )
