"""The checks and the queue that a question passes before it is answered, from the demo page or the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from studio.domain.project import Link
from studio.errors import AfinaError
from studio.i18n.catalog import catalog
from studio.web.answer_updates import EventStream
from studio.web.demo.answers import Answering
from studio.web.demo.limits import PER_ADDRESS, PER_VISITOR, RateLimit
from studio.web.demo.questions import parse_question
from studio.web.demo.queue import Ticket
from studio.web.demo.requests import read_body

if TYPE_CHECKING:
    from studio.services.links import LinkService


class QuestionIntake:
    """The limits and the queue that the demo page and the widget share.

    Args:
        links: count the questions of an hour.
        answering: answers what is let in.
    """

    def __init__(self, links: LinkService, answering: Answering) -> None:
        self._links, self._answering = links, answering
        self._visitors, self._addresses = RateLimit(PER_VISITOR), RateLimit(PER_ADDRESS)

    async def answer(self, request: Request, link: Link, visitor: str, address: str, locale: str) -> Response:
        """Lines of JSON, as :meth:`studio.web.demo.answers.Answering.stream` yields them.

        Args:
            request: has the question.
            link: open.
            visitor: who asks, so that everybody gets a turn.
            address: from where.
            locale: of what is said.

        Raises:
            AfinaError: those of :func:`parse_question`; ``demo.big_body``, ``demo.hour_used_up``, ``demo.too_fast``,
                ``demo.own_questions``, ``demo.full``: nothing was counted then.
        """
        question = parse_question(request.headers.get("content-type", ""), await read_body(request))
        await run_in_threadpool(self._links.take_question, link)
        try:
            ticket = self._join(visitor, address)
        except AfinaError:
            await run_in_threadpool(self._links.give_question_back, link)
            raise
        lines = self._answering.stream(link, question, ticket, catalog(locale))
        return EventStream(lines, lambda: self._answering.queue.leave(ticket), "application/x-ndjson")

    def _join(self, visitor: str, address: str) -> Ticket:
        """A place in the queue. A visitor who is refused because it is full does not use up a question."""
        self._visitors.check(visitor)
        try:
            self._addresses.check(address)
        except AfinaError:
            self._visitors.give_back(visitor)
            raise
        try:
            return self._answering.queue.join(visitor, address)
        except AfinaError:
            self._visitors.give_back(visitor)
            self._addresses.give_back(address)
            raise
