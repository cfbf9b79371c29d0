"""``afina serve --bots``: the API and the demo pages of a workspace, and nothing of the studio."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from studio.app import build_services
from studio.settings import Settings
from studio.web.server import build_bot_server
from tests.conftest import REPOSITORY
from tests.taught import LEARNED, RUN
from tests.web.demo_server import serve

pytestmark = pytest.mark.model


@pytest.fixture
def bots(taught: Path, tiny_model: Path, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Address, key and token of a link."""
    shutil.copytree(taught, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", models_dir=tiny_model.parent)
    services = build_services(settings)
    link = services.links.create(RUN, "Padaria")
    _, key = services.keys.add("Shop")
    with serve(build_bot_server(services)) as address:
        yield address, key, link.token
    services.close()


def test_programs_and_visitors_are_answered_and_nobody_finds_a_studio(bots: tuple[str, str, str]) -> None:
    address, key, token = bots
    question, answer = next(iter(LEARNED.items()))
    body = {"model": RUN, "messages": [{"role": "user", "content": question}]}
    with httpx.Client(base_url=address, timeout=120) as client:
        reply = client.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
        assert reply.json()["choices"][0]["message"]["content"] == answer
        assert client.post("/v1/chat/completions", json=body).status_code == 401
        assert "Padaria" in client.get(f"/d/{token}").text
        assert client.get("/healthz").text == "ok"
        for path in ("/", "/en/", "/login", "/download/template/en", "/en/config", "/en/gradio_api/info"):
            assert client.get(path).status_code == 404
        assert client.get("/v1/models", headers={"Host": "elsewhere.example"}).status_code == 403


def test_the_compose_file_lets_it_write_to_its_volume_only() -> None:
    service = yaml.safe_load((REPOSITORY / "compose.bots.yaml").read_text(encoding="utf-8"))["services"]["bots"]
    assert service["command"][:2] == ["serve", "--bots"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["afina:/data"]
    assert service["ports"] == ["${AFINA_BIND:-127.0.0.1}:7860:7860"], "who a proxy says a visitor is, is believed"
