"""The fair queue and the rate limit, without waiting for anybody."""

from __future__ import annotations

import pytest

from studio.errors import AfinaError
from studio.web.demo.limits import RateLimit
from studio.web.demo.queue import Ticket, VisitorQueue


def order(queue: VisitorQueue, tickets: dict[str, Ticket]) -> list[str]:
    """Names in the order in which they are answered, one at a time."""
    answered = []
    while tickets:
        name = next(name for name, ticket in tickets.items() if queue.ahead(ticket) is None)
        answered.append(name)
        queue.leave(tickets.pop(name))
    return answered


def test_visitors_take_turns_however_much_one_asks() -> None:
    queue = VisitorQueue(at_once=1)
    tickets = {"a1": queue.join("a", "1"), "a2": queue.join("a", "1"), "a3": queue.join("a", "1")}
    tickets |= {"b1": queue.join("b", "2"), "c1": queue.join("c", "3"), "b2": queue.join("b", "2")}
    assert [queue.ahead(ticket) for ticket in tickets.values()] == [None, 0, 3, 1, 2, 4]
    assert order(queue, tickets) == ["a1", "a2", "b1", "c1", "a3", "b2"]


def test_as_many_at_once_as_fit_in_a_batch() -> None:
    queue = VisitorQueue(at_once=2)
    first, second, third = (queue.join(name, name) for name in "abc")
    assert queue.ahead(first) is None
    assert queue.ahead(second) is None
    assert queue.ahead(third) == 0
    queue.leave(second)
    assert queue.ahead(third) is None


def test_one_who_gives_up_while_waiting_is_passed_over() -> None:
    queue = VisitorQueue(at_once=1)
    first, second, third = (queue.join(name, name) for name in "abc")
    queue.leave(second)
    assert queue.ahead(third) == 0
    queue.leave(first)
    assert queue.ahead(third) is None
    queue.leave(third)
    queue.leave(third)  # leaving twice gives nothing back twice
    assert queue.ahead(queue.join("d", "d")) is None


def test_the_queue_is_bounded_for_all_for_one_and_for_an_address() -> None:
    queue = VisitorQueue(at_once=1, waiting=3, per_visitor=2, per_address=3)
    queue.join("a", "1")
    queue.join("a", "1")
    with pytest.raises(AfinaError, match=r"demo\.own_questions"):
        queue.join("a", "9")
    queue.join("b", "1")
    with pytest.raises(AfinaError, match=r"demo\.own_questions"):
        queue.join("c", "1")
    queue.join("c", "2")
    with pytest.raises(AfinaError, match=r"demo\.full"):
        queue.join("d", "3")


def test_the_rate_limit_slides_and_tells_how_long_to_wait() -> None:
    now = [100.0]
    limit = RateLimit(2, 60, clock=lambda: now[0])
    limit.check("a")
    now[0] += 20
    limit.check("a")
    with pytest.raises(AfinaError) as caught:
        limit.check("a")
    assert caught.value.params == {"n": 40}
    limit.check("b")
    now[0] += 40
    limit.check("a")
