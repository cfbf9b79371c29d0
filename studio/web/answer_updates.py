"""Answers for whoever is connected: followed without blocking the event loop, and ended when they may not go on."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anyio import CancelScope, to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from studio.errors import AfinaError

if TYPE_CHECKING:
    from studio.services.chats import ChatService, ChatUpdate

_TICK: Final = 0.2  # seconds between two attempts to stop an answer
_LOOK: Final = 1.0  # seconds between two looks whether it may go on


@dataclass
class Permission:
    """Asks again and again whether answers may go on; those of one link or key may share it.

    Args:
        require: raises once they may not; called in a thread.
    """

    require: Callable[[], object]
    looked: float = -math.inf
    refusal: AfinaError | None = None

    async def check(self, *, now: bool = False) -> None:
        """Asks, at most once a second unless ``now``; in between the last outcome holds.

        Raises:
            AfinaError: what ``require`` raises.
        """
        if now or time.monotonic() - self.looked >= _LOOK:
            self.looked = time.monotonic()
            try:
                await to_thread.run_sync(self.require)
                self.refusal = None
            except AfinaError as error:
                self.refusal = error
        if self.refusal is not None:
            raise self.refusal


class EventStream(StreamingResponse):
    """Sends what an answer yields, and says when it is over: also where nobody was there any more to send anything to.

    Args:
        on_end: called once, whatever happened.
    """

    def __init__(self, content: AsyncIterator[str], on_end: Callable[[], object], media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


async def follow(
    chats: ChatService, ask: Callable[[], Iterator[ChatUpdate]], talk: str, permission: Permission
) -> AsyncGenerator[ChatUpdate, None]:
    """Yields the updates of an answer. Must be closed: a caller who stops early ends the generation so.

    Args:
        talk: the name by which it is stopped.
        permission: looked at all the time, also while the model says nothing.

    Raises:
        AfinaError: what ``ask`` raises, and what ``permission`` raises, when the model has been told to stop.
    """
    updates = await to_thread.run_sync(ask)
    try:
        while (update := await _next(chats, updates, talk, permission)) is not None:
            yield update
    finally:
        close = getattr(updates, "close", None)
        if close is not None:
            with CancelScope(shield=True):  # whoever asked has gone, and the model must still be told
                await to_thread.run_sync(close)


async def _next(chats: ChatService, updates: Iterator[Any], talk: str, permission: Permission) -> Any:
    pending = asyncio.ensure_future(to_thread.run_sync(next, updates, None))
    try:
        while not pending.done():
            await asyncio.wait([pending], timeout=_LOOK)
            await permission.check()
    finally:
        with CancelScope(shield=True):  # the permission or the asker has gone while the model was silent
            while not pending.done():
                await to_thread.run_sync(chats.stop, talk)
                await asyncio.wait([pending], timeout=_TICK)
    return pending.result()
