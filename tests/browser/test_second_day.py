"""A second day: two versions of one base side by side, a link on somebody's phone, a restart, a run deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.i18n import catalog
from studio.services.answer_policies import ALONE, AnswerPolicyService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from studio.web.network import lan_addresses
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.child_processes import running
from tests.sharing.conftest import make_run

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]
WORDS = re.compile(r"\S{2}")
FIRST, SECOND = "run-1", "run-2"  # the second was better in the exam, and has another rank


@pytest.fixture
def server(tiny_model: Path, tmp_path: Path) -> Iterator[Server]:
    """A server on a workspace with two tuned versions of the tiny model."""
    home = tmp_path / "home"
    workspace = Workspace.open(Settings(home=home, models_dir=tiny_model.parent))
    make_run(workspace, FIRST, name="Monday", rank=4, loss=1.5)
    make_run(workspace, SECOND, name="Tuesday", rank=8, loss=1.1)
    AnswerPolicyService(workspace).choose_careful("project-1", ALONE)  # each version is to answer by itself
    workspace.database.close()
    running = Server(home, environment={"AFINA_MODELS_DIR": str(tiny_model.parent)})
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def go(page: Page, server: Server, locale: str, step: str) -> None:
    page.goto(f"{server.address}/{locale}/?project=project-1&step={step}")
    expect(page.locator("h1:visible")).to_have_text(catalog(locale)(f"{step}.title"))


def ask(page: Page, question: str) -> None:
    """By the Enter key; waits until the answers are there."""
    turns = page.locator("#compare-talk .af-turn")
    before = turns.count()
    if not page.locator("#compare-max-tokens input[type=number]").is_visible():
        unfold(page.locator("#compare-expert button").first)
    page.locator("#compare-max-tokens input[type=number]").fill("16")
    page.locator("#compare-box textarea").fill(question)
    page.locator("#compare-box textarea").press("Enter")
    expect(turns).to_have_count(before + 1)
    expect(turns.first.locator(".asks")).to_contain_text(question)
    expect(turns.first).to_have_attribute("aria-busy", "false")


def test_two_versions_a_link_a_restart_and_a_deletion(browser: Browser, page: Page, server: Server) -> None:
    compare_versions(page, server)
    network = bool(lan_addresses())
    address = share(page, server, network)
    visitor = browser.new_context(viewport={"width": 390, "height": 844}, locale="pt-BR", has_touch=True)
    phone = visitor.new_page()
    visit(phone, address)
    if network:
        host = address.partition("/d/")[0]
        for path in ("/", "/en/", "/pt/?project=project-1&step=share", "/healthz", "/login", "/en/gradio_api/info"):
            response = phone.goto(host + path)
            assert response is not None
            assert response.status == 404, f"{path} is not for the network"

    page.goto("about:blank")  # a page whose server is gone loads itself anew once it is back
    server.kill()
    server.start()
    go(page, server, "pt", "share")
    expect(page.locator(f"#reach-state[data-state={'open' if network else 'failed'}]")).to_be_visible()
    expect(page.locator(".af-link .af-address")).to_have_text(address)
    visit(phone, address)

    go(page, server, "pt", "train")
    page.locator(f"[data-action=delete][data-id={FIRST}]").click()
    page.click("#dialog-yes")
    expect(page.locator(f"[data-action=delete][data-id={FIRST}]")).to_have_count(0)
    go(page, server, "pt", "compare")
    expect(page.locator("#compare-talk .af-turn")).to_have_count(4)
    ask(page, "E depois?")
    expect(page.locator("#compare-talk .af-turn").first.locator(".after .text")).to_have_text(WORDS)

    go(page, server, "pt", "share")
    page.locator(".af-link [data-action=delete]").click()
    page.click("#dialog-yes")
    expect(page.locator(".af-link")).to_have_count(0)
    response = phone.goto(address)
    assert response is not None
    assert response.status == 404
    visitor.close()


def compare_versions(page: Page, server: Server) -> None:
    """The best is chosen and named; both versions answer; what was asked is there after a reload."""
    go(page, server, "en", "compare")
    expect(page.locator(f"#compare-columns input[name={SECOND}]")).to_be_checked()
    expect(page.locator(f"#compare-columns input[name={FIRST}]")).not_to_be_checked()
    expect(page.locator("#compare-about")).to_contain_text("Tuesday")
    box = page.locator("#compare-box textarea")
    box.fill("one line")
    box.press("Shift+Enter")
    expect(box).to_have_value("one line\n")
    ask(page, "Do you open on Sundays?")
    page.locator(f"#compare-columns input[name={FIRST}]").check()
    expect(page.locator(f".af-steps a[href*='beside=base.{SECOND}.{FIRST}']").first).to_be_attached()
    ask(page, "And on Mondays?")
    page.locator("#compare-columns input[name=base]").uncheck()
    expect(page.locator(f".af-steps a[href*='beside={SECOND}.{FIRST}']").first).to_be_attached()
    page.get_by_label("Continue this conversation").check()
    ask(page, "Until when?")
    newest = page.locator("#compare-talk .af-turn").first
    both = newest.locator(".after .text").all_inner_texts()
    assert newest.locator(".before").count() == 0
    assert len(both) == 2
    assert both[0] != both[1], "each version answers for itself"
    page.reload()
    expect(page.locator("#compare-talk .af-turn")).to_have_count(3)
    expect(page.locator("#compare-talk .af-turn").first).to_contain_text("Until when?")
    lose_an_answer(page, server)


def lose_an_answer(page: Page, server: Server) -> None:
    """The program that answers is killed: that is told beside the question, and the next one is answered."""
    assert server.process is not None
    workers = running("studio.chat.worker", server.process.pid)
    assert workers
    for worker in workers:
        worker.suspend()  # so that it cannot be done before it is killed
    box, newest = page.locator("#compare-box textarea"), page.locator("#compare-talk .af-turn").first
    box.fill("Are you there?")
    box.press("Enter")
    expect(newest).to_contain_text(catalog("en")("compare.reading"))
    for worker in workers:
        worker.kill()
    expect(newest.locator(".af-notice")).to_contain_text("stopped unexpectedly")
    expect(box).to_have_value("Are you there?")
    box.press("Enter")
    expect(newest.locator(".af-notice")).to_have_count(0)
    expect(newest).to_have_attribute("aria-busy", "false")
    expect(newest.locator(".after .text").first).to_have_text(WORDS)


def share(page: Page, server: Server, network: bool) -> str:
    """A link of the best version in the network; its address."""
    go(page, server, "en", "share")
    page.click("#share-create")
    expect(page.locator(".af-link")).to_have_count(1)
    page.click("#reach-network")
    if not network:
        expect(page.locator("#reach-state[data-state=failed]")).to_be_visible()
        return str(page.locator(".af-link .af-address").inner_text())
    expect(page.locator("#reach-state[data-state=open]")).to_be_visible()
    expect(page.locator(".af-link .af-code svg")).to_be_visible()
    expect(page.locator(".af-link a[href^='https://wa.me/']")).to_be_visible()
    address = page.locator(".af-link .af-address").inner_text()
    assert address.startswith(f"http://{lan_addresses()[0]}:")
    return str(address)


def visit(phone: Page, address: str) -> None:
    """Somebody else's phone asks the suggested question."""
    phone.goto(address)
    expect(phone.locator("html")).to_have_attribute("lang", "pt-BR")
    phone.locator("#suggestions button").first.tap()
    expect(phone.locator(".after .words").first).to_have_text(WORDS)
    expect(phone.locator("#stop")).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
