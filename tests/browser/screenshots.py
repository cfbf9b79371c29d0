"""Takes the README's screenshots from real runs: ``make screenshots`` (about ten minutes on two cores)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.conftest import Server

FOLDER = Path(__file__).parents[2] / "assets" / "screenshots"
LANGUAGES = {"en": "en-US", "pt": "pt-BR"}
TRAINING = 900_000  # milliseconds


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = chromium.find()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "home")
        server.home.mkdir()
        server.start()
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        try:
            for locale in LANGUAGES:
                walk(browser, server, locale)
        finally:
            browser.close()
            server.stop()
    return 0


def walk(browser: Browser, server: Server, locale: str) -> None:
    """Every step of the sample in one language, light and dark, with the visitor's page on a phone."""
    context = browser.new_context(locale=LANGUAGES[locale], viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(server.address)
    page.locator("#home-sample").click()
    page.locator("[id^=model-card-]").first.wait_for()
    _install(page)
    shoot(page, "model", locale)
    page.locator("#next-step").click()
    page.locator("#examples-table").wait_for()
    shoot(page, "examples", locale)
    page.locator("#next-step").click()
    page.locator("#train-preset input[value=quick]").check()
    page.locator("#train-start").click()
    page.locator("#train-live[data-state=running]").wait_for(timeout=TRAINING)
    page.wait_for_function(
        "document.querySelectorAll('#train-chart .scatterlayer .trace').length > 1", timeout=TRAINING
    )
    page.wait_for_timeout(4_000)
    shoot(page, "train", locale, full=True)
    page.locator("#train-live[data-state=finished]").wait_for(timeout=TRAINING)
    page.locator("#next-step").click()
    page.locator("#compare-suggestions button").first.click()
    page.locator("#compare-stop").wait_for(state="visible")
    page.locator("#compare-stop").wait_for(state="hidden", timeout=TRAINING)
    shoot(page, "compare", locale, full=True)
    page.locator("#next-step").click()
    page.locator("#share-create").click()
    link = page.locator("#share-links a[href*='/d/']").first
    link.wait_for()
    shoot(page, "share", locale, full=True)
    visit(browser, f"{server.address}{str(link.get_attribute('href')).removeprefix('..')}", locale)
    page.goto(server.address)
    page.locator("#home-board .af-card").first.wait_for()
    shoot(page, "home", locale)
    context.close()


def visit(browser: Browser, address: str, locale: str) -> None:
    context = browser.new_context(locale=LANGUAGES[locale], viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(address)
    page.locator("#suggestions button").first.tap()
    page.locator("#stop").wait_for(state="visible")
    page.locator("#stop").wait_for(state="hidden", timeout=TRAINING)
    shoot(page, "demo", locale)
    context.close()


def shoot(page: Page, name: str, locale: str, *, full: bool = False) -> None:
    """One picture in light and one in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(700)
        page.screenshot(path=FOLDER / f"{name}-{locale}-{scheme}.png", full_page=full)
    page.emulate_media(color_scheme="light")


def _install(page: Page) -> None:
    """Accepts the terms of the language's first choice, and fetches it where it is not on disk."""
    use = page.locator(".af-card.chosen [id^=model-use-]")
    if use.count():
        use.click()
        if page.locator("#dialog-yes").count():
            page.locator("#dialog-yes").click()
        use.wait_for(state="detached", timeout=TRAINING)
        page.goto(page.url.replace("step=examples", "step=model"))
        page.locator("[id^=model-card-]").first.wait_for()


if __name__ == "__main__":
    sys.exit(main())
