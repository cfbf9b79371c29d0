"""The API on the studio's own port, asked by the official client of OpenAI; a real server, a real model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.browser.conftest import Server
from tests.taught import LEARNED, RUN, SYSTEM

pytestmark = pytest.mark.model

QUESTION, ANSWER = next(iter(LEARNED.items()))


class Studio:
    """A studio behind a password, and the ``afina`` command on its workspace."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = f"{server.address}/v1"

    def afina(self, *arguments: str) -> str:
        environment = (
            os.environ
            | self.server.environment
            | {
                "AFINA_HOME": str(self.server.home),
                "AFINA_PORT": str(self.server.port),
                "LC_ALL": "C.UTF-8",
            }
        )
        command = [sys.executable, "-m", "studio", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def studio(taught: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("api") / "home"
    shutil.copytree(taught, home)
    options = {"AFINA_MODELS_DIR": str(tiny_model.parent), "AFINA_PASSWORD": "four words or more"}
    running = Server(home, environment=options)
    running.start()
    yield Studio(running)
    running.stop()


@pytest.fixture(scope="module")
def key(studio: Studio) -> str:
    """Made by the command line, whose only line of output it is."""
    lines = studio.afina("keys", "add", "Shop").splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def client(studio: Studio, key: str) -> openai.OpenAI:
    return studio.client(key)


def ask(client: openai.OpenAI, question: str = QUESTION, model: str = RUN, **options: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}], **options)


def test_each_finished_run_and_its_base_are_models(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {RUN, f"{RUN}:base"}
    assert client.models.retrieve(RUN).id == RUN
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("run-2")
    assert refused.value.code == "model_not_found"


def test_an_answer_is_that_of_the_studio_with_its_usage(client: openai.OpenAI) -> None:
    for question, answer in LEARNED.items():
        reply = ask(client, question)
        assert reply.choices[0].message.content == answer
        assert reply.choices[0].finish_reason == "stop"
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
        assert reply.usage.completion_tokens > 3
        assert reply.model_extra == {"afina": {"answered": "written", "source": None, "confidence": None}}
    own = client.chat.completions.create(
        model=RUN, messages=[{"role": "developer", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    )
    assert own.choices[0].message.content == ANSWER


def test_a_stream_brings_the_same_answer_in_pieces(client: openai.OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == ANSWER
    assert len([piece for piece in pieces if piece]) > 2
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == ask(client).usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_stop_length_and_seed(client: openai.OpenAI) -> None:
    stopped = ask(client, stop=["🥐", "never said"])
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("Sim, das 7h às 13h.", "stop")
    short = ask(client, max_tokens=3)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 3)
    varied = [ask(client, model=f"{RUN}:base", temperature=1.5, seed=seed, max_tokens=12) for seed in (1, 1, 2)]
    texts = [reply.choices[0].message.content for reply in varied]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("options", "error", "code", "param"),
    [
        ({"model": "run-2"}, openai.NotFoundError, "model_not_found", "model"),
        ({"model": "../../etc"}, openai.NotFoundError, "model_not_found", "model"),
        ({"question": " "}, openai.BadRequestError, None, "messages"),
        ({"question": "palavra " * 4000}, openai.BadRequestError, "context_length_exceeded", None),
        ({"question": "x" * 1_000_000}, openai.APIStatusError, "request_too_large", None),
        ({"temperature": 7}, openai.BadRequestError, None, "temperature"),
        ({"logit_bias": {"5": 100}}, openai.BadRequestError, "unsupported_parameter", "logit_bias"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "unsupported_parameter", "tools"),
        ({"n": 2}, openai.BadRequestError, None, "n"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_as_openai_tells_it(
    client: openai.OpenAI, options: dict[str, Any], error: type[openai.APIStatusError], code: str | None, param: str
) -> None:
    with pytest.raises(error) as refused:
        ask(client, **options)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.body["message"]  # type: ignore[index]
    assert "Traceback" not in refused.value.response.text


def test_keys_and_the_password_open_one_door_each(studio: Studio, key: str) -> None:
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(studio.client("afina-wrong"))
    assert refused.value.code == "invalid_api_key"
    bearer = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{studio.url}/models").status_code == 401
    assert httpx.get(f"{studio.url}/models", headers={"Authorization": "Bearer four words or more"}).status_code == 401
    page = httpx.get(f"{studio.server.address}/en/", headers=bearer | {"Accept": "text/html"})
    assert page.headers["location"].startswith("/login")
    assert httpx.get(f"{studio.server.address}/download/template/en", headers=bearer).status_code == 401
    assert httpx.get(f"{studio.url}/nothing", headers=bearer).json()["error"]["code"] == "unknown_url"
    for header in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
        assert httpx.get(f"{studio.url}/models", headers=bearer | header).status_code == 403


def test_a_revoked_key_answers_no_more_and_the_list_says_so(studio: Studio) -> None:
    made = json.loads(studio.afina("keys", "add", "Old program", "--per-minute", "2", "--json"))
    client = studio.client(made["key"])
    ask(client, max_tokens=1)
    ask(client, max_tokens=1)
    with pytest.raises(openai.RateLimitError) as refused:
        ask(client, max_tokens=1)
    assert int(refused.value.response.headers["retry-after"]) > 0
    studio.afina("keys", "revoke", "Old program")
    with pytest.raises(openai.AuthenticationError):
        ask(client, max_tokens=1)
    listed = json.loads(studio.afina("keys", "list", "--json"))["keys"]
    found = next(known for known in listed if known["id"] == made["id"])
    assert found["revoked_at"] > found["last_used_at"] > found["created_at"]
    assert found["used_today"] == 2
    assert "Old program" in studio.afina("keys", "list")
    database = (studio.server.home / "afina.db").read_bytes() + (studio.server.home / "afina.db-wal").read_bytes()
    assert made["id"].encode() in database
    assert made["key"].encode() not in database


def test_the_lines_of_afina_api_ask_as_they_stand(studio: Studio, key: str) -> None:
    lines = json.loads(studio.afina("api", RUN, "--json"))
    environment = os.environ | {"AFINA_API_KEY": key, "PYTHONUTF8": "1"}

    def said(*command: str) -> str:
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120
        ).stdout

    assert said(sys.executable, "-c", lines["python"]).strip() == ANSWER
    if shutil.which("curl"):
        assert json.loads(said("sh", "-c", lines["curl"]))["choices"][0]["message"]["content"] == ANSWER
