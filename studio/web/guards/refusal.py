"""How a request is turned away: a sentence as a page for people, as JSON for programs."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response

from studio.errors import AfinaError
from studio.i18n.catalog import catalog
from studio.web.notice_page import HEADERS, locale_of, notice_page

_HEADERS: Final = HEADERS | {"Connection": "close"}  # what was not read cannot be taken for the next request


def refusal(connection: HTTPConnection, error: AfinaError, status: int) -> Response:
    """The response for a request that is not let through.

    Args:
        error: why; it has a sentence in every catalog.
    """
    locale = locale_of(connection)
    text = catalog(locale)
    sentence = text.error(error)
    if "text/html" in connection.headers.get("accept", ""):
        answers_here = error.code != "web.foreign_host"
        page = notice_page(locale, text("common.refused"), sentence, has_way_home=answers_here)
        return HTMLResponse(page, status, _HEADERS)
    return JSONResponse({"detail": sentence, "error": {"code": error.code, "message": sentence}}, status, _HEADERS)
