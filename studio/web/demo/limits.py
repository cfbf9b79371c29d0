"""How often a visitor may ask, and who a visitor is."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from studio.errors import AfinaError
from studio.web.guards.addresses import client_network

COOKIE: Final = "afina_visitor"
PER_VISITOR: Final = 12  # questions a minute: more than anyone reads
PER_ADDRESS: Final = 60  # an office or a shop shares one address
VISITS: Final = 20  # new visitors of a link that one address is believed in an hour
HOUR: Final = 3600.0
_WINDOW: Final = 60.0
_REMEMBERED: Final = 10_000


class RateLimit:
    """At most ``count`` events a key in any ``seconds``.

    Args:
        count: events allowed.
        seconds: length of the sliding window.
        clock: monotonic seconds.
    """

    def __init__(self, count: int, seconds: float = _WINDOW, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._seconds, self._clock = count, seconds, clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Counts one event of ``key``.

        Raises:
            AfinaError: ``demo.too_fast`` with the ``seconds`` to wait; the event is then not counted.
        """
        now = self._clock()
        with self._lock:
            times = self._times.setdefault(key, deque())
            self._times.move_to_end(key)
            while len(self._times) > _REMEMBERED:
                self._times.popitem(last=False)
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._count:
                raise AfinaError("demo.too_fast", n=max(1, round(times[0] + self._seconds - now)))
            times.append(now)

    def give_back(self, key: str) -> None:
        """Takes the newest event of ``key`` back: what it was for was refused."""
        with self._lock:
            if times := self._times.get(key):
                times.pop()


class Visitors:
    """Tells visitors apart by a signed cookie, and by their address where there is none.

    The signature keeps a script from inventing a new visitor for every question.

    Args:
        secret: key of the signature.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new_cookie(self) -> str:
        """The value of a cookie for a visitor who came for the first time."""
        name = secrets.token_urlsafe(12)
        return f"{name}.{self._sign(name)}"

    def known(self, request: Request) -> str | None:
        """The visitor's name from a cookie that we made; None without one."""
        return self.verified(request.cookies.get(COOKIE, ""))

    def verified(self, shown: str) -> str | None:
        """The visitor's name from a value of :meth:`new_cookie`; None for any other."""
        name, _, signature = shown.rpartition(".")
        if name and hmac.compare_digest(signature.encode(), self._sign(name).encode()):
            return name
        return None

    def address(self, request: Request) -> str:
        """Where a request comes from, as :func:`studio.web.guards.addresses.client_network` says it."""
        return client_network(request)

    def name(self, request: Request) -> str:
        """Who asks: the cookie's name, or one for everybody without a cookie at that address."""
        return self.known(request) or self.unknown(self.address(request))

    def unknown(self, address: str) -> str:
        """The name of everybody at an address who shows none."""
        return "at-" + hashlib.sha256(address.encode()).hexdigest()[:16]

    def _sign(self, name: str) -> str:
        return hmac.new(self._secret, b"visitor:" + name.encode(), hashlib.sha256).hexdigest()[:32]
