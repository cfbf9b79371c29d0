"""The whole way, as a person walks it: the sample, a real training run, both answers, and a demo link for a visitor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.i18n import catalog
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.conftest import SMOLLM2

pytestmark = [pytest.mark.browser, pytest.mark.model]
LANGUAGES = {"en": "en-US", "pt": "pt-BR"}


@pytest.fixture(autouse=True)
def _closed_afterwards(browser: Browser) -> Iterator[None]:
    """A page left open would go on asking its server, and take the cores from the next test."""
    yield
    for context in browser.contexts:
        context.close()


@dataclass
class Studio:
    """A person at the studio in her language, and what her browser complained of."""

    page: Page
    server: Server
    locale: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._outside)
        self.text = catalog(self.locale)

    def _outside(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((self.server.address, "data:", "blob:")):
            self.complaints.append(f"request to {url}")

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()

    def see(self, selector: str) -> None:
        expect(self.page.locator(selector).first).to_be_visible()


def open_studio(browser: Browser, server: Server, locale: str) -> Studio:
    context = browser.new_context(locale=LANGUAGES[locale], viewport={"width": 1280, "height": 900})
    studio = Studio(context.new_page(), server, locale)
    studio.page.goto(server.address)
    studio.see("#home-sample")
    return studio


def start_training(studio: Studio, preset: str, passes: str = "") -> None:
    """From the home page to a run that has taken its first steps; ``passes`` goes into the expert panel."""
    studio.click("#home-sample")
    studio.see(f"#model-card-{SMOLLM2}")
    if studio.page.locator(f"#model-use-{SMOLLM2}").count():  # not where it is the language's first choice already
        studio.click(f"#model-use-{SMOLLM2}")
        studio.see(f"#model-card-{SMOLLM2}.chosen")
    studio.click("#next-step")
    studio.see("#examples-table")
    assert studio.page.locator(".toast-body").count() == 0, "nothing went wrong on the way"
    studio.click("#next-step")
    studio.page.locator(f"#train-preset input[value={preset}]").check()
    if passes:
        unfold(studio.page.locator("#train-expert button").first)
        studio.page.locator("#train-epochs").locator("input, textarea").fill(passes)
    studio.click("#train-start")
    expect(studio.page).to_have_url(re.compile(r"run=run-"))
    studio.see("#train-chart [data-tips]")


@pytest.mark.parametrize(("locale", "passes"), [("en", "1"), pytest.param("pt", "1,5", marks=pytest.mark.slow)])
def test_sample_to_demo_link(browser: Browser, server: Server, locale: str, passes: str) -> None:
    studio = open_studio(browser, server, locale)
    assert f"/{locale}/" in studio.page.url
    start_training(studio, "quick", passes)

    studio.page.reload()
    studio.see("#train-status")
    studio.see("#train-live[data-state=finished]")
    studio.see("#train-answers")

    studio.click("#next-step")
    studio.see("#compare-suggestions button")
    studio.click("#compare-suggestions button")
    before, after = (studio.page.locator(f"#compare-talk .af-answer.{side} .text").last for side in ("before", "after"))
    expect(after).to_have_text(re.compile(r"\S{2}"))
    expect(before).to_have_text(re.compile(r"\S{2}"))
    expect(studio.page.locator("#compare-stop")).to_be_hidden()
    assert before.inner_text() != after.inner_text()

    studio.click("#next-step")
    studio.click("#page-proof #next-step")
    studio.click("#share-create")
    address = studio.page.locator("#share-links a[href*='/d/']").first.get_attribute("href")
    assert address is not None
    assert studio.complaints == []
    visit(browser, studio, address)


def visit(browser: Browser, studio: Studio, address: str) -> None:
    """A visitor on a phone asks a suggested question; then the owner switches the link off."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, locale=LANGUAGES[studio.locale]
    )
    page = context.new_page()
    url = studio.server.address + address.removeprefix("..")
    page.goto(url)
    expect(page.locator("html")).to_have_attribute("lang", re.compile(studio.locale))
    page.locator("#suggestions button").first.tap()
    expect(page.locator(".after .words").first).to_have_text(re.compile(r"\S{2}"))
    expect(page.locator(".before .words").first).to_have_text(re.compile(r"\S{2}"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    studio.click("#share-links [data-action=revoke]")
    studio.click("#dialog-yes")
    expect(studio.page.locator("#share-links [data-action=reopen]")).to_be_visible()
    response = page.goto(url)
    assert response is not None
    assert response.status in (404, 410)
    context.close()


@pytest.mark.slow  # tests/faults kills servers in every run; this adds the page
def test_a_killed_server_loses_nothing(browser: Browser, server: Server) -> None:
    studio = open_studio(browser, server, "en")
    start_training(studio, "quick", passes="1")
    address = studio.page.url
    server.kill()
    server.start()
    studio.page.goto(address)
    studio.see("#train-status")
    studio.see("#train-live[data-state=finished]")
    started = (next((server.home / "runs").iterdir()) / "events.jsonl").read_text().count('"type":"started"')
    assert started == 1, "the worker went on by itself: it was adopted, not restarted"
