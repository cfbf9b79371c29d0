"""Who is answered next: one turn a visitor, round and round, with a bounded number waiting."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from studio.chat.scheduler import FairQueue, Unit
from studio.errors import AfinaError

AT_ONCE: Final = 4  # questions answered in one batch: eight rows, both sides, decode about as fast as one on a CPU
WAITING: Final = 120  # a hall of people; each is told how many come before
PER_VISITOR: Final = 3
PER_ADDRESS: Final = 60  # an office, a class or a shop shares one address; half of the places stay free for others


@dataclass(frozen=True, eq=False)
class Ticket:
    """A question's place in the queue."""

    visitor: str
    address: str


class VisitorQueue:
    """Turns for questions: visitors take turns, so that one who asks ten things does not delay the others.

    The rotation is the one by which the chat worker mixes its rows; what is bounded here is how many may wait at all.
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
        self._limit, self._per_visitor, self._per_address = waiting, per_visitor, per_address
        self._lock = threading.Lock()
        self._active: set[Ticket] = set()
        self._waiting = FairQueue[Ticket](at_once, at_once)

    def join(self, visitor: str, address: str) -> Ticket:
        """Takes a place at the end of the visitor's own line.

        Raises:
            AfinaError: ``demo.full`` when too many wait, ``demo.own_questions`` when this visitor asks too much at once.
        """
        with self._lock:
            waiting = self._order()
            everyone = [*self._active, *waiting]
            own = sum(ticket.visitor == visitor for ticket in everyone)
            near = sum(ticket.address == address for ticket in everyone)
            if own >= self._per_visitor or near >= self._per_address:
                raise AfinaError("demo.own_questions")
            if len(waiting) >= self._limit:
                raise AfinaError("demo.full")
            ticket = Ticket(visitor, address)
            self._waiting.add(Unit(visitor, (ticket,)))
            self._admit()
            return ticket

    def ahead(self, ticket: Ticket) -> int | None:
        """How many questions come before this one; None when it is its turn."""
        with self._lock:
            return None if ticket in self._active else self._order().index(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Gives the place back: the answer is complete, or the visitor has gone."""
        with self._lock:
            self._active.discard(ticket)
            self._waiting.remove([ticket])
            self._admit()

    def _admit(self) -> None:
        for unit in self._waiting.take(ticket.visitor for ticket in self._active):
            self._active.update(unit.rows)

    def _order(self) -> list[Ticket]:
        return [ticket for unit in self._waiting.order() for ticket in unit.rows]
