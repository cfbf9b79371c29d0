"""Bringing examples in a real browser: a pasted table, the picture that is clicked, the proof, a hub dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.hub_server import FakeHub

pytestmark = [pytest.mark.browser, pytest.mark.model]
PASTED = "Ticket\tQuestion\tDetail\tAnswer\n" + "".join(
    f"{n}\tHow does delivery to {place} work?\tIt is urgent.\tWe deliver to {place} in {n + 3} days.\n"
    for n, place in enumerate(("Rio", "Bahia", "Recife", "Natal", "Manaus", "Goias", "Palmas", "Maceio"))
)


@pytest.fixture(scope="module")
def hub(shared_hub: FakeHub) -> FakeHub:
    rows = [{"question": f"Is number {n} open?", "answer": f"Yes, number {n} is."} for n in range(9)]
    content = "\n".join(map(json.dumps, rows)).encode()
    card = "configs:\n- {config_name: shop, data_files: [{split: train, path: a.jsonl}, {split: test, path: b.jsonl}]}"
    files = {"README.md": f"---\n{card}\n---\n".encode(), "a.jsonl": content, "b.jsonl": content}
    shared_hub.datasets["acme/faq"] = files
    return shared_hub


@pytest.fixture
def page(browser: Browser, hub: FakeHub, shared_server: Server) -> Iterator[Page]:
    """The Examples screen of an empty project, in English."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.goto(f"{shared_server.address}/en/")
    opened.click("#home-new")
    opened.fill("#dialog-input", "Shop")
    opened.click("#dialog-yes")
    expect(opened).to_have_url(re.compile("step=model"))
    opened.goto(opened.url.replace("step=model", "step=examples"))
    expect(opened.locator("#examples-upload")).to_be_visible()
    yield opened
    context.close()


def test_paste_map_and_reword(page: Page) -> None:
    head = page.locator("#examples-head")
    unfold(page.get_by_role("tab", name="Paste a table"))
    page.click("#examples-paste-go")
    expect(page.get_by_text("There is nothing in the box yet").first).to_be_visible()
    page.fill("#examples-paste textarea", PASTED)
    page.click("#examples-paste-go")
    expect(head).to_contain_text("8 examples")
    ready = page.locator("#checkup[data-state=ready]")  # the page is drawn anew when the check-up is done
    expect(ready).to_be_visible()
    # Two clicks: the part, and the column to put below it.
    page.click("#examples-picture .af-part.asks")
    page.click(".af-picker [data-action=join][data-column=Detail]")
    expect(page.locator("#examples-picture .af-part.asks")).to_contain_text("It is urgent.")
    expect(head).to_contain_text("Version 2")
    expect(ready).to_be_visible()
    page.get_by_role("tab", name="Exam", exact=True).click()
    page.click("#examples-split [data-action=share][data-share='0.3']")
    expect(head).to_contain_text("Version 3")
    page.click("#split-reword")
    page.locator("#examples-reworded li button").first.click()
    expect(page.locator("#split-accept")).to_have_text("Use these 7")
    page.click("#split-accept")
    expect(head).to_contain_text("7 kept aside")
    expect(page.locator("#examples-split")).to_contain_text("your own questions in other words")


def test_a_dataset_of_the_hub(page: Page) -> None:
    unfold(page.get_by_role("tab", name="Hugging Face"))
    page.fill("#hub-id input, #hub-id textarea", "acme/none")
    page.click("#hub-look")
    expect(page.get_by_text("There is no dataset “acme/none”").first).to_be_visible()
    page.fill("#hub-id input, #hub-id textarea", "acme/faq")
    page.click("#hub-look")
    expect(page.locator("#hub-config input")).to_have_value("shop")
    expect(page.locator("#hub-split input")).to_have_value("train")
    page.fill("#hub-rows input", "5")
    page.click("#hub-go")
    expect(page.locator("#examples-head")).to_contain_text("5 examples")
    expect(page.locator("#examples-head")).to_contain_text("acme-faq.jsonl")


def test_the_empty_state_gives_way_to_a_large_file_and_comes_back_when_it_is_stopped(
    page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "large.csv"
    lines = (f"How does delivery to street {n} work?,We deliver to street {n} in three days." for n in range(150_000))
    path.write_text("\n".join(["Question,Answer", *lines]), encoding="utf-8")
    empty = page.locator("#examples-sample")
    expect(empty).to_be_visible()
    page.set_input_files("#examples-upload input[type=file]", path)
    expect(page.locator("#examples-stop")).to_be_visible()
    expect(empty).to_have_count(0)
    page.click("#examples-stop")
    expect(empty).to_be_visible()
    expect(page.locator("#examples-stop")).to_have_count(0)


def test_whoever_goes_on_during_the_check_up_is_not_taken_back(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    lines = (f"How does delivery to street {n} work?,We deliver to street {n} in three days." for n in range(15_000))
    path.write_text("\n".join(["Question,Answer", *lines]), encoding="utf-8")
    page.set_input_files("#examples-upload input[type=file]", path)
    expect(page.locator("#checkup")).to_be_visible()
    page.click("#page-examples #next-step")
    expect(page.locator("#page-train")).to_be_visible()
    expect(page).to_have_url(re.compile("step=train"))
    other = page.context.new_page()
    other.goto(page.url.replace("step=train", "step=examples"))
    expect(other.locator("#checkup[data-state=ready]")).to_be_visible()
    page.wait_for_timeout(2_000)  # nothing may come of it on the page that was left; a slow machine only sees less
    expect(page).to_have_url(re.compile("step=train"))
    expect(page.locator("#page-train")).to_be_visible()
    expect(page.locator("#page-examples")).to_be_hidden()


INTENTS = {
    "intents": [
        {"tag": "hours", "patterns": ["When do you open?", "Opening hours?"], "responses": ["At nine.", "From 9 on."]},
        {"tag": "parking", "patterns": ["Is there parking?"], "responses": ["Yes, behind the shop."]},
        {"tag": "fallback", "patterns": [], "responses": ["Sorry?"]},
    ]
}


def test_what_was_left_out_stands_in_one_panel(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "intents.json"
    path.write_text(json.dumps(INTENTS), encoding="utf-8")
    page.set_input_files("#examples-upload input[type=file]", str(path))
    panel = page.locator("#left-out")
    expect(panel.get_by_role("heading")).to_have_text("Left out: 1 row, 1 answer")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    expect(panel).to_contain_text("row 3 has no question")
    expect(panel).to_contain_text("and 1 was left out")
    page.goto(page.url.replace("/en/", "/pt/"))
    expect(panel.get_by_role("heading")).to_have_text("De fora: 1 linha, 1 resposta")
    expect(panel).to_contain_text("a linha 3 não tem pergunta")
