"""Shared by all routes of the demo page: reading the body and answering with an error."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from studio.errors import AfinaError
from studio.i18n.catalog import catalog
from studio.web.demo.questions import MAX_BODY

STATUS: Final = {
    "link.closed": 410,
    "general.not_found": 404,
    "demo.too_long": 413,
    "demo.big_body": 413,
    "demo.locked": 401,
    "demo.wrong_password": 401,
    "widget.foreign_page": 403,
}
_BUSY: Final = (
    "demo.too_fast",
    "demo.hour_used_up",
    "demo.own_questions",
    "demo.full",
    "demo.suggestions_full",
    "demo.many_passwords",
)


async def read_body(request: Request) -> bytes:
    """The whole body. Raises ``demo.big_body``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise AfinaError("demo.big_body")
    return bytes(body)


def refusal(error: AfinaError, locale: str) -> Response:
    """What went wrong as JSON. Visitors read sentences made for them; anything else would tell of the computer."""
    code = error.code
    if code in ("link.closed", "general.not_found"):
        code, sentence = "closed", catalog(locale)("demo.closed")
    elif code.startswith(("demo.", "widget.")):
        sentence = catalog(locale).error(error)
    else:
        code, sentence = "failed", catalog(locale)("demo.failed")
    status = STATUS.get(error.code, 429 if error.code in _BUSY else 400 if code.startswith("demo.") else 500)
    content: dict[str, Any] = {"error": {"code": code, "message": sentence}}
    headers = {"Retry-After": json.dumps(error.params.get("n", 5))} if status == 429 else None
    return JSONResponse(content, status, headers=headers)
