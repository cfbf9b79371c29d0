"""The widget in a real browser, on pages of another origin that keep to a strict Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from studio.domain.widget import Widget
from studio.i18n import catalog
from studio.services.widgets import WidgetService
from studio.trust.decision import AnswerKind, Decision
from tests.web.demo_server import Served, served, until
from tests.web.shop import Shop

__all__ = ["served"]  # fixtures
pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> & pronto"


@pytest.fixture
def widgets(served: Served) -> WidgetService:
    return WidgetService(served.links._workspace, served.links)


@pytest.fixture
def widget(served: Served, widgets: WidgetService) -> Widget:
    return widgets.save(served.link.token, ["shop.example"], "#7a1fa2")


@pytest.fixture
def shop(served: Served, widgets: WidgetService, widget: Widget) -> Iterator[Shop]:
    with Shop(f'<script src="{served.url}/d/widget.js" data-bot="{widget.id}" async></script>') as shop:
        widgets.save(served.link.token, [shop.url], "#7a1fa2")
        yield shop


@contextmanager
def visitor(browser: Browser, **options: object) -> Iterator[Page]:
    context = browser.new_context(**options)  # type: ignore[arg-type]
    page = context.new_page()
    page.problems = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.problems.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda said: page.problems.append(said.text) if said.type != "log" else None)  # type: ignore[attr-defined]
    yield page
    context.close()


def answers(page: Page) -> Locator:
    return page.locator("afina-chat .answered")


def test_a_question_by_keyboard_alone_on_a_strict_page(browser: Browser, served: Served, shop: Shop) -> None:
    served.chat.decision = Decision(kind=AnswerKind.KNOWN, answer="Sim, abrimos às 7.")
    with visitor(browser, viewport={"width": 1280, "height": 800}, locale="en-US") as page:
        page.goto(f"{shop.url}/pt-BR")
        bubble = page.get_by_role("button", name="Faça uma pergunta: Pergunte à <Padaria>")
        expect(bubble).to_have_css("background-color", "rgb(122, 31, 162)")
        expect(bubble).to_have_css("color", "rgb(255, 255, 255)")
        bubble.press("Enter")
        panel = page.get_by_role("dialog", name="Pergunte à <Padaria>")
        expect(panel).to_be_visible()
        box = page.get_by_label("Sua pergunta")
        expect(box).to_be_focused()
        page.keyboard.type("Abre domingo, 1?")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("E segunda?")
        page.keyboard.press("Enter")
        expect(answers(page)).to_have_text("Sim, abrimos às 7.")
        expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
        expect(page.locator("afina-chat .way")).to_have_text(catalog("pt")("demo.how_known"))
        assert served.chat.asked[0]["turns"]["tuned"][-1].content == "Abre domingo, 1?\nE segunda?"
        page.keyboard.type("E no feriado?")
        page.keyboard.press("Enter")
        expect(answers(page).nth(1)).to_have_text("Sim, abrimos às 7.")
        expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
        told = [message.content for message in served.chat.asked[1]["turns"]["tuned"]]
        assert told == ["Abre domingo, 1?\nE segunda?", "Sim, abrimos às 7.", "E no feriado?"], (
            "read with what was said"
        )
        places = []
        for _ in range(6):  # once round: send, head, log, and the box again
            page.keyboard.press("Tab")
            places.append(page.evaluate("document.activeElement.shadowRoot.activeElement.className"))
        assert places[:5] == ["send", "again", "close", "log", ""]
        page.keyboard.press("Shift+Tab")
        expect(box).to_be_focused()
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(bubble).to_be_focused()
        assert page.problems == []  # type: ignore[attr-defined]


def test_on_a_phone_it_fills_the_screen_and_speaks_the_page(browser: Browser, served: Served, shop: Shop) -> None:
    served.chat.words, served.chat.decision = (HOSTILE,), Decision(kind=AnswerKind.HANDED_OVER)
    with visitor(
        browser,
        viewport={"width": 390, "height": 844},
        locale="pt-BR",
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    ) as page:
        page.goto(f"{shop.url}/en")
        page.get_by_role("button", name="Ask a question").tap()
        panel = page.get_by_role("dialog")
        expect(panel).to_be_visible()
        assert panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
        page.get_by_role("button", name="Abre domingo?").tap()
        expect(answers(page)).to_have_text(HOSTILE)
        expect(page.get_by_text("Answers come from a small AI")).to_be_visible()
        expect(page.get_by_text(catalog("en")("demo.how_handed_over"), exact=True)).to_be_visible()
        assert page.locator("afina-chat img, afina-chat script").count() == 0
        page.goto(f"{shop.url}/pt-BR")  # another page of the site
        page.get_by_role("button", name="Faça uma pergunta").tap()
        expect(answers(page)).to_have_text(HOSTILE)
        page.get_by_role("button", name="Recomeçar").tap()
        expect(answers(page)).to_have_count(0)
        expect(page.get_by_role("button", name="Abre domingo?")).to_be_visible()
        page.get_by_role("button", name="Fechar").tap()
        expect(panel).to_be_hidden()
        assert page.title() != "owned"
        assert page.problems == []  # type: ignore[attr-defined]


def test_an_answer_is_stopped_and_a_chat_switched_off_says_so(browser: Browser, served: Served, shop: Shop) -> None:
    served.chat.gate.clear()
    with visitor(browser, locale="pt-BR") as page:
        page.goto(shop.url)
        page.get_by_role("button", name="Faça uma pergunta").click()
        page.get_by_role("button", name="Abre domingo?").click()
        until(lambda: len(served.chat.asked) == 1)
        page.get_by_role("button", name="Parar").click()
        expect(page.get_by_text("Parado.")).to_be_visible()
        until(served.chat.closed.is_set)
        served.links.revoke(served.link.token)
        page.get_by_label("Sua pergunta").fill("Abre?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("Este chat está desligado no momento.")
        expect(page.get_by_label("Sua pergunta")).to_be_disabled()


def test_a_site_that_is_not_listed_has_no_chat(browser: Browser, served: Served, shop: Shop) -> None:
    with visitor(browser) as page:
        page.goto(f"http://127.0.0.1:{shop.port}/pt-BR")  # the same page under another name
        until(lambda: any("no chat here" in problem for problem in page.problems) or page.wait_for_timeout(25))  # type: ignore
        assert page.locator("afina-chat").count() == 0
    assert served.chat.asked == []


def test_the_preview_keeps_to_the_policy_of_the_demo_pages(browser: Browser, served: Served, widget: Widget) -> None:
    with visitor(browser, locale="pt-BR") as page:
        page.goto(f"{served.url}/d/widget/{widget.id}/preview?lang=pt")
        page.get_by_role("button", name="Faça uma pergunta").click()
        page.get_by_role("button", name='Tem "pão"?').click()
        expect(answers(page)).to_have_text("Sim, abrimos às 7.")
        assert page.problems == []  # type: ignore[attr-defined]
