"""The owner puts the chatbot on her site and gives a program a key: the Share screen, a page of hers, the API."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from studio.services.links import LinkService
from studio.settings import Settings
from studio.storage.database import RunRow
from studio.storage.workspace import Workspace
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.taught import LEARNED, RUN
from tests.web.shop import Shop

pytestmark = [pytest.mark.browser, pytest.mark.model]
QUESTION, ANSWER = next(iter(LEARNED.items()))


@pytest.fixture
def server(taught: Path, tiny_model: Path, tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "home"
    shutil.copytree(taught, home)
    workspace = Workspace.open(Settings(home=home, models_dir=tiny_model.parent))
    LinkService(workspace).create(RUN, "Padaria", [QUESTION], "pt")
    workspace.database.close()
    running = Server(home, environment={"AFINA_MODELS_DIR": str(tiny_model.parent)})
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    workspace = Workspace.open(Settings(home=server.home))
    with workspace.database.session() as session:
        project = session.get(RunRow, RUN).project_id  # type: ignore[union-attr]
    workspace.database.close()
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.goto(f"{server.address}/en/?project={project}&step=share")
    expect(opened.locator("#share-widget")).to_be_visible()
    yield opened
    context.close()


def test_the_line_of_the_share_screen_answers_on_the_owners_site(browser: Browser, server: Server, page: Page) -> None:
    unfold(page.locator("#share-widget button").first)
    sites = page.locator("#share-widget-sites textarea")
    sites.fill("https://*.padaria.com.br")
    page.click("#share-widget-save")
    expect(page.get_by_text("is not the address of a site")).to_be_visible()
    with Shop() as shop:
        sites.fill(f"{shop.url}/contato\nwww.padaria.com.br")
        page.click("#share-widget-save")
        card = page.locator("#share-widget-made article")
        expect(card).to_contain_text(f"Answers on: {shop.url}, https://www.padaria.com.br")
        expect(sites).to_have_value(f"{shop.url}\nhttps://www.padaria.com.br")
        shop.line = card.locator("pre").inner_text()
        assert server.address in shop.line
        card.get_by_text("Try it here").click()
        preview = page.frame_locator(".af-preview")
        expect(preview.get_by_role("button", name="Ask a question: Padaria")).to_be_visible()

        visitor = browser.new_context(locale="pt-BR", viewport={"width": 390, "height": 844}, has_touch=True)
        phone = visitor.new_page()
        phone.goto(shop.url)
        phone.get_by_role("button", name="Faça uma pergunta: Padaria").tap()
        phone.get_by_role("button", name=QUESTION).tap()
        expect(phone.locator("afina-chat .answered")).to_have_text(ANSWER)
        card.get_by_role("button", name="Take it off all sites").click()
        page.click("#dialog-yes")
        expect(card).to_have_count(0)
        phone.reload()
        phone.wait_for_load_state("networkidle")
        assert phone.locator("afina-chat").count() == 0
        visitor.close()


def test_a_key_is_made_with_its_limits_and_revoked_on_the_screen(server: Server, page: Page) -> None:
    unfold(page.locator("#share-api button").first)
    page.locator("#share-api-name input, #share-api-name textarea").first.fill("Shop")
    page.locator("#share-api-minute input").fill("1")
    page.click("#share-api-create")
    key = page.locator("#api-new .af-address").inner_text()
    expect(page.locator("#api-keys")).to_contain_text("0 of 2,000 questions today · 1 a minute · last used: never")
    body = {"model": RUN, "messages": [{"role": "user", "content": QUESTION}]}
    bearer = {"Authorization": f"Bearer {key}"}

    def asked(_: int) -> int:
        return httpx.post(f"{server.address}/v1/chat/completions", json=body, headers=bearer, timeout=300).status_code

    with ThreadPoolExecutor(2) as both:  # at once: the second falls into the same minute
        assert sorted(both.map(asked, range(2))) == [200, 429]
    page.locator("#api-keys [data-action=revoke]").click()
    page.click("#dialog-yes")
    expect(page.locator("#api-keys")).to_have_count(0)
    assert httpx.get(f"{server.address}/v1/models", headers=bearer).status_code == 401
