"""How a request is turned away: a sentence as a page for people, as JSON for programs."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog, negotiate
from studio.web.notice_page import POLICY, notice_page

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",  # what was not read of the request cannot be taken for the next one
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
}


def refusal(connection: HTTPConnection, error: AfinaError, status: int) -> Response:
    """The response for a request that is not let through.

    Args:
        error: why; it has a sentence in every catalog.
    """
    locale = _locale(connection)
    text = catalog(locale)
    sentence = text.error(error)
    if "text/html" in connection.headers.get("accept", ""):
        answers_here = error.code != "web.foreign_host"
        page = notice_page(locale, text("common.refused"), sentence, has_way_home=answers_here)
        return HTMLResponse(page, status, HEADERS)
    return JSONResponse({"detail": sentence, "error": {"code": error.code, "message": sentence}}, status, HEADERS)


def _locale(connection: HTTPConnection) -> str:
    first = connection.scope["path"].split("/")[1:2]
    wanted = (*first, connection.cookies.get("afina_language", ""))
    return next((name for name in wanted if name in LOCALES), None) or negotiate(
        connection.headers.get("accept-language")
    )
