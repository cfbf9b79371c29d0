"""Who is answered next: clients take turns, so that one with many questions does not keep the others waiting."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Unit(Generic[T]):
    """Rows that begin together, such as the base's and the tuned model's answer to one question.

    Args:
        client: who asks.
        rows: one or more.
    """

    client: str
    rows: tuple[T, ...]


class FairQueue(Generic[T]):
    """Waiting units, one line a client, served in rotation.

    Args:
        most: rows answered at a time.
        most_of_one: rows of one client answered at a time; the rest is kept free for a newcomer.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._lines: OrderedDict[str, deque[Unit[T]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())

    def add(self, unit: Unit[T]) -> None:
        """Puts a unit at the end of its client's line."""
        self._lines.setdefault(unit.client, deque()).append(unit)

    def remove(self, rows: Iterable[T]) -> None:
        """Takes out the units that hold any of ``rows``."""
        gone = set(rows)
        for client, line in list(self._lines.items()):
            kept = deque(unit for unit in line if not gone.intersection(unit.rows))
            self._lines[client] = kept
            if not kept:
                del self._lines[client]

    def order(self) -> list[Unit[T]]:
        """Every waiting unit in the order of the rotation, as if each began alone."""
        lines = [list(line) for line in self._lines.values()]
        longest = max(map(len, lines), default=0)
        return [line[turn] for turn in range(longest) for line in lines if turn < len(line)]

    def take(self, active: Iterable[str]) -> list[Unit[T]]:
        """Takes the units that may begin now.

        Args:
            active: the client of each row that is being answered.

        Returns:
            Units in the order of the rotation. A unit with more rows than fit begins when nothing else is answered.
        """
        busy = Counter(active)
        taken: list[Unit[T]] = []
        progress = True
        while progress:
            progress = False
            for client in list(self._lines):
                unit = self._lines[client][0]
                if not self._fits(unit, busy):
                    continue
                self._lines[client].popleft()
                if self._lines[client]:
                    self._lines.move_to_end(client)
                else:
                    del self._lines[client]
                busy[client] += len(unit.rows)
                taken.append(unit)
                progress = True
        return taken

    def _fits(self, unit: Unit[T], busy: Counter[str]) -> bool:
        if not busy.total():
            return True
        return busy.total() + len(unit.rows) <= self._most and busy[unit.client] + len(unit.rows) <= self._most_of_one
