"""The chat widget on the owner's site: one script, whose questions are answered for the listed sites only.

A browser says in ``Origin`` on whose page a script asks. Pages of sites that are not listed are told nothing, and get no
``Access-Control-Allow-Origin``, so that their scripts could not even read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from studio.domain.project import Link
from studio.domain.widget import Widget
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import LOCALES, catalog, negotiate
from studio.services.widgets import WidgetService
from studio.web.demo.headers import HEADERS
from studio.web.demo.intake import QuestionIntake
from studio.web.demo.limits import HOUR, VISITS, RateLimit, Visitors
from studio.web.demo.questions import MAX_QUESTION
from studio.web.demo.requests import refusal
from studio.web.templating import html_templates

VISITOR: Final = "afina-visitor"  # header: cookies of another site are thrown away by browsers
_DAY: Final = 86_400.0  # seconds
_FOLDER: Final = Path(__file__).parent / "widget_static"
_SAID: Final = ("try", "question", "placeholder", "ask", "stop", "again", "conversation", "you_asked", "small_print")
_SAID_AFTER: Final = (
    "answer",
    "how_known",
    "how_written",
    "how_handed_over",
    "stopped",
    "no_answer",
    "failed",
    "offline",
    "too_long_now",
)
_SAID_HERE: Final = ("open", "close", "closed")
_IN_THE_STUDIO: Final = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    )
}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": f"content-type, {VISITOR}",
    "Access-Control-Max-Age": "600",
}


def add_widget(
    app: FastAPI,
    below: str,
    widgets: WidgetService,
    intake: QuestionIntake,
    visitors: Visitors,
    warm: Callable[[str], object],
) -> None:
    """Adds the script and the widgets' routes to the demo pages, before ``/{token}``, which would match them.

    Args:
        app: the demo pages.
        below: what the routes begin with.
        widgets: and their links.
        intake: of the demo pages, so that a link has one hour and one queue at all doors.
        visitors: of the demo pages.
        warm: gets a run ready for its first question, in the background.
    """

    visits, near = RateLimit(1, _DAY), RateLimit(VISITS, HOUR)

    @app.get(below + "/widget.js")
    def script(request: Request) -> Response:
        source, tag = widget_script()
        headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin", "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(source, media_type="text/javascript", headers=headers)

    @app.get(below + "/widget/{widget_id}")
    def described(request: Request, widget_id: str) -> Response:
        try:
            widget, link = _admitted(widgets, request, widget_id)
            warm(link.run_id)
        except Exception as error:
            return _refused(request, error)
        return _readable(request, JSONResponse(_description(request, widget, link, visitors)))

    @app.post(below + "/widget/{widget_id}/ask")
    async def ask(request: Request, widget_id: str) -> Response:
        try:
            _, link = await run_in_threadpool(_admitted, widgets, request, widget_id)
            alone = link.model_copy(update={"shows_before": False, "takes_suggestions": False})
            address = visitors.address(request)
            visitor = visitors.verified(request.headers.get(VISITOR, "")) or visitors.unknown(address)
            reply = await intake.answer(request, alone, visitor, address, _locale(request))
            with suppress(AfinaError):  # she asked before
                visits.check(f"{link.token} {visitor}")
                near.check(f"{link.token} {address}")  # whoever throws the header away is not believed for long
                await run_in_threadpool(widgets.count_visit, link)
            return _readable(request, reply)
        except Exception as error:
            return _refused(request, error)

    @app.options(below + "/widget/{widget_id}")
    @app.options(below + "/widget/{widget_id}/ask")
    def preflight(request: Request, widget_id: str) -> Response:
        try:
            _require_listed(widgets, request, widget_id)
        except Exception as error:
            return _refused(request, error)
        return _readable(request, Response(status_code=204, headers=_PREFLIGHT))

    @app.get(below + "/widget/{widget_id}/preview")
    def preview(request: Request, widget_id: str) -> Response:
        try:
            widget, link = widgets.open(widget_id)
        except AfinaError as error:
            raise HTTPException(404) from error
        return HTMLResponse(_preview_page(widget, link, _locale(request)), headers=_IN_THE_STUDIO)


def _admitted(widgets: WidgetService, request: Request, widget_id: str) -> tuple[Widget, Link]:
    """The widget and its open link, for a page of one of its sites.

    Raises:
        AfinaError: ``widget.foreign_page``, ``link.closed``, ``general.not_found``.
    """
    _require_listed(widgets, request, widget_id)
    return widgets.open(widget_id)


def _require_listed(widgets: WidgetService, request: Request, widget_id: str) -> None:
    """Admits pages of the widget's sites and of this server (the owner's preview).

    Raises:
        AfinaError: ``widget.foreign_page``, also where there is no such widget, so that nobody learns which there are.
    """
    own = f"{request.url.scheme}://{request.url.netloc}"
    asked_by = request.headers.get("origin") or (own if request.headers.get("sec-fetch-site") == "same-origin" else "")
    if asked_by != own and asked_by not in widgets.sites(widget_id):
        raise AfinaError("widget.foreign_page", site=asked_by[:80] or "?")


def _refused(request: Request, error: Exception) -> Response:
    known = from_exception(error)
    response = refusal(known, _locale(request))
    return response if known.code == "widget.foreign_page" else _readable(request, response)


def _readable(request: Request, response: Response) -> Response:
    """Adds the CORS header with which the script of an admitted page can read the response."""
    response.headers["Vary"] = "Origin"
    if origin := request.headers.get("origin"):
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _description(request: Request, widget: Widget, link: Link, visitors: Visitors) -> dict[str, Any]:
    """What the script shows."""
    locale = _locale(request, link)
    text = catalog(locale)
    said = {name: text(f"demo.{name}", limit=MAX_QUESTION) for name in (*_SAID, *_SAID_AFTER)}
    said |= {name: text(f"widget.{name}", title=link.title) for name in _SAID_HERE}
    return {
        "title": link.title,
        "questions": link.questions,
        "locale": locale,
        "ownLocale": link.locale,
        "colour": widget.colour,
        "textColour": widget.text_colour,
        "limit": MAX_QUESTION,
        "visitor": visitors.new_cookie(),
        "said": said,
    }


def _locale(request: Request, link: Link | None = None) -> str:
    """The language of the page that asks, where it is one of ours."""
    wanted = request.query_params.get("lang", "").lower().partition("-")[0]
    if wanted in LOCALES:
        return wanted
    return link.locale if link else negotiate(request.headers.get("accept-language"))


@cache
def widget_script() -> tuple[str, str]:
    """The script including its styles, and its ETag."""
    styles = json.dumps((_FOLDER / "widget.css").read_text(encoding="utf-8"))
    source = (_FOLDER / "widget.js").read_text(encoding="utf-8").replace('"__STYLES__"', styles)
    return source, f'"{hashlib.sha256(source.encode()).hexdigest()[:16]}"'


def _preview_page(widget: Widget, link: Link, locale: str) -> str:
    template = html_templates(_FOLDER).get_template("preview.html")
    return template.render(widget=widget, link=link, locale=locale, t=catalog(locale))
