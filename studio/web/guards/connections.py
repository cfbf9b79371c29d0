"""Connections that say nothing, or next to nothing, do not keep those out who ask.

Uvicorn has a deadline only for the time between two requests. Here the head of a request and its body have one, every
address has a share of the connections, and where there are too many the one that has been silent longest makes room.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from studio.web.guards.addresses import network_of

PER_ADDRESS: Final = 256  # an office behind one address: forty people with six connections each
TOTAL: Final = 1000
FILES: Final = 8192  # files and connections that the server may have open, where the system allows it
_SPARE_FILES: Final = 200  # for the database, examples, workers
HEAD_SECONDS: Final = 10.0
_BODY_REST: Final = 20.0  # seconds without a byte
_BODY_SECONDS: Final = 30.0
_BODY_RATE: Final = 4096  # bytes a second that a body may not fall below in the long run
_WRITE_REST: Final = 60.0  # seconds in which a visitor took nothing of what is sent
_LOOK: Final = 1.0


class ConnectionRegistry:
    """The connections of one listener.

    Args:
        is_proxy: tells addresses of proxies, behind which many visitors are.
        per_address: connections of one address, or one /64 of IPv6.
        total: of all together.
    """

    def __init__(self, is_proxy: Callable[[str], bool], per_address: int = PER_ADDRESS, total: int = TOTAL) -> None:
        self._is_proxy, self._per_address, self._total = is_proxy, per_address, total
        self._all: set[GuardedProtocol] = set()
        self._by_address: dict[str, set[GuardedProtocol]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: GuardedProtocol) -> bool:
        """Counts a new connection, where needed in the place of a silent one; False when there is no room."""
        near = self._by_address.setdefault(connection.address, set())
        crowded = len(near) >= self._per_address and not self._is_proxy(connection.peer)
        if (crowded and not self._make_room(near)) or (
            len(self._all) >= self._total and not self._make_room(self._all)
        ):
            if not near:
                self._by_address.pop(connection.address, None)
            return False
        self._by_address.setdefault(connection.address, near).add(connection)
        self._all.add(connection)
        if self._timer is None:
            self._timer = connection.loop.call_later(_LOOK, self._look, connection.loop)
        return True

    def remove(self, connection: GuardedProtocol) -> None:
        """Forgets a connection that has ended."""
        self._all.discard(connection)
        near = self._by_address.get(connection.address, set())
        near.discard(connection)
        if not near:
            self._by_address.pop(connection.address, None)

    def _make_room(self, among: Iterable[GuardedProtocol]) -> bool:
        silent = min((one for one in among if one.is_waiting), key=lambda one: one.heard_at, default=None)
        if silent is not None:
            self.drop(silent)
        return silent is not None

    def drop(self, connection: GuardedProtocol) -> None:
        """Ends a connection at once."""
        self.remove(connection)
        connection.transport.abort()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        for connection in [one for one in self._all if one.is_late(loop.time())]:
            self.drop(connection)
        self._timer = loop.call_later(_LOOK, self._look, loop) if self._all else None


class GuardedProtocol(H11Protocol):
    """Uvicorn's protocol, which also knows how long a visitor has been silent."""

    def __init__(self, *args: Any, registry: ConnectionRegistry, **options: Any) -> None:
        super().__init__(*args, **options)
        self._registry = registry
        self._current: Any = None  # the request whose body is counted
        self._body_since, self._arrived = 0.0, 0
        self._stalled_at: float | None = None
        self.heard_at = self._idle_since = self.loop.time()
        self.peer = self.address = ""

    @property
    def is_waiting(self) -> bool:
        """Whether it is the visitor's turn: the head or the body of a request is not here yet."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def is_late(self, now: float) -> bool:
        """Whether the visitor has taken longer than anybody needs."""
        if self._stalled_at is not None and now - self._stalled_at > _WRITE_REST:
            return True
        if self.cycle is None or self.cycle.response_complete:
            return now - self._idle_since > HEAD_SECONDS
        if not self.cycle.more_body or self.flow.read_paused:  # it is our turn
            return False
        slow = now - self._body_since > _BODY_SECONDS + self._arrived / _BODY_RATE
        return slow or now - self.heard_at > _BODY_REST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        self.address = network_of(self.peer)
        if not self._registry.admit(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        super().data_received(data)
        if self.cycle is not self._current:
            self._current, self._body_since, self._arrived = self.cycle, self.heard_at, 0
        self._arrived += len(data)

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._stalled_at = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_at = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.remove(self)
        super().connection_lost(exc)


def raise_file_limit() -> int:
    """Lets this process have as many connections as it needs where the system allows it.

    Returns:
        Connections that may be open at once.
    """
    if sys.platform == "win32":
        return TOTAL
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return TOTAL if soft == resource.RLIM_INFINITY else max(64, min(TOTAL, soft - _SPARE_FILES))
