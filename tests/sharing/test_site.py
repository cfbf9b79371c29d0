"""The exported page: answers in Chromium from a plain file server, and again without any network."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from studio.services.exports import ExportService
from studio.services.links import LinkService
from studio.settings import Settings
from studio.sharing import wllama
from studio.storage.workspace import Workspace
from studio.web.demo.site import site_files
from tests.conftest import MODELS
from tests.sharing.llama_cpp import served
from tests.sharing.test_exporters import unpacked
from tests.taught import LEARNED, RUN

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

QUESTION, ANSWER = next(iter(LEARNED.items()))


class PlainHandler(SimpleHTTPRequestHandler):
    """As ``python -m http.server``: no headers of any use."""

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="module")
def folder(taught: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the owner downloads, with the base beside it; the title and the questions are those of her link."""
    workspace = Workspace.open(Settings(home=taught, models_dir=tiny_model.parent))
    (taught / "tools").mkdir(exist_ok=True)
    fetched = MODELS.parent / "tools" / f"wllama-{wllama.VERSION}"
    wllama.wllama_files(MODELS.parent)  # once for all tests
    (taught / "tools" / fetched.name).symlink_to(fetched)
    LinkService(workspace).create(RUN, "Pergunte à <Padaria>", [QUESTION], "pt")
    made = ExportService(workspace, site_files).export(RUN, "site_compare")
    workspace.database.close()
    return unpacked(made, tmp_path_factory.mktemp("site"))


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    with served(folder, PlainHandler) as address:
        context = browser.new_context(locale="pt-BR", viewport={"width": 390, "height": 844})
        opened = context.new_page()
        opened.goto(f"{address}/")
        yield opened
        context.close()


def ask(page: Page, question: str) -> str:
    page.fill("#question", question)
    page.keyboard.press("Enter")
    turn = page.locator(".turn").last
    turn.locator(".answer.after[aria-busy=false]").wait_for(timeout=60_000)
    return turn.locator(".answer.after .words").inner_text()


@pytest.mark.browser
def test_the_folder_answers_as_the_studio_does_then_without_a_network(page: Page, folder: Path) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.wait_for_selector("html[data-ready]", timeout=90_000)
    assert page.evaluate("crossOriginIsolated"), "the service worker sets the headers that allow two threads"
    assert page.locator("html").get_attribute("data-ready") == "2"
    assert page.locator("h1").inner_text() == "Pergunte à <Padaria>"
    for question, answer in LEARNED.items():
        assert ask(page, question) == answer
    before = page.locator(".turn .answer.before .words").first.inner_text()
    assert before != ANSWER
    assert 0 < len(before.strip()) < 600, "a base that goes round in circles is stopped"
    origin = page.url.rsplit("/", 1)[0]
    assert {url.split("?")[0].rsplit("/", 1)[0] for url in asked if not url.startswith(("blob:", "data:"))} == {origin}
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("html[data-ready]", timeout=90_000)
    page.locator(".chip").first.click()
    page.locator(".answer.after[aria-busy=false]").wait_for(timeout=60_000)
    assert page.locator(".answer.after .words").inner_text() == ANSWER


@pytest.mark.browser
def test_a_browser_that_cannot_is_told_so(browser: Browser, folder: Path) -> None:
    with served(folder, PlainHandler) as address:
        context = browser.new_context(locale="en-US", service_workers="block")
        opened = context.new_page()
        opened.add_init_script("WebAssembly.validate = () => false")
        opened.goto(f"{address}/")
        opened.get_by_text("This browser cannot run the chatbot").wait_for()
        assert opened.url.endswith("/en.html"), "the visitor's own language"
        context.close()


def test_the_folder_is_whole_and_its_files_are_small(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "index.html",
        "en.html",
        "wllama.wasm",
        "wllama-licence.txt",
        "sw.js",
        "tuned.gguf.000",
        "README.md",
    }
    assert all(path.stat().st_size <= 20_000_000 for path in folder.iterdir())
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "Pergunte à &lt;Padaria&gt;" in text
    assert "/d/static" not in text
    assert "http.server" in (folder / "README.md").read_text(encoding="utf-8")


def test_what_npm_brings_is_checked_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.errors import AfinaError

    monkeypatch.setattr(wllama, "_SHA256", "0" * 64)
    with pytest.raises(AfinaError, match=r"wllama\.differs"):
        wllama.wllama_files(tmp_path)
    assert not list((tmp_path / "tools").glob("wllama*"))
    monkeypatch.setattr(wllama, "_PACKAGE", "@wllama/wllama@0.0.0-none")
    with pytest.raises(AfinaError, match=r"wllama\.unreachable"):
        wllama.wllama_files(tmp_path)
