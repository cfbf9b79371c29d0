"""Limits of concurrent requests per key, and of wrong keys per address."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from studio.domain.api_key import ApiKey
from studio.errors import AfinaError
from studio.web.demo.limits import RateLimit

AT_ONCE: Final = 8  # questions of one key that are answered or wait at the same time
WRONG: Final = 20  # wrong keys that an address may show in a minute


class KeyLimits:
    """Counts requests in progress, in memory; questions per minute and per day are counted by the store."""

    def __init__(self) -> None:
        self._wrong = RateLimit(WRONG)
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, key: ApiKey) -> None:
        """A question of this key begins.

        Raises:
            AfinaError: ``api.at_once``.
        """
        with self._lock:
            if self._open[key.id] >= AT_ONCE:
                raise AfinaError("api.at_once", limit=AT_ONCE)
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
        try:
            self._wrong.check(address)
        except AfinaError as error:
            raise AfinaError("api.too_many_wrong", n=error.params["n"]) from error
