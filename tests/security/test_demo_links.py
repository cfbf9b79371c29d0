"""A link that is switched off ends at once, and nobody is counted who should not be."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from studio.i18n.catalog import catalog
from studio.services.projects import ProjectService
from studio.web.demo import demo_app, limits, queue
from tests.web.demo_server import Parts, Served, serve, served, until

__all__ = ["served"]  # a fixture
CLOSED = catalog("en")("demo.closed")
ENGLISH = {"accept-language": "en"}


def revoke(served: Served) -> None:
    served.links.revoke(served.link.token)


def delete(served: Served) -> None:
    served.links.delete(served.link.token)


def delete_its_project(served: Served) -> None:
    ProjectService(served.links._workspace).delete("project-1")


ENDS = pytest.mark.parametrize("end", [revoke, delete, delete_its_project])


@ENDS
def test_a_link_that_ends_while_an_answer_runs_ends_the_answer(served: Served, end: Any) -> None:
    served.chat.gate.clear()  # the answer goes on for ever
    with served.visitor() as client:
        body: dict[str, Any] = {"json": {"question": "oi"}, "headers": ENGLISH}
        with client.stream("POST", f"/d/{served.link.token}/ask", **body) as response:
            lines = response.iter_lines()
            next(lines)
            end(served)
            assert [json.loads(line) for line in lines][-1] == {"error": CLOSED}
    assert served.chat.closed.wait(60)  # the model was told


@ENDS
def test_a_link_that_ends_while_the_model_is_silent_ends_the_answer(served: Served, end: Any) -> None:
    served.chat.is_silent = True  # not one update, as while a model is loaded
    with served.visitor() as client:
        body: dict[str, Any] = {"json": {"question": "oi"}, "headers": ENGLISH}
        with client.stream("POST", f"/d/{served.link.token}/ask", **body) as response:
            lines = response.iter_lines()
            next(lines)
            until(lambda: bool(served.chat.asked))
            end(served)
            assert [json.loads(line) for line in lines][-1] == {"error": CLOSED}
    assert served.chat.closed.wait(60)


def test_who_goes_away_while_the_model_is_silent_frees_the_place(served: Served) -> None:
    served.chat.is_silent = True
    for number in range(queue.AT_ONCE + 1):
        with served.visitor() as client:
            with client.stream("POST", f"/d/{served.link.token}/ask", json={"question": "oi"}) as response:
                next(response.iter_lines())
                until(lambda number=number: len(served.chat.asked) > number)  # type: ignore[misc]
            assert served.chat.closed.wait(60)
            served.chat.closed.clear()


@ENDS
def test_those_who_wait_do_not_begin(served: Served, end: Any) -> None:
    served.chat.gate.clear()
    with served.visitor() as client, httpx.Client(base_url=served.url, timeout=60) as other:
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
        end(served)
        for asker, lines in streams:
            assert json.loads(list(lines)[-1]) == {"error": CLOSED}
            asker.close()
        assert len(served.chat.asked) == queue.AT_ONCE
        gone = 404 if end is delete else 410  # a deleted project can be restored, and its links with it
        assert other.get(f"/d/{served.link.token}").status_code == gone
        assert client.post(f"/d/{served.link.token}/ask", json={"question": "oi"}).status_code == gone


def test_who_is_refused_for_the_crowd_is_not_counted_against(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue.VisitorQueue, "join", _full)
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
    with httpx.Client(base_url=served.url, timeout=60) as script:
        for number in range(limits.VISITS + 20):
            script.cookies.clear()
            forged = {"x-forwarded-for": f"10.0.0.{number}", "cookie": f"afina_visitor=a{number}.{'0' * 32}"}
            assert script.get(f"/d/{served.link.token}", headers=forged).status_code == 200
    assert served.links.open(served.link.token).visits == limits.VISITS


def test_the_questions_of_an_hour_are_counted_over_all_doors_together(served: Served) -> None:
    link = served.links.create("run-1", "Padaria", per_hour=2)
    with serve(
        demo_app(Parts(served.links._workspace, served.links, served.chat, served.suggested, served.chat))
    ) as other:  # as shared in the network
        asked = [httpx.post(f"{url}/d/{link.token}/ask", json={"question": "oi"}) for url in 2 * (served.url, other)]
    assert [response.status_code for response in asked] == [200, 200, 429, 429]
