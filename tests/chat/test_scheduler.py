"""Everybody gets a turn."""

from __future__ import annotations

from studio.chat.scheduler import FairQueue, Unit


def _queue() -> FairQueue[str]:
    return FairQueue(most=8, most_of_one=6)


def test_a_client_with_many_questions_leaves_room_for_a_newcomer() -> None:
    queue = _queue()
    for number in range(20):
        queue.add(Unit("many", (f"a{number}", f"b{number}")))
    assert [unit.rows[0] for unit in queue.take([])] == ["a0", "a1", "a2"]
    queue.add(Unit("new", ("base", "tuned")))
    assert [unit.client for unit in queue.take(["many"] * 6)] == ["new"]


def test_clients_are_served_in_rotation() -> None:
    queue = _queue()
    for client in ("a", "b", "c"):
        for number in range(2):
            queue.add(Unit(client, (f"{client}{number}", f"{client}{number}'")))
    assert [unit.rows[0] for unit in queue.take([])] == ["a0", "b0", "c0", "a1"]
    assert [unit.rows[0] for unit in queue.take([])] == ["b1", "c1"]
    assert len(queue) == 0


def test_a_large_unit_begins_when_nothing_else_is_answered() -> None:
    queue = _queue()
    queue.add(Unit("batch", tuple("abcdefgh")))
    assert queue.take(["owner"]) == []
    assert len(queue.take([])) == 1


def test_removed_rows_are_never_taken() -> None:
    queue = _queue()
    queue.add(Unit("a", ("x", "y")))
    queue.add(Unit("b", ("z",)))
    queue.remove(["y"])
    assert [unit.client for unit in queue.take([])] == ["b"]
