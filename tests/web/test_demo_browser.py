"""The visitors' page in a real browser, on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.i18n import LOCALES, catalog
from tests.web.demo_server import Served, served

__all__ = ["served"]  # fixtures
pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> & pronto"


@pytest.fixture
def phone(browser: Browser, served: Served) -> Page:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="pt-BR", has_touch=True)
    page = context.new_page()
    page.problems = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.problems.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else None)  # type: ignore[attr-defined]
    page.goto(f"{served.url}/d/{served.link.token}")
    return page


def test_a_suggestion_then_a_question_and_both_answers_each_time(phone: Page, served: Served) -> None:
    phone.get_by_role("button", name="Abre domingo?").tap()
    expect(phone.get_by_role("heading", name="Depois")).to_be_visible()
    expect(phone.locator(".after .words")).to_have_text("Sim, abrimos às 7.")
    expect(phone.locator("#status")).to_contain_text("As duas respostas estão prontas. Antes: SIM, ABRIMOS ÀS 7.")
    expect(phone.get_by_role("button", name="Abre domingo?")).to_be_hidden()
    phone.get_by_label("Sua pergunta").fill("E segunda?")
    phone.keyboard.press("Enter")
    expect(phone.locator(".after .words").nth(1)).to_have_text("Sim, abrimos às 7.")
    expect(phone.locator(".turn").nth(1).locator(".after")).to_have_attribute("aria-busy", "false")
    assert [message.content for message in served.chat.asked[1]["turns"]["base"]] == ["E segunda?"], "it stands alone"
    top, bottom = "getBoundingClientRect().top", "getBoundingClientRect().bottom"
    below = f"document.querySelector('.before').{top} >= document.querySelector('.after').{bottom}"
    assert phone.evaluate(below), "what was learned comes first on a phone"
    phone.get_by_label("Continuar esta conversa").check()
    phone.get_by_label("Sua pergunta").fill("Até que horas?")
    phone.keyboard.press("Enter")
    expect(phone.locator(".after .words").nth(2)).to_have_text("Sim, abrimos às 7.")
    asked = [message.content for message in served.chat.asked[2]["turns"]["base"]]
    assert asked == ["E segunda?", "SIM, ABRIMOS ÀS 7.", "Até que horas?"]
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.get_by_role("button", name="Recomeçar").tap()
    expect(phone.locator(".turn")).to_have_count(0)
    expect(phone.get_by_role("button", name="Abre domingo?")).to_be_visible()
    assert phone.problems == []  # type: ignore[attr-defined]


def test_answers_and_questions_are_shown_as_text(phone: Page, served: Served) -> None:
    served.chat.words = (HOSTILE,)
    phone.get_by_label("Sua pergunta").fill(HOSTILE)
    phone.keyboard.press("Enter")
    expect(phone.locator(".after .words")).to_have_text(HOSTILE)
    expect(phone.locator(".asked .words")).to_have_text(HOSTILE)
    assert phone.locator("#talk img, #talk script").count() == 0
    assert phone.title().startswith("Pergunte à <Padaria>")


def test_stop_by_key_keeps_what_was_said_and_frees_the_box(phone: Page, served: Served) -> None:
    served.chat.gate.clear()
    phone.get_by_role("button", name="Abre domingo?").tap()
    expect(phone.get_by_role("button", name="Parar")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(phone.get_by_text("Parado.").first).to_be_visible()
    expect(phone.get_by_role("button", name="Perguntar", exact=True)).to_be_visible()
    served.chat.gate.set()
    phone.get_by_label("Sua pergunta").fill("De novo")
    phone.keyboard.press("Enter")
    expect(phone.locator(".after .words").nth(1)).to_have_text("Sim, abrimos às 7.")


def test_a_demo_switched_off_while_open_says_so(phone: Page, served: Served) -> None:
    served.links.revoke(served.link.token)
    phone.get_by_label("Sua pergunta").fill("Abre domingo?")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("alert")).to_contain_text("foi desligada")
    expect(phone.get_by_label("Sua pergunta")).to_have_value("Abre domingo?")
    expect(phone.get_by_role("button", name="Perguntar", exact=True)).to_be_disabled()


def test_the_language_is_switched_on_the_page(phone: Page) -> None:
    phone.get_by_role("link", name="English").tap()
    expect(phone.get_by_role("button", name="Ask")).to_be_visible()
    assert phone.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("locale", LOCALES)
def test_with_the_password_a_visitor_votes_blindly_and_suggests_a_better_answer(
    browser: Browser, served: Served, locale: str
) -> None:
    text, token = catalog(locale), served.link.token
    served.links.set_password(token, "pão quente")
    served.links.choose(token, is_blind=True, takes_suggestions=True)
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{served.url}/d/{token}?lang={locale}")
    expect(page.get_by_role("heading")).to_have_text(text("demo.locked_title"))
    page.get_by_label(text("demo.password")).fill("pão frio")
    page.get_by_role("button", name=text("demo.unlock")).tap()
    expect(page.get_by_role("alert")).to_have_text(text("errors.demo.wrong_password"))
    page.get_by_label(text("demo.password")).fill("pão quente")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pergunte à <Padaria>")
    page.get_by_label(text("demo.question")).fill("Abre domingo?")
    page.keyboard.press("Enter")
    expect(page.locator(".answer h3 span")).to_have_text([text("demo.blind.1"), text("demo.blind.2")])
    vote = page.get_by_role("group", name=text("demo.vote.ask"))
    expect(vote).to_be_visible()
    is_first = page.locator(".answer .words").first.inner_text() == "Sim, abrimos às 7."
    assert page.locator(".suggest:visible").count() == 0, "it would tell whose the answer is"
    vote.get_by_role("button", name=text(f"demo.vote.{'first' if is_first else 'second'}")).tap()
    expect(page.locator(".voted")).to_have_text(text("demo.voted_after"))
    expect(page.locator(".is-tuned .words")).to_have_text("Sim, abrimos às 7.")
    expect(page.locator(".is-tuned h3 span")).to_have_text(text("demo.after"))
    page.get_by_text(text("demo.suggest"), exact=True).tap()
    page.get_by_label(text("demo.suggest_label")).fill("Sim, das 7h às 12h.")
    page.get_by_role("button", name=text("demo.suggest_send")).tap()
    expect(page.get_by_text(text("demo.thanks"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()
    (kept,) = served.suggested.list("project-1")
    assert (kept.question, kept.answer, kept.better) == ("Abre domingo?", "Sim, abrimos às 7.", "Sim, das 7h às 12h.")
    assert served.links.votes("run-1").after == 1
