"""Visitors' feedback on answers: which of two is better, and suggestions of better ones."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.responses import Response

from studio.domain.project import Link
from studio.domain.vote import Choice
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import LOCALES, negotiate
from studio.web.demo.entrance import Entrance
from studio.web.demo.limits import HOUR, RateLimit, Visitors
from studio.web.demo.questions import Suggestion, Vote, parse_body
from studio.web.demo.receipts import Receipts
from studio.web.demo.requests import read_body, refusal
from studio.web.demo.services import DemoServices

_SUGGESTIONS: Final = 20  # of one visitor in an hour
_SUGGESTIONS_NEAR: Final = 60  # of everybody behind one address


def add_feedback(
    app: FastAPI, below: str, services: DemoServices, entrance: Entrance, visitors: Visitors, receipts: Receipts
) -> None:
    """Adds the routes ``/vote`` and ``/suggest`` of a link."""
    limits = RateLimit(_SUGGESTIONS, HOUR), RateLimit(_SUGGESTIONS_NEAR, HOUR)

    @app.post(below + "/{token}/vote")
    async def vote(request: Request, token: str) -> Response:
        try:
            link = await run_in_threadpool(entrance.enter, request, token)
            cast = parse_body(Vote, request.headers.get("content-type", ""), await read_body(request))
            choice = receipts.cast(cast.ballot, link, cast.choice)
            await run_in_threadpool(services.links.count_vote, link, choice)
        except Exception as error:
            return refusal(from_exception(error), _locale(request))
        tuned, chosen = receipts.is_swapped(cast.ballot), choice in (Choice.AFTER, Choice.BEFORE)
        return JSONResponse(
            {"tuned": "first" if tuned else "second", "for_tuned": choice is Choice.AFTER if chosen else None}
        )

    @app.post(below + "/{token}/suggest")
    async def suggest(request: Request, token: str) -> Response:
        try:
            link = await run_in_threadpool(entrance.enter, request, token)
            made = parse_body(Suggestion, request.headers.get("content-type", ""), await read_body(request))
            limits[0].check(visitors.name(request))
            limits[1].check(visitors.address(request))
            await run_in_threadpool(_suggest, link, made)
        except Exception as error:
            return refusal(from_exception(error), _locale(request))
        return JSONResponse({"done": True})

    def _suggest(link: Link, made: Suggestion) -> None:
        if not link.takes_suggestions:
            raise AfinaError("demo.bad_request")
        receipts.check_answer(made.receipt, link, made.question, made.answer)
        services.suggested.suggest(link.run_id, link.title, made.question, made.answer, made.better)
        services.links.count_suggestion(link)


def _locale(request: Request) -> str:
    wanted = request.query_params.get("lang", "")
    return wanted if wanted in LOCALES else negotiate(request.headers.get("accept-language", ""))
