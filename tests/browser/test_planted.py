"""An old export with ten planted problems: understood, checked, put right by clicking, and trained on to the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.app import build_services
from studio.settings import Settings
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.services.examples.test_planted import CLEAN, FIXED, PLANTED, TO_DECIDE, write_export

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture
def server(tiny_model: Path, tmp_path: Path) -> Iterator[Server]:
    """A server whose only project waits for its examples."""
    home, models = tmp_path / "home", tmp_path / "models"
    services = build_services(Settings(home=home, models_dir=models))
    card = services.models.add_folder(tiny_model)
    services.models.wait_installed(card.id)
    services.projects.update(services.projects.create("Loja").id, model_id=card.id)
    services.close()
    running = Server(home, environment={"AFINA_MODELS_DIR": str(models)})
    running.start()
    yield running
    running.stop()


def score(page: Page) -> int:
    """Of the check-up, once it is there."""
    expect(page.locator("#checkup[data-state=ready]")).to_be_visible()
    return int(page.locator("#checkup .af-ring").get_attribute("data-score") or -1)


def rows(page: Page) -> list[tuple[str, str]]:
    """What stands in the table."""
    found = page.locator("#examples-table .af-rows tbody tr")
    pairs = found.evaluate_all("all => all.map(row => [...row.querySelectorAll('textarea')].map(cell => cell.value))")
    return [(question, answer) for question, answer in pairs]


def open_finding(page: Page, code: str, offered: str) -> None:
    """Opens a finding until what it offers is there: a check-up that is drawn anew meanwhile is closed again."""
    finding = page.locator(f"#finding-{code}")
    while not finding.locator(offered).first.is_visible():
        if not finding.locator("> summary").is_visible():
            page.click("#findings > summary")
        elif finding.get_attribute("open") is None:
            finding.locator("> summary").click()
        page.wait_for_timeout(250)


def decide(page: Page) -> None:
    """What is not safe is asked one by one: answers that contradict each other are chosen among, other rows removed."""
    for code in TO_DECIDE:
        open_finding(page, code, ".af-pick label" if code == "contradictions" else f"[data-codes={code}]")
        if code == "contradictions":
            page.locator(f"#finding-{code} .af-pick label", has_text="Não, só de segunda a sábado.").click()
            page.click(f"#finding-{code} [data-collect={code}]")
        else:
            page.click(f"#finding-{code} .af-finding-body [data-codes={code}]")
        expect(page.locator(f"#checkup[data-state=ready]:not(:has(#finding-{code}))")).to_be_visible()


def test_ten_planted_problems_are_put_right_and_trained_on(browser: Browser, server: Server, tmp_path: Path) -> None:
    page = browser.new_context(locale="pt-BR", viewport={"width": 1280, "height": 900}).new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.address}/pt/")
    page.get_by_role("link", name="Loja").first.click()
    expect(page.locator("#examples-upload")).to_be_visible()
    page.set_input_files("#examples-upload input[type=file]", write_export(tmp_path))
    before = score(page)
    for code in PLANTED:
        expect(page.locator(f"#finding-{code}")).to_have_count(1)
    expect(page.locator("#examples-table .af-rows tbody tr")).to_have_count(len(CLEAN) + len(FIXED) + 5)

    page.click("#examples-fix-all")
    page.click("#dialog-yes")
    for code in PLANTED:
        expect(page.locator(f"#finding-{code}")).to_have_count(int(code in TO_DECIDE))
    decide(page)
    expect(page.locator("#examples-table .af-rows tbody tr")).to_have_count(len(CLEAN) + len(FIXED))
    assert rows(page) == [*CLEAN, *FIXED]
    expect(page.locator("#checkup .af-ring")).not_to_have_attribute("data-score", str(before))
    assert score(page) > before

    page.click("#next-step:visible")
    page.locator("#train-preset input[value=quick]").check()
    unfold(page.locator("#train-expert button").first)
    page.locator("#train-epochs").locator("input, textarea").fill("1")
    page.click("#train-start")
    expect(page.locator("#train-live[data-state=finished]")).to_be_visible()
    assert complaints == []
    page.context.close()
