"""How fast a password may be guessed: by one guesser, and by all strangers together.

Nobody is kept out for what was guessed before: attempts beyond the free ones are taken in turn, and the right password
passes when its turn comes.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from studio.errors import AfinaError

PACE: Final = 1.0  # seconds between two attempts of one guesser
_QUEUE: Final = 10  # paces that an attempt may wait; what comes while so many wait is told to come again
_FREE: Final = 4  # attempts at once that nobody waits for
_EVERYBODY_FREE: Final = 50
_EVERYBODY_FASTER: Final = 5  # paces of all strangers together in one of a single guesser
_REMEMBERED: Final = 10_000


class LoginThrottle:
    """Gives each attempt its turn. Not for several threads: the event loop of one server asks it.

    Args:
        pace: seconds between two attempts of one guesser, beyond the free ones.
        clock: monotonic seconds.
    """

    def __init__(self, pace: float = PACE, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._clock = pace, clock
        self._turns: OrderedDict[str, float] = OrderedDict()  # guesser: when its latest turn is
        self._everybody = -math.inf

    def take_turn(self, guesser: str, *, is_stranger: bool = True) -> float:
        """Takes the next turn of a guesser.

        Args:
            guesser: a network, or a browser that was here before.
            is_stranger: whether it shares the turns of all strangers; an attack takes none of a known browser's.

        Returns:
            Seconds until the turn.

        Raises:
            AfinaError: ``login.wait`` with the seconds ``n`` until there is room; no turn is taken then.
        """
        now = self._clock()
        own = max(self._turns.get(guesser, -math.inf), now - _FREE * self._pace) + self._pace
        shared_pace = self._pace / _EVERYBODY_FASTER
        shared = max(self._everybody, now - _EVERYBODY_FREE * shared_pace) + shared_pace
        wait = max(own, shared if is_stranger else now) - now
        if wait > _QUEUE * self._pace:
            raise AfinaError("login.wait", n=math.ceil(wait - _QUEUE * self._pace))
        self._turns[guesser] = own
        self._turns.move_to_end(guesser)
        while len(self._turns) > _REMEMBERED:
            self._turns.popitem(last=False)
        if is_stranger:
            self._everybody = shared
        return max(0.0, wait)
