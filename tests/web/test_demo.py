"""The visitors' page over real HTTP: what it shows, what it refuses, who is answered when."""

from __future__ import annotations

import json
import re
import threading
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from studio.domain.conversation import Role
from studio.domain.problem import Problem
from studio.web.demo import demo_app
from tests.web.demo_server import Parts, Served, served, until

__all__ = ["served"]  # a fixture


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


def answers(response: httpx.Response) -> dict[str, str]:
    said = {"base": "", "tuned": ""}
    for line in lines(response):
        for side in said:
            said[side] = line.get(side, "") if line.get("replace") else said[side] + line.get(side, "")
    return said


def test_the_page_is_light_escaped_and_closed_to_everything_foreign(served: Served) -> None:
    with httpx.Client(base_url=served.url) as client:
        page = client.get(f"/d/{served.link.token}")
        assert page.status_code == 200
        assert "Pergunte à &lt;Padaria&gt;" in page.text
        assert "Tem &#34;pão&#34;?" in page.text
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=|https?://(?!www\.w3\.org)", page.text)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-robots-tag"].startswith("noindex")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        parts = [client.get(path) for path in re.findall(r'(?:href|src)="(/d/static/[^"]+)"', page.text)]
        parts.append(client.get("/d/static/figtree.woff2"))
        assert [part.status_code for part in parts] == [200, 200, 200]
        assert len(page.content) + sum(len(part.content) for part in parts) < 50_000


def test_both_answers_stream_and_are_counted(served: Served) -> None:
    with served.visitor() as client:
        response = served.ask(client)
    assert answers(response) == {"base": "SIM, ABRIMOS ÀS 7.", "tuned": "Sim, abrimos às 7."}
    assert lines(response)[-1] == {"done": True}
    assert sum("tuned" in line for line in lines(response)) == 3
    link = served.links.open(served.link.token)
    assert (link.visits, link.answers) == (1, 1)
    assert served.chat.asked[0]["run_id"] == "run-1"
    assert served.chat.asked[0]["temperature"] == 0.0


def test_a_reload_is_not_a_second_visit(served: Served) -> None:
    with served.visitor() as client:
        client.get(f"/d/{served.link.token}")
    with served.visitor():
        pass
    assert served.links.open(served.link.token).visits == 2


def test_each_side_is_reminded_of_its_own_answers(served: Served) -> None:
    earlier = [{"question": f"q{n}", "base": f"b{n}", "tuned": f"t{n}" if n else ""} for n in (3, 2, 1, 0, 0, 5)]
    with served.visitor() as client:
        served.ask(client, "e agora?", turns=earlier)
    turns = served.chat.asked[0]["turns"]
    assert [m.content for m in turns["base"]] == ["q1", "b1", "q0", "b0", "q0", "b0", "q5", "b5", "e agora?"]
    assert [m.content for m in turns["tuned"]] == ["q1", "t1", "q0", "…", "q0", "…", "q5", "t5", "e agora?"]
    assert turns["base"][0].role is Role.USER
    assert turns["base"][1].role is Role.ASSISTANT


def test_a_question_follows_an_owners_long_answer(served: Served) -> None:
    with served.visitor() as client:
        response = served.ask(client, "e agora?", turns=[{"question": "q", "base": "b", "tuned": "t" * 20_000}])
    assert answers(response)["tuned"]


@pytest.mark.parametrize(
    ("accepted", "query", "expected"),
    [
        ("", "", "pt-BR"),  # the link's language
        ("en-US,en;q=0.9", "", "en"),  # a browser that reads only English
        ("en-US,en;q=0.9,pt;q=0.5", "", "pt-BR"),  # one that reads both
        ("de-DE", "", "pt-BR"),
        ("pt-BR", "?lang=en", "en"),
        ("pt-BR", "?lang=xx", "pt-BR"),
    ],
)
def test_the_language_of_the_page(served: Served, accepted: str, query: str, expected: str) -> None:
    page = httpx.get(f"{served.url}/d/{served.link.token}{query}", headers={"accept-language": accepted})
    assert page.text.startswith(f'<!doctype html>\n<html lang="{expected}">')
    assert '<h1 lang="pt-BR">' in page.text


def test_a_hidden_before_is_neither_shown_nor_asked(served: Served) -> None:
    served.links.choose(served.link.token, shows_before=False)
    with served.visitor() as client:
        page = client.get(f"/d/{served.link.token}?lang=pt").text
        assert "Antes" not in page
        assert "Resposta" in page
        assert all("base" not in line for line in lines(served.ask(client)))
    assert served.chat.asked[0]["sides"] == ("tuned",)
    served.links.choose(served.link.token, shows_before=True)
    with served.visitor() as client:
        assert set(answers(served.ask(client)).values()) == {"SIM, ABRIMOS ÀS 7.", "Sim, abrimos às 7."}


def test_a_base_that_was_never_taught_to_chat_is_named_as_one(served: Served) -> None:
    page = f"{served.url}/d/{served.link.token}?lang=en"
    assert "never taught to chat" not in httpx.get(page).text
    served.chat.knows_chat = False
    assert "never taught to chat" in httpx.get(page).text


def test_a_deleted_link_is_one_that_never_was(served: Served) -> None:
    served.links.delete(served.link.token)
    gone, unknown = (httpx.get(f"{served.url}/d/{token}") for token in (served.link.token, "x" * 24))
    assert (gone.status_code, gone.text) == (404, unknown.text)
    assert httpx.post(f"{served.url}/d/{served.link.token}/ask", json={"question": "oi"}).status_code == 404


def test_unknown_and_closed_links_look_the_same(served: Served) -> None:
    served.links.revoke(served.link.token)
    closed = httpx.get(f"{served.url}/d/{served.link.token}")
    unknown = httpx.get(f"{served.url}/d/{'x' * 24}")
    assert (closed.status_code, unknown.status_code) == (410, 404)
    assert closed.text == unknown.text
    assert "switched off" in closed.text
    assert "padaria" not in closed.text.lower()
    asked = httpx.post(f"{served.url}/d/{served.link.token}/ask?lang=pt", json={"question": "oi"})
    assert asked.status_code == 410
    assert asked.json()["error"]["code"] == "closed"
    assert "desligada" in asked.json()["error"]["message"]
    served.links.reopen(served.link.token)
    assert httpx.get(f"{served.url}/d/{served.link.token}").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ('{"question": "  "}', "application/json", 400, "demo.empty"),
        ('{"question": "' + "a" * 2001 + '"}', "application/json", 413, "demo.too_long"),
        ('{"question": "' + "a" * 70_000 + '"}', "application/json", 413, "demo.big_body"),
        ('{"question": "oi"}', "text/plain", 400, "demo.bad_request"),
        ('{"question": "oi", "run_id": "other"}', "application/json", 400, "demo.bad_request"),
        ('{"question": ["oi"]}', "application/json", 400, "demo.bad_request"),
        ("\xff{", "application/json", 400, "demo.bad_request"),
    ],
)
def test_what_is_refused_has_a_sentence(served: Served, body: str, kind: str, status: int, code: str) -> None:
    address = f"{served.url}/d/{served.link.token}/ask?lang=pt"
    response = httpx.post(address, content=body.encode("latin-1"), headers={"content-type": kind})
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["message"].endswith(".")
    assert served.chat.asked == []


def test_too_many_questions_a_minute_have_to_wait(served: Served) -> None:
    with served.visitor() as client:
        statuses = [served.ask(client).status_code for _ in range(13)]
        assert statuses == [200] * 12 + [429]
        refused = served.ask(client)
        assert int(refused.headers["retry-after"]) > 0
        assert "wait" in refused.json()["error"]["message"]
    with served.visitor() as other:
        assert served.ask(other).status_code == 200


def test_a_link_answers_as_many_questions_an_hour_as_its_owner_chose(served: Served) -> None:
    link = served.links.create("run-1", "Padaria", locale="pt", per_hour=2)
    with served.visitor() as client:
        replies = [client.post(f"/d/{link.token}/ask", json={"question": "Abre?"}) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert replies[-1].json()["error"]["code"] == "demo.hour_used_up"
        assert served.ask(client).status_code == 200  # another link has its own


def test_a_link_whose_time_is_over_is_closed_in_the_middle_of_an_answer(served: Served) -> None:
    from studio.sharing.links import LinkStore

    served.chat.gate.clear()
    store = LinkStore(served.links._workspace.database)
    with (
        served.visitor() as client,
        client.stream("POST", f"/d/{served.link.token}/ask", json={"question": "Abre?"}) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        until(lambda: len(served.chat.asked) == 1)
        store.change(served.link.token, expires_at=1.0)
        assert "error" in json.loads(list(lines)[-1])
    until(served.chat.closed.is_set)


def test_inventing_cookies_does_not_make_new_visitors(served: Served) -> None:
    statuses = []
    for number in range(14):
        cookies = {"afina_visitor": f"visitor{number}.{'0' * 32}"}
        with httpx.Client(base_url=served.url, cookies=cookies) as client:
            statuses.append(served.ask(client).status_code)
    assert statuses[-1] == 429


def test_a_visitor_who_leaves_ends_the_generation(served: Served) -> None:
    served.chat.gate.clear()
    with (
        served.visitor() as client,
        client.stream("POST", f"/d/{served.link.token}/ask", json={"question": "oi"}) as response,
    ):
        next(response.iter_lines())
        until(lambda: len(served.chat.asked) == 1)
    until(served.chat.closed.is_set)
    assert served.links.open(served.link.token).answers == 0


def test_those_who_wait_see_their_place_and_their_turn_comes(served: Served) -> None:
    served.chat.gate.clear()
    seen: dict[int, list[dict[str, Any]]] = {}

    def visit(number: int) -> None:
        with served.visitor() as client:
            seen[number] = lines(served.ask(client))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(served.chat.asked) == 4)
    with ExitStack() as stack:
        late = []
        for _ in range(2):
            client = stack.enter_context(served.visitor())
            address = f"/d/{served.link.token}/ask?lang=en"
            response = stack.enter_context(client.stream("POST", address, json={"question": "oi"}))
            late.append(response.iter_lines())
        assert json.loads(next(late[0])) == {"ahead": 0, "message": "You are next"}
        assert json.loads(next(late[1])) == {"ahead": 1, "message": "1 person before you"}
        assert len(served.chat.asked) == 4
        served.chat.gate.set()
        for said in late:
            assert json.loads(list(said)[-1]) == {"done": True}
    for thread in threads:
        thread.join(10)
    assert len(served.chat.asked) == 6
    assert all(said[-1] == {"done": True} for said in seen.values())


@pytest.mark.parametrize(
    "fail", [RuntimeError("/home/owner/secret"), Problem(code="disk.missing", params={"path": "/s"})]
)
def test_a_failure_tells_the_visitor_nothing_of_the_computer(served: Served, fail: Exception | Problem) -> None:
    served.chat.fail = fail
    with served.visitor() as client:
        response = served.ask(client)
    assert "error" in lines(response)[-1]
    assert "/s" not in response.text
    assert "secret" not in response.text
    served.chat.fail = None
    with served.visitor() as client:
        assert lines(served.ask(client))[-1] == {"done": True}  # its place was given back


def test_alone_on_a_port_no_studio_route_answers(served: Served) -> None:
    for path in ("/", "/en/", "/pt/", "/login", "/gradio_api/info", "/config", "/docs", "/openapi.json", "/d", "/d/"):
        for method in ("GET", "POST"):
            response = httpx.request(method, served.url + path)
            assert response.status_code in (404, 405), path
            assert "gradio" not in response.text.lower()
    for path in ("/d/static/../app.py", "/d/static/%2e%2e/app.py", "/d/static/page.html"):
        assert httpx.get(served.url + path).status_code == 404
    app = demo_app(Parts(served.links._workspace, served.links, served.chat, served.suggested, served.chat))
    below = {f"/d/{{token}}{path}" for path in ("", "/ask", "/unlock", "/vote", "/suggest")}
    below |= {"/d/widget.js", *(f"/d/widget/{{widget_id}}{path}" for path in ("", "/ask", "/preview"))}
    assert {route.path for route in app.routes} == {"/d/static/{name}", *below}


def test_mounted_in_the_studio_it_has_the_same_addresses(served: Served) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()
    app.mount(
        "/d",
        demo_app(Parts(served.links._workspace, served.links, served.chat, served.suggested, served.chat), prefix="/d"),
    )
    with TestClient(app) as client:
        page = client.get(f"/d/{served.link.token}")
        assert page.status_code == 200
        assert client.get(re.findall(r'src="(/d/static/demo.js[^"]*)"', page.text)[0]).status_code == 200
        assert answers(client.post(f"/d/{served.link.token}/ask", json={"question": "oi"}))["tuned"].startswith("Sim")
        assert client.get("/d/unknown").status_code == 404
