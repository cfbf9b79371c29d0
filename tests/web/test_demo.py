"""The visitors' page over real HTTP: what it shows, what it refuses, who is answered when."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn

from studio.domain.conversation import Message, Role
from studio.domain.problem import Problem
from studio.domain.project import Link
from studio.services.links import LinkService
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace
from studio.web.demo import demo_app

NASTY = "<img src=x onerror=alert(1)> \"'&</textarea></script><script>alert(2)</script>"


@dataclass
class Update:
    """An update as a chat worker sends it."""

    texts: dict[str, str]
    done: bool = False
    problem: Problem | None = None


@dataclass
class SlowChat:
    """Answers word by word, when the test says so; for what no real model does on demand."""

    words: tuple[str, ...] = ("Sim,", " abrimos", " às 7.")
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    fail: Exception | Problem | None = None

    def stream(self, run_id: str, turns: dict[str, list[Message]], **options: Any) -> Iterator[Update]:
        self.asked.append({"run_id": run_id, "turns": turns, **options})
        if isinstance(self.fail, Exception):
            raise self.fail
        try:
            texts = {"base": "", "tuned": ""}
            for word in self.words:
                while not self.gate.wait(0.05):
                    yield Update(dict(texts))
                texts = {"base": texts["base"] + word.upper(), "tuned": texts["tuned"] + word}
                yield Update(dict(texts))
            yield Update(dict(texts), done=True, problem=self.fail)
        finally:
            self.closed.set()


@dataclass(frozen=True)
class Parts:
    """What the demo page needs of the studio."""

    workspace: Workspace
    links: LinkService
    chats: Any


@dataclass(frozen=True)
class Served:
    """A demo page on a port."""

    url: str
    chat: SlowChat
    links: LinkService
    link: Link

    @contextmanager
    def visitor(self) -> Iterator[httpx.Client]:
        """A browser that has opened the page."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            client.get(f"/d/{self.link.token}")
            yield client

    def ask(self, client: httpx.Client, question: str = "Abre domingo?", **body: Any) -> httpx.Response:
        return client.post(f"/d/{self.link.token}/ask", json={"question": question, **body})


@pytest.fixture
def served(workspace: Workspace) -> Iterator[Served]:
    with workspace.database.session() as session:
        session.add(ProjectRow(id="project-1", name="Loja", created_at=0.0, updated_at=0.0))
        session.flush()
        run = {"id": "run-1", "project_id": "project-1", "name": "Treino", "created_at": 0.0, "state": "finished"}
        counts = {"position": 1.0, "train_examples": 1, "held_out_examples": 1}
        session.add(RunRow(**run, **counts, model_id="tiny-llama", model_name="Tiny Llama"))
    write_atomic(workspace.run("run-1").best, "{}")
    links, chat = LinkService(workspace), SlowChat()
    chat.gate.set()
    link = links.create("run-1", "Pergunte à <Padaria>", ["Abre domingo?", 'Tem "pão"?'], "pt")
    with serve(demo_app(Parts(workspace, links, chat))) as url:
        yield Served(url, chat, links, link)
        chat.gate.set()


class serve:
    """Serves an application on a free port with the server of the product."""

    def __init__(self, app: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        until(lambda: self._server.started)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


def until(true: Callable[[], bool]) -> None:
    """Waits for something that must happen."""
    for _ in range(400):
        if true():
            return
        time.sleep(0.025)
    raise AssertionError("it did not happen")


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
        assert len(page.content) + sum(len(part.content) for part in parts) < 40_000


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
    app = demo_app(Parts(served.links._workspace, served.links, served.chat))
    assert {route.path for route in app.routes} == {"/d/static/{name}", "/d/{token}", "/d/{token}/ask"}


def test_mounted_in_the_studio_it_has_the_same_addresses(served: Served) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()
    app.mount("/d", demo_app(Parts(served.links._workspace, served.links, served.chat), prefix="/d"))
    with TestClient(app) as client:
        page = client.get(f"/d/{served.link.token}")
        assert page.status_code == 200
        assert client.get(re.findall(r'src="(/d/static/demo.js[^"]*)"', page.text)[0]).status_code == 200
        assert answers(client.post(f"/d/{served.link.token}/ask", json={"question": "oi"}))["tuned"].startswith("Sim")
        assert client.get("/d/unknown").status_code == 404
