"""How much one key may ask, and how often an address may show a key that is none."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from studio.domain.api_key import ApiKey
from studio.errors import AfinaError
from studio.web.demo.limits import RateLimit

AT_ONCE: Final = 8  # questions of one key that are answered or wait at the same time
WRONG: Final = 20  # wrong keys that an address may show in a minute


class KeyLimits:
    """Counts questions in memory; those of a day are counted by the store.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes: dict[int, RateLimit] = {}  # by the number that a key allows
        self._wrong = RateLimit(WRONG, clock=clock)
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, key: ApiKey) -> None:
        """Counts a question that begins.

        Raises:
            AfinaError: ``api.too_fast`` with the seconds to wait as ``n``, ``api.at_once``.
        """
        with self._lock:
            if self._open[key.id] >= AT_ONCE:
                raise AfinaError("api.at_once", limit=AT_ONCE)
            rate = self._minutes.setdefault(key.per_minute, RateLimit(key.per_minute, clock=self._clock))
            _checked(rate, key.id, "api.too_fast", limit=key.per_minute)
            self._open[key.id] += 1

    def leave(self, key: ApiKey) -> None:
        """A question of this key is over."""
        with self._lock:
            self._open[key.id] -= 1
            if self._open[key.id] <= 0:
                del self._open[key.id]

    def wrong(self, address: str) -> None:
        """Counts a wrong key.

        Raises:
            AfinaError: ``api.too_many_wrong`` where this address has shown too many.
        """
        _checked(self._wrong, address, "api.too_many_wrong")


def _checked(rate: RateLimit, key: str, code: str, **params: int) -> None:
    try:
        rate.check(key)
    except AfinaError as error:
        raise AfinaError(code, n=error.params["n"], **params) from error
