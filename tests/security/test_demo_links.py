"""A link that is switched off ends at once, and nobody is counted who should not be."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from studio.i18n.catalog import catalog
from studio.storage.database import LinkRow
from studio.web.demo import limits, queue
from tests.web.demo_server import Served, served, until

__all__ = ["served"]  # a fixture
CLOSED = catalog("en")("demo.closed")
ENGLISH = {"accept-language": "en"}


def revoke(served: Served) -> None:
    served.links.revoke(served.link.token)


def delete(served: Served) -> None:
    with served.links._workspace.database.session() as session:
        session.delete(session.get(LinkRow, served.link.token))


@pytest.mark.parametrize("end", [revoke, delete])
def test_a_link_that_ends_while_an_answer_runs_ends_the_answer(served: Served, end: Any) -> None:
    served.chat.gate.clear()  # the answer goes on for ever
    with served.visitor() as client:
        body: dict[str, Any] = {"json": {"question": "oi"}, "headers": ENGLISH}
        with client.stream("POST", f"/d/{served.link.token}/ask", **body) as response:
            lines = response.iter_lines()
            next(lines)
            end(served)
            assert [json.loads(line) for line in lines][-1] == {"error": CLOSED}
    assert served.chat.closed.wait(10)  # the model was told


def test_those_who_wait_do_not_begin(served: Served) -> None:
    served.chat.gate.clear()
    with served.visitor() as client, httpx.Client(base_url=served.url, timeout=20) as other:
        streams = []
        for number in range(queue.AT_ONCE + 1):
            visitor = {"x-number": str(number)}
            asker = httpx.Client(base_url=served.url, timeout=20, headers=ENGLISH | visitor)
            asker.get(f"/d/{served.link.token}")
            request = asker.build_request("POST", f"/d/{served.link.token}/ask", json={"question": "oi"})
            response = asker.send(request, stream=True)
            lines = response.iter_lines()
            next(lines)
            streams.append((asker, lines))
        until(lambda: len(served.chat.asked) == queue.AT_ONCE)
        revoke(served)
        for asker, lines in streams:
            assert json.loads(list(lines)[-1]) == {"error": CLOSED}
            asker.close()
        assert len(served.chat.asked) == queue.AT_ONCE
        assert other.get(f"/d/{served.link.token}").status_code == 410
        assert client.post(f"/d/{served.link.token}/ask", json={"question": "oi"}).status_code == 410


def test_who_is_refused_for_the_crowd_is_not_counted_against(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue.FairQueue, "join", _full)
    with served.visitor() as client:
        for _ in range(limits.PER_ADDRESS + limits.PER_VISITOR):
            refused = served.ask(client)
            assert refused.json()["error"]["code"] == "demo.full"
        monkeypatch.undo()
        assert served.ask(client).status_code == 200


def _full(*_: object) -> None:
    from studio.errors import AfinaError

    raise AfinaError("demo.full")


def test_visits_cannot_be_made_up(served: Served) -> None:
    for _ in range(200):
        assert httpx.get(f"{served.url}/d/{served.link.token}").status_code == 200
    assert served.links.open(served.link.token).visits == limits.VISITS


def test_a_forged_address_is_not_another_visitor(served: Served) -> None:
    for number in range(limits.VISITS + 20):
        httpx.get(f"{served.url}/d/{served.link.token}", headers={"x-forwarded-for": f"10.0.0.{number}"})
    assert served.links.open(served.link.token).visits == limits.VISITS
