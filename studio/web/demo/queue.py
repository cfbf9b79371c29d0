"""Who is answered next: one turn a visitor, round and round, with a bounded number waiting."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from studio.errors import AfinaError

AT_ONCE: Final = 4  # questions answered in one batch: eight rows, both sides, decode about as fast as one on a CPU
WAITING: Final = 40
PER_VISITOR: Final = 3
PER_ADDRESS: Final = 12


@dataclass(frozen=True, eq=False)
class Ticket:
    """A question's place in the queue."""

    visitor: str
    address: str


class FairQueue:
    """Turns for questions: visitors take turns, so that one who asks ten things does not delay the others.

    Safe to use from several threads and event loops: the studio and the shared port may ask the same queue.

    Args:
        at_once: questions that are answered at the same time.
        waiting: questions that may wait, over all visitors.
        per_visitor: questions that one visitor may have waiting or being answered.
        per_address: the same for everybody behind one address.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        per_visitor: int = PER_VISITOR,
        per_address: int = PER_ADDRESS,
    ) -> None:
        self._at_once, self._limit = at_once, waiting
        self._per_visitor, self._per_address = per_visitor, per_address
        self._lock = threading.Lock()
        self._active: set[Ticket] = set()
        self._waiting: OrderedDict[str, deque[Ticket]] = OrderedDict()  # visitors in the order of their turns

    def join(self, visitor: str, address: str) -> Ticket:
        """Takes a place at the end of the visitor's own line.

        Raises:
            AfinaError: ``demo.full`` when too many wait, ``demo.own_questions`` when this visitor asks too much at once.
        """
        with self._lock:
            everyone = [*self._active, *(ticket for line in self._waiting.values() for ticket in line)]
            own = sum(ticket.visitor == visitor for ticket in everyone)
            near = sum(ticket.address == address for ticket in everyone)
            if own >= self._per_visitor or near >= self._per_address:
                raise AfinaError("demo.own_questions")
            if len(everyone) - len(self._active) >= self._limit:
                raise AfinaError("demo.full")
            ticket = Ticket(visitor, address)
            self._waiting.setdefault(visitor, deque()).append(ticket)
            self._admit()
            return ticket

    def ahead(self, ticket: Ticket) -> int | None:
        """How many questions come before this one; None when it is its turn."""
        with self._lock:
            if ticket in self._active:
                return None
            return self._order().index(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Gives the place back: the answer is complete, or the visitor has gone."""
        with self._lock:
            self._active.discard(ticket)
            line = self._waiting.get(ticket.visitor)
            if line is not None and ticket in line:
                line.remove(ticket)
                if not line:
                    del self._waiting[ticket.visitor]
            self._admit()

    def _admit(self) -> None:
        while self._waiting and len(self._active) < self._at_once:
            visitor, line = next(iter(self._waiting.items()))
            self._active.add(line.popleft())
            if line:
                self._waiting.move_to_end(visitor)
            else:
                del self._waiting[visitor]

    def _order(self) -> list[Ticket]:
        lines = [list(line) for line in self._waiting.values()]
        longest = max(map(len, lines), default=0)
        return [line[turn] for turn in range(longest) for line in lines if turn < len(line)]
