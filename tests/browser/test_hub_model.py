"""A model of the hub, by clicking: not found, gated, added, its download cancelled and gone on with, taken away again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.hub_server import FakeHub, running_hub

pytestmark = [pytest.mark.browser, pytest.mark.model]
CARD = "#model-card-hub-acme-tiny-chat"


@pytest.fixture
def hub(tiny_model: Path) -> Iterator[FakeHub]:
    """A hub with a tiny model that asks for a token."""
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir() if path.name != "afina.json"}
    with running_hub() as running:
        running.repositories["acme/tiny-chat"] = files
        running.tokens["acme/tiny-chat"] = "hf_right"
        yield running


@pytest.fixture
def page(browser: Browser, tmp_path: Path, hub: FakeHub) -> Iterator[Page]:
    """The Model page of a studio that asks this hub."""
    own = {"AFINA_HF_ENDPOINT": hub.address, "NO_PROXY": "127.0.0.1", "HF_TOKEN": "", "HF_HUB_OFFLINE": "0"}
    server = Server(tmp_path / "home", environment={**own, "AFINA_MODELS_DIR": str(tmp_path / "models")})
    server.home.mkdir()
    server.start()
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(f"{server.address}/en/")
    opened.click("#home-new")
    opened.fill("#dialog-input", "Shop")
    field, dialog = (opened.locator(name).bounding_box() for name in ("#dialog-input", "dialog[open]"))
    assert field is not None
    assert dialog is not None
    assert field["x"] + field["width"] < dialog["x"] + dialog["width"], "the field stays inside"
    opened.click("#dialog-yes")
    unfold(opened.locator("#model-add button").first)
    yield opened
    context.close()
    server.stop()
    assert complaints == []


def add(page: Page, name: str, token: str = "") -> None:
    page.locator("#model-hub-id input, #model-hub-id textarea").fill(name)
    page.locator("#model-hub-token input").fill(token)
    page.click("#model-hub-add")


def test_a_hub_model_is_added_cancelled_gone_on_with_and_taken_away(page: Page, hub: FakeHub) -> None:
    add(page, "acme/nowhere")
    expect(page.get_by_text("acme/nowhere", exact=False).last).to_be_visible()
    add(page, "acme/tiny-chat")
    expect(page.get_by_text(re.compile("acme/tiny-chat.*(token|access)", re.IGNORECASE)).first).to_be_visible()
    expect(page.locator(CARD)).to_have_count(0)

    add(page, f"{hub.address}/acme/tiny-chat", "hf_right")
    expect(page.locator(CARD)).to_be_visible()
    expect(page.locator("#model-hub-token input")).to_have_value("")

    weights = "model.safetensors"
    hub.hold[weights] = threading.Event()
    page.click("#model-use-hub-acme-tiny-chat")
    page.click("#model-cancel-hub-acme-tiny-chat")
    expect(page.locator(CARD)).to_contain_text("Stopping the download")
    expect(page.locator("#model-cancel-hub-acme-tiny-chat")).to_have_count(0)
    hub.hold.pop(weights).set()
    expect(page.locator(f"{CARD} .af-bar")).to_have_count(0)

    page.click("#model-use-hub-acme-tiny-chat")
    expect(page.locator(CARD)).to_contain_text("On this computer")
    expect(page.locator("#next-step:visible")).to_have_class(re.compile("primary"))

    page.goto(re.sub(r"\?.*", "", page.url))
    page.click("#home-new")
    page.fill("#dialog-input", "Another")
    page.click("#dialog-yes")
    page.click("#model-remove-hub-acme-tiny-chat")
    page.click("#dialog-yes")
    expect(page.locator(CARD)).to_have_count(0)
    page.goto(re.sub(r"\?.*", "", page.url))
    page.get_by_role("link", name="Shop").first.click()
    expect(page.locator("h1:visible")).to_be_visible()
