"""How often a password may be guessed: by one guesser, and by all strangers together."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from studio.errors import AfinaError

_FREE_ATTEMPTS: Final = 4
_LONGEST_WAIT: Final = 60.0
_EVERYBODY: Final = 50  # wrong guesses of all strangers at once
_REFILL: Final = 10.0  # seconds until there is one more


class Attempts:
    """Slows guessing down: after a few wrong passwords from an address, each one doubles the wait, to a minute.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # count, and when the next may come
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Refuses an address that has to wait.

        Raises:
            AfinaError: ``login.wait`` with the seconds left.
        """
        with self._lock:
            left = self._failures.get(address, (0, 0.0))[1] - self._clock()
        if left > 0:
            raise AfinaError("login.wait", n=math.ceil(left))

    def failed(self, address: str) -> None:
        """Counts a wrong password."""
        with self._lock:
            count = self._failures.get(address, (0, 0.0))[0] + 1
            wait = min(_LONGEST_WAIT, 2.0 ** (count - _FREE_ATTEMPTS)) if count >= _FREE_ATTEMPTS else 0.0
            self._failures[address] = (count, self._clock() + wait)
            self._failures.move_to_end(address)
            while len(self._failures) > 10_000:
                self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forgets the failures of an address."""
        with self._lock:
            self._failures.pop(address, None)


class Allowance:
    """Wrong guesses that all strangers together have: many addresses are one guesser.

    Browsers that knew the password before do not share it, so that an attack does not keep the owner out.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left, self._since = float(_EVERYBODY), clock()
        self._lock = threading.Lock()

    def check(self) -> None:
        """Refuses a stranger's guess when none is left.

        Raises:
            AfinaError: ``login.wait`` with the seconds until there is one.
        """
        with self._lock:
            now = self._clock()
            self._left = min(_EVERYBODY, self._left + (now - self._since) / _REFILL)
            self._since = now
            if self._left < 1:
                raise AfinaError("login.wait", n=math.ceil((1 - self._left) * _REFILL))

    def used(self) -> None:
        """Counts a wrong guess."""
        with self._lock:
            self._left -= 1
