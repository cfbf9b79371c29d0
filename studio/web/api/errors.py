"""Errors as clients of OpenAI expect them: a status, and an object with message, type, parameter and code."""

from __future__ import annotations

from typing import Any, Final

from fastapi.responses import JSONResponse

from studio.errors import AfinaError
from studio.i18n.catalog import Catalog

# Status, type and code by our code. What is not here is our own fault, and says nothing of this computer.
_KNOWN: Final = {
    "api.no_key": (401, "invalid_request_error", "invalid_api_key"),
    "api.wrong_key": (401, "invalid_request_error", "invalid_api_key"),
    "api.too_many_wrong": (429, "requests", "rate_limit_exceeded"),
    "api.too_fast": (429, "requests", "rate_limit_exceeded"),
    "api.at_once": (429, "requests", "rate_limit_exceeded"),
    "api.day_used_up": (429, "requests", "rate_limit_exceeded"),
    "api.big_body": (413, "invalid_request_error", "request_too_large"),
    "api.bad_request": (400, "invalid_request_error", None),
    "api.unsupported": (400, "invalid_request_error", "unsupported_parameter"),
    "api.no_model": (404, "invalid_request_error", "model_not_found"),
    "api.no_route": (404, "invalid_request_error", "unknown_url"),
    "chat.empty": (400, "invalid_request_error", None),
    "chat.too_long": (400, "invalid_request_error", "context_length_exceeded"),
    "chat.busy": (503, "server_error", "server_busy"),
    "chat.base_missing": (503, "server_error", "model_unavailable"),
}
_RETRY: Final = 5  # seconds, where nothing better is known


def as_api_error(error: AfinaError) -> AfinaError:
    """The same error, or ``api.failed`` where the client could do nothing about it."""
    return error if error.code in _KNOWN else AfinaError("api.failed")


def error_body(error: AfinaError, text: Catalog) -> dict[str, Any]:
    """The object ``error``."""
    _, kind, code = _KNOWN.get(error.code, (500, "server_error", None))
    described = {"message": text.error(error), "type": kind, "param": error.params.get("param"), "code": code}
    return {"error": described}


def error_response(error: AfinaError, text: Catalog) -> JSONResponse:
    """The response; one that may be tried again says after how many seconds."""
    status = _KNOWN.get(error.code, (500,))[0]
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(error.params.get("n", _RETRY))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error_body(error, text), status, headers)
