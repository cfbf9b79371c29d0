"""Whether an answer may go on is asked once a second, however many wait for it."""

from __future__ import annotations

import asyncio

import pytest

from studio.errors import AfinaError
from studio.web.answer_updates import Permission
from tests.own_loop import run


def test_a_crowd_asks_as_often_as_one_and_all_of_it_is_refused() -> None:
    asked = list[float]()

    def closed() -> None:
        asked.append(0.0)
        raise AfinaError("link.closed")

    async def crowd() -> list[object]:
        permission = Permission(closed)
        with pytest.raises(AfinaError):
            await permission.check()
        return list(await asyncio.gather(*(permission.check() for _ in range(50)), return_exceptions=True))

    outcomes = run(crowd())
    assert {getattr(outcome, "code", outcome) for outcome in outcomes} == {"link.closed"}
    assert len(asked) == 1


def test_who_is_about_to_be_answered_is_asked_about_at_once() -> None:
    asked = list[float]()
    permission = Permission(lambda: asked.append(0.0))

    async def twice() -> None:
        await permission.check()
        await permission.check(now=True)

    run(twice())
    assert len(asked) == 2
