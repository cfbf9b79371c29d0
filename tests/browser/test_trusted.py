"""Answers in three ways, as an owner and her visitors see them: the source, how careful, the hand-over; on a phone too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.app import build_services
from studio.i18n import Catalog, catalog
from studio.services.answer_policies import ALONE, CAREFUL_CHOICES
from studio.settings import Settings
from tests.browser.conftest import Server
from tests.browser.opening import settled
from tests.trusting import KNOWN, OUTSIDE, trusting_project

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]
WIDTHS = {"pt": 390, "en": 1280}


@dataclass(frozen=True)
class Shop:
    """A served workspace with a project a language.

    Args:
        tokens: of its demo links, by language.
    """

    server: Server
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def shop(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("trusted") / "home"
    services = build_services(Settings(home=home, models_dir=tiny_model.parent))
    tokens = {locale: trusting_project(services, locale).token for locale in WIDTHS}
    services.close()
    running = Server(home, environment={"AFINA_MODELS_DIR": str(tiny_model.parent), "OMP_NUM_THREADS": "1"})
    running.start()
    yield Shop(running, tokens)
    running.stop()


@pytest.fixture(params=["pt", "en"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A phone in Portuguese, a desktop in English; a script error fails the test."""
    tags = {"pt": "pt-BR", "en": "en-US"}
    context = browser.new_context(
        locale=tags[request.param], viewport={"width": WIDTHS[request.param], "height": 860}, reduced_motion="reduce"
    )
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def locale_of(page: Page) -> str:
    return next(
        locale for locale, width in WIDTHS.items() if page.viewport_size and page.viewport_size["width"] == width
    )


def test_from_the_question_to_its_source_and_to_a_person(page: Page, shop: Shop) -> None:
    locale = locale_of(page)
    text = catalog(locale)
    page.goto(f"{shop.server.address}/{locale}/?project=project-{locale}&step=compare&run=run-{locale}")
    become_careful(page, text, 0.1)
    do_without_the_helper(page)
    ask(page, KNOWN[locale], text("trust.how.known"))
    ask(page, OUTSIDE[locale], text("trust.how.handed_over"))
    expect(page.locator("#compare-now .after .text")).to_have_text(text("trust.handed_over"))
    see_the_curve(page)
    write_the_handover(page, shop, locale, text)
    visit(page, shop, locale, text)
    page.goto(f"{shop.server.address}/{locale}/?project=project-{locale}&step=compare&run=run-{locale}")
    become_careful(page, text, ALONE)
    ask(page, OUTSIDE[locale], "")
    see_the_source(page, text)
    page.goto(f"{shop.server.address}/{locale}/?project=project-{locale}&step=compare&run=run-{locale}")
    become_careful(page, text, 0.02)
    see_what_is_misread(page, text)


def become_careful(page: Page, text: Catalog, careful: float) -> None:
    """Moves the control, once what it means is known."""
    expect(page.locator("#careful-said")).not_to_be_empty()
    page.locator("#careful-position label").nth(CAREFUL_CHOICES.index(careful)).click()
    if careful == ALONE:
        expect(page.locator("#careful-said")).to_have_text(text("trust.level.alone"))
    else:
        expect(page.locator("#careful-sentence .af-muted")).to_contain_text(re.compile(rf"\b{100 * careful:g}\b"))
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]


def do_without_the_helper(page: Page) -> None:
    """What would answer more is offered once; a small button stays."""
    expect(page.locator("#compare-trust-encoder")).to_be_visible()
    page.click("#compare-trust-encoder-no")
    expect(page.locator("#compare-trust-encoder")).to_have_count(0)
    expect(page.locator("#compare-trust-encoder-get")).to_be_visible()


def ask(page: Page, question: str, how: str) -> None:
    """Asks on Compare; the answer of the tuned side says how it came about."""
    page.fill("#compare-box textarea", question)
    page.locator("#compare-send:visible").click()
    expect(page.locator("#compare-now .asks")).to_contain_text(question)
    expect(page.locator("#compare-now article")).to_have_attribute("aria-busy", "false")
    badge = page.locator("#compare-now .after .af-how .af-badge")
    expect(badge).to_have_text(how) if how else expect(badge).to_have_count(0)


def see_the_curve(page: Page) -> None:
    page.locator("#careful-curve button").first.click()
    expect(page.locator("#careful-chart .scatterlayer .point").first).to_be_visible()


def write_the_handover(page: Page, shop: Shop, locale: str, text: Catalog) -> None:
    page.goto(f"{shop.server.address}/{locale}/?project=project-{locale}&step=share&run=run-{locale}")
    expect(page.locator("#share-trust-encoder-get")).to_be_visible()
    sentence = page.locator("#share-handover-sentence textarea")
    expect(sentence).to_have_value(text("trust.handed_over"))
    settled(page)
    sentence.fill("Ana <b>…</b>")
    page.locator("#share-handover-contact input, #share-handover-contact textarea").fill("ana@example.com")
    page.click("#share-handover-keep")
    expect(page.get_by_text(text("share.handover.kept"))).to_be_visible()


def visit(page: Page, shop: Shop, locale: str, text: Catalog) -> None:
    """The demo link: the same two questions."""
    page.goto(f"{shop.server.address}/d/{shop.tokens[locale]}")
    for place, (question, how) in enumerate(((KNOWN[locale], "known"), (OUTSIDE[locale], "handed_over"))):
        page.fill("#question", question)
        page.keyboard.press("Enter")
        turn = page.locator(".turn").nth(place)
        expect(turn.locator(".after .how")).to_have_text(text(f"demo.how_{how}"))
        expect(page.locator("#ask")).to_be_visible()
    expect(page.locator(".turn").nth(1).locator(".after .words")).to_have_text("Ana <b>…</b>\nana@example.com")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]


def see_what_is_misread(page: Page, text: Catalog) -> None:
    """The questions that keep the chatbot from answering more, and the way to them."""
    page.locator("#careful-misread button").first.click()
    listed = page.locator("#careful-misread-list li strong")
    expect(listed.first).to_be_visible()
    questions = listed.all_inner_texts()
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]
    page.locator("#careful-misread-list").get_by_role("link", name=text("trust.misread.see")).click()
    table = page.locator("#examples-table")
    for question in questions:
        expect(table).to_contain_text(question)


def see_the_source(page: Page, text: Catalog) -> None:
    """The known answer of the conversation leads to its row of the examples."""
    answer = page.locator("#compare-talk .after", has=page.get_by_text(text("trust.how.known"), exact=True)).first
    said = answer.locator(".text").inner_text()
    answer.get_by_role("link", name=text("trust.how.source")).click()
    expect(page.locator("#examples-table")).to_contain_text(said)
