"""Working on the examples in Chromium: filters, edits that are not lost, find and replace, versions, undo."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.services.examples.test_planted import PLANTED, write_export

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture
def page(browser: Browser, shared_server: Server, tmp_path: Path) -> Iterator[Page]:
    """The examples of a new project: 31 rows with ten planted problems, checked."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}, accept_downloads=True)
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: dialog.accept())
    opened.goto(f"{shared_server.address}/en/")
    opened.click("#home-new")
    opened.fill("#dialog-input", "Loja")
    opened.click("#dialog-yes")
    expect(opened).to_have_url(re.compile("step=model"))
    opened.goto(opened.url.replace("step=model", "step=examples"))
    opened.set_input_files("#examples-upload input[type=file]", write_export(tmp_path))
    opened.locator("#checkup[data-state=ready]").wait_for()
    opened.get_by_label("Answer 32", exact=True).wait_for()
    yield opened
    context.close()
    assert complaints == []


def table_row(page: Page, number: str) -> dict[str, str]:
    """What stands in a row."""
    cells = {name: page.get_by_label(f"{name} {number}", exact=True) for name in ("Question", "Answer")}
    return {name: cell.input_value() for name, cell in cells.items()}


def version(page: Page, number: int) -> None:
    expect(page.locator("#examples-head")).to_contain_text(f"Version {number}")


def test_the_examples_are_corrected_and_nothing_is_lost(page: Page, shared_server: Server) -> None:
    # A finding's rows, and words that are looked for.
    expect(page.locator("#examples-count")).to_have_text("31 examples")
    page.click("#findings > summary")
    page.click("#finding-cpf > summary")
    expect(page.locator("#finding-cpf ins")).to_contain_text("[CPF_1]")
    page.click("#finding-cpf [data-action=filter]")
    expect(page.locator("#examples-count")).to_have_text(re.compile("^1 of 31"))
    expect(page.get_by_label("Question 29", exact=True)).to_have_value(PLANTED["cpf"][0][0])

    # Edits stay on the page through a filter, a reload and a visit elsewhere, until they are saved.
    page.get_by_label("Answer 29", exact=True).fill("Sai sim.")
    page.click("#examples-add")
    page.keyboard.type("Vende chá?")
    page.keyboard.press("Tab")
    page.keyboard.type("Não.")
    expect(page.locator(".af-unsaved")).to_contain_text("2 unsaved changes")
    page.reload()
    expect(page.get_by_label("Answer 29", exact=True)).to_have_value("Sai sim.")
    expect(page.locator(".af-unsaved")).to_contain_text("2 unsaved changes")
    page.get_by_role("button", name="Delete example 3", exact=True).click()
    page.click("a[href*='step=model']")
    page.click("#dialog-yes")  # save and go on
    expect(page).to_have_url(re.compile("step=model"))
    page.go_back()
    version(page, 2)
    expect(page.locator("#examples-count")).to_have_text("31 examples")
    expect(page.locator(".af-unsaved")).to_be_hidden()
    assert table_row(page, "29") == {"Question": PLANTED["cpf"][0][0], "Answer": "Sai sim."}
    assert table_row(page, "#31") == {"Question": "Vende chá?", "Answer": "Não."}

    # The same text everywhere, counted before.
    unfold(page.locator("#examples-replace button").first)
    page.locator("#examples-find").locator("input, textarea").fill("LOJA")
    page.locator("#examples-put").locator("input, textarea").fill("filial")
    expect(page.locator("#examples-places")).to_contain_text("20 places")
    page.click("#examples-replace-act")
    version(page, 3)

    # What was just done is undone from the bar, which goes by itself; every version says what it changed, and comes back.
    page.click("#examples-toast [data-action=undo]")
    version(page, 2)
    expect(page.get_by_label("Answer 2", exact=True)).not_to_have_value(re.compile("filial"))
    page.get_by_role("tab", name="History").click()
    page.locator(".af-version[data-number='2'] summary").click()
    expect(page.locator(".af-version[data-number='2'] ins").first).to_be_visible()
    page.click(".af-version[data-number='3'] [data-action=restore]")
    version(page, 4)
    page.click("#examples-history [data-action=name]")
    page.fill("#dialog-input", "Ana")
    page.click("#dialog-yes")
    expect(page.locator("#examples-name")).to_contain_text("Ana")
    page.get_by_role("tab", name="Examples").click()
    expect(page.get_by_label("Answer 2", exact=True)).to_have_value(re.compile("filial"))

    # The examples as a file.
    page.get_by_role("tab", name="Examples").click()
    address = str(page.locator("#examples-as-jsonl").get_attribute("href")).removeprefix("..")
    with urllib.request.urlopen(shared_server.address + address) as answer:
        records = [json.loads(line) for line in answer.read().decode().splitlines()]
    assert len(records) == 31
    assert records[-1]["messages"][-1]["content"] == "Não."
