"""From a question to lines of JSON: the place in the queue, then both answers as they grow."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import anyio
from anyio import to_thread

from studio.domain.project import Link
from studio.errors import AfinaError
from studio.i18n.catalog import Catalog
from studio.trust.decision import AnswerKind
from studio.web.answer_updates import Permission, follow
from studio.web.demo.questions import SIDES, Question
from studio.web.demo.queue import Ticket, VisitorQueue
from studio.web.demo.receipts import Receipts

if TYPE_CHECKING:
    from studio.services.chats import ChatService
    from studio.services.links import LinkService
    from studio.services.trusted_answers import TrustedAnswerService

MAX_TOKENS: Final = 256
_TICK: Final = 0.2  # seconds between two looks at the queue
_CLOSED: Final = ("link.closed", "general.not_found")
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answering:
    """Answers visitors one turn each.

    Args:
        chats: stops answers.
        trust: gives them: the owner's own, the model's, or the sentence that hands over.
        links: counts them.
        queue: says whose turn it is.
        receipts: signs what was answered.
        permissions: of the links by which somebody waits or is answered, by token: one look a second for a whole crowd.
    """

    chats: ChatService
    trust: TrustedAnswerService
    links: LinkService
    queue: VisitorQueue
    receipts: Receipts
    permissions: WeakValueDictionary[str, Permission] = field(default_factory=WeakValueDictionary)

    async def stream(self, link: Link, question: Question, ticket: Ticket, text: Catalog) -> AsyncIterator[str]:
        """Yields one JSON object a line; a visitor who goes away ends the generation.

        Lines: ``{"ahead": 2, "message": …}`` while waiting, ``{"base": …, "tuned": …}`` with what is new of each
        answer (``"replace": true`` where it is the whole answer anew) and, once, ``"how"`` the tuned one came about
        where that was decided, at last ``{"done": true}`` or ``{"error": …}``. In a blind vote nothing says how, both
        answers come whole in one line once both are there, ``base`` is the one that stands first, whose ever it is, and
        the last line has a ``ballot``; where better answers may be suggested it has a ``receipt`` of the tuned one.
        """
        own = Permission(partial(self.links.open, link.token))
        watch = self.permissions.setdefault(link.token, own)
        try:
            async for line in self._wait(ticket, watch, text):
                yield line
            async for line in self._answer(link, question, ticket, watch, text):
                yield line
        except AfinaError as error:
            if error.code not in _CLOSED:
                raise
            yield _line(error=text("demo.closed"))
        finally:
            self.queue.leave(ticket)

    async def _wait(self, ticket: Ticket, watch: Permission, text: Catalog) -> AsyncIterator[str]:
        told = -1
        while (ahead := self.queue.ahead(ticket)) is not None:
            if ahead != told:
                told = ahead
                yield _line(ahead=ahead, message=text("demo.queue", n=ahead) if ahead else text("demo.next"))
            await anyio.sleep(_TICK)
            await watch.check()

    async def _answer(
        self, link: Link, question: Question, ticket: Ticket, watch: Permission, text: Catalog
    ) -> AsyncIterator[str]:
        await watch.check(now=True)
        yield _line(message=text("demo.thinking"))
        sides = SIDES if link.shows_before else SIDES[1:]
        said, talk = dict.fromkeys(sides, ""), secrets.token_hex(8)
        ballot = self.receipts.new_ballot(link) if link.asks_for_vote else ""
        is_swapped = bool(ballot) and self.receipts.is_swapped(ballot)
        ask = partial(
            self.trust.stream,
            link.run_id,
            question.turns,
            sides=sides,
            temperature=0.0,
            max_tokens=MAX_TOKENS,
            client=ticket.visitor,
            talk=talk,
        )
        how = ""
        try:
            async with aclosing(follow(self.chats, ask, talk, watch)) as updates:
                async for update in updates:
                    if update.problem is not None:
                        _LOG.warning("A demo question failed: %s", update.problem.code)
                        yield _line(error=text("demo.failed"))
                        return
                    if update.is_fitting:
                        yield _line(message=text("demo.fitting"))
                    if ballot and not update.done:  # a known answer would be there before the other has begun
                        continue
                    change = _change(said, update.texts)
                    if change and not how and SIDES[1] in update.decisions:
                        how = update.decisions[SIDES[1]].kind.value
                        change |= {} if ballot else {"how": how}
                    if change:
                        yield _line(**(_swapped(change) if is_swapped else change))
                    said.update(update.texts)
                    if update.done:
                        break
            if any(said.values()):
                handed_over = how == AnswerKind.HANDED_OVER
                await to_thread.run_sync(partial(self.links.count_answer, link, handed_over=handed_over))
            notes = {"ballot": ballot} if ballot and all(map(str.strip, said.values())) else {}
            if link.takes_suggestions and said[SIDES[1]].strip():
                notes["receipt"] = self.receipts.of_answer(link, question.text, said[SIDES[1]])
            yield _line(done=True, **notes)
        except Exception as error:
            if isinstance(error, AfinaError) and error.code in _CLOSED:
                raise
            _LOG.exception("A demo question failed")
            yield _line(error=text("demo.failed"))


def _change(said: dict[str, str], texts: dict[str, str]) -> dict[str, Any]:
    grown: dict[str, Any] = {side: texts[side] for side in said if side in texts and texts[side] != said[side]}
    if all(whole.startswith(said[side]) for side, whole in grown.items()):
        return {side: whole[len(said[side]) :] for side, whole in grown.items()}
    return {**grown, "replace": True}


def _swapped(change: dict[str, Any]) -> dict[str, Any]:
    other = dict(zip(SIDES, reversed(SIDES), strict=True))
    return {other.get(name, name): value for name, value in change.items()}


def _line(**values: Any) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
