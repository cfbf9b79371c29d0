"""The doors of the API when a model is slow: keys that are revoked, limits, clients that leave, hostile requests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from studio.errors import AfinaError
from studio.services.api_keys import ApiKeyService
from studio.settings import Settings
from studio.sharing.api_keys import ApiKeyStore
from studio.storage.workspace import Workspace
from studio.web.api import api_app
from studio.web.api.limits import AT_ONCE, WRONG
from tests.taught import RUN
from tests.web.demo_server import SlowChat, serve, until

pytestmark = pytest.mark.model


@dataclass(frozen=True)
class Parts:
    """What the API needs of the studio."""

    workspace: Workspace
    keys: ApiKeyService
    chats: Any
    trust: Any


@dataclass(frozen=True)
class Api:
    """The API on a port, with a chat that answers when the test says so."""

    url: str
    chat: SlowChat
    keys: ApiKeyService

    def client(self, key: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


BODY: dict[str, Any] = {"model": RUN, "messages": [{"role": "user", "content": "Abre?"}]}
ASK = "/v1/chat/completions"


@pytest.fixture
def api(taught: Path, tiny_model: Path, tmp_path: Path) -> Iterator[Api]:
    shutil.copytree(taught, tmp_path / "home")
    workspace = Workspace.open(Settings(home=tmp_path / "home", models_dir=tiny_model.parent))
    chat = SlowChat()
    parts = Parts(workspace, ApiKeyService(workspace), chat, chat)
    app = FastAPI()
    app.mount("/v1", api_app(parts))
    with serve(app) as url:
        yield Api(url, chat, parts.keys)
        chat.gate.set()
    workspace.database.close()


def events(lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_key_revoked_in_the_middle_ends_the_answer(api: Api, is_silent: bool) -> None:
    made, key = api.keys.add("Shop")
    api.chat.is_silent = is_silent
    with api.client(key) as client, client.stream("POST", ASK, json=BODY | {"stream": True}) as response:
        told = events(response.iter_lines())
        assert json.loads(next(told))["choices"][0]["delta"]["role"] == "assistant"
        until(lambda: len(api.chat.asked) == 1)
        api.keys.revoke(made.id)
        last = list(told)[-1]
    assert json.loads(last)["error"]["code"] == "invalid_api_key"
    until(api.chat.closed.is_set)


def test_a_client_that_leaves_frees_its_place_whole_or_streamed(api: Api) -> None:
    _, key = api.keys.add("Shop")
    for stream in (True, False):
        api.chat.closed.clear()
        before = len(api.chat.asked)
        with pytest.raises(httpx.ReadTimeout), api.client(key) as client:
            client.post(ASK, json=BODY | {"stream": stream}, timeout=httpx.Timeout(30, read=0.7))
        until(lambda before=before: len(api.chat.asked) > before)  # type: ignore[misc]
        until(api.chat.closed.is_set)
    api.chat.gate.set()
    with api.client(key) as client:
        assert [client.post(ASK, json=BODY).status_code for _ in range(AT_ONCE + 1)] == [200] * (AT_ONCE + 1)


def test_questions_at_once_a_minute_and_a_day_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    _, key = api.keys.add("Shop", per_minute=3, per_day=4)
    _, daily = api.keys.add("Nightly", per_minute=100, per_day=2)
    api.chat.gate.set()
    with api.client(key) as client:
        assert [client.post(ASK, json=BODY).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert client.post(ASK, json={"model": RUN}).status_code == 400  # a refused one costs nothing
    with api.client(daily) as client:
        refused = [client.post(ASK, json=BODY) for _ in range(3)][-1]
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert "2" in refused.json()["error"]["message"]
    restarted = ApiKeyStore(api.keys._store._database)  # the questions of a day outlive the server
    assert {found.name: found.used_today for found in restarted.list()} == {"Shop": 3, "Nightly": 2}
    now = restarted._clock()
    shop, nightly = (next(found.id for found in restarted.list() if found.name == name) for name in ("Shop", "Nightly"))
    with pytest.raises(AfinaError, match=r"api\.too_fast"):  # so do those of a minute
        restarted.count(shop)
    next_minute = ApiKeyStore(api.keys._store._database, clock=lambda: now + 61)
    next_minute.count(shop)
    with pytest.raises(AfinaError, match=r"api\.day_used_up"):
        next_minute.count(nightly)
    slow, _ = api.keys.add("Slow", per_minute=1)
    next_minute.count(slow.id)
    beside = ApiKeyStore(
        api.keys._store._database, clock=lambda: now + 60.9
    )  # looked at the clock before, and came after
    with pytest.raises(AfinaError, match=r"api\.too_fast"):
        beside.count(slow.id)
    tomorrow = ApiKeyStore(api.keys._store._database, clock=lambda: now + 86_400)
    assert {found.used_today for found in tomorrow.list()} == {0}
    tomorrow.count(nightly)


def test_hundreds_of_wrong_keys_are_refused_and_a_right_one_is_answered(api: Api) -> None:
    _, key = api.keys.add("Shop")
    api.chat.gate.set()
    with api.client("afina-wrong") as client:
        statuses = [client.get("/v1/models").status_code for _ in range(200)]
    assert statuses == [401] * WRONG + [429] * (200 - WRONG)
    with api.client(key) as client:
        assert client.post(ASK, json=BODY).json()["choices"][0]["message"]["content"] == "Sim, abrimos às 7."


def test_hostile_requests_get_a_sentence_and_nothing_of_this_computer(api: Api, tmp_path: Path) -> None:
    _, key = api.keys.add("Shop")
    api.chat.gate.set()
    with api.client(key) as client:
        for body, status in (
            (b"x" * 1_000_000, 413),
            (b'{"model": "run-1", "messages": ' + b"[" * 100_000, 400),
            (b"\xff\xfe", 400),
            (json.dumps(BODY | {"messages": [{"role": "tool", "content": "x"}]}).encode(), 400),
            (json.dumps(BODY | {"messages": BODY["messages"] * 201}).encode(), 400),
            (json.dumps(BODY | {"stop": ["x"] * 5}).encode(), 400),
        ):
            reply = client.post(ASK, content=body, headers={"Content-Type": "application/json"})
            assert reply.status_code == status
            assert reply.json()["error"]["message"]
            assert str(tmp_path) not in reply.text
        assert client.post(ASK, content=json.dumps(BODY)).status_code == 400  # a form on a foreign page sends no JSON
        assert client.delete(ASK).status_code == 404
        markup = BODY | {"messages": [{"role": "user", "content": "<script>alert(1)</script>"}]}
        assert client.post(ASK, json=markup).headers["content-type"] == "application/json"
    api.chat.fail = RuntimeError(f"broken in {tmp_path}")
    with api.client(key) as client:
        reply = client.post(ASK, json=BODY)
    assert reply.status_code == 500
    assert str(tmp_path) not in reply.text


def test_names_and_limits_of_keys_are_checked(api: Api) -> None:
    for options, code in (
        ({"name": "  "}, "key.no_name"),
        ({"name": "x" * 81}, "key.long_name"),
        ({"name": "x", "per_minute": 0}, "key.bad_limit"),
    ):
        with pytest.raises(AfinaError, match=code):
            api.keys.add(**options)  # type: ignore[arg-type]
    for _ in range(2):
        api.keys.add("Twice")
    with pytest.raises(AfinaError, match=r"key\.same_name"):
        api.keys.revoke("Twice")
