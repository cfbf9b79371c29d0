"""The studio's screens in a real browser: moving about, languages, narrow and dark screens, bad files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from studio.i18n import LOCALES, catalog
from studio.web.ui.session import STEPS
from tests.browser.conftest import Server
from tests.conftest import SMOLLM2

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture
def page(browser: Browser, shared_server: Server) -> Iterator[Page]:
    """An English page that fails the test on a script error or a request to elsewhere."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: _note_outside(request.url, shared_server.address, complaints))
    opened.goto(f"{shared_server.address}/en/")
    expect(opened.locator("#home-new")).to_be_visible()
    yield opened
    context.close()
    assert complaints == []


def _note_outside(url: str, address: str, complaints: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        complaints.append(f"request to {url}")


def new_project(page: Page, name: str) -> None:
    page.click("#home-new")
    page.fill("#dialog-input", name)
    page.click("#dialog-yes")
    expect(page.locator(f"#model-card-{SMOLLM2}")).to_be_visible()


def test_moving_about_changes_the_address_and_comes_back(page: Page) -> None:
    page.evaluate("window.stayed = true")
    new_project(page, "<b>Café</b>")
    expect(page.locator("#project-name")).to_have_text("<b>Café</b>")
    page.click(f"#model-use-{SMOLLM2}")
    expect(page.locator(f"#model-card-{SMOLLM2}.chosen")).to_be_visible()
    page.click("#next-step:visible")
    expect(page.locator("#examples-sample:visible")).to_be_visible()
    expect(page).to_have_url(re.compile("step=examples"))
    page.go_back()
    expect(page.locator(f"#model-card-{SMOLLM2}")).to_be_visible()
    assert page.evaluate("window.stayed"), "no step reloads the page"
    page.locator("header nav a").click()
    expect(page.locator("h1:visible")).to_have_text(catalog("pt")("model.title"))
    expect(page).to_have_url(re.compile(r"/pt/\?project=project-\w+&step=model"))
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")


def test_a_project_is_renamed_and_deleted_after_a_question(page: Page) -> None:
    new_project(page, "First name")
    page.click(".af-brand")
    page.locator("article", has_text="First name").locator("[data-action=rename]").click()
    page.fill("#dialog-input", "Second name")
    page.click("#dialog-yes")
    card = page.locator("article", has_text="Second name")
    expect(card).to_have_count(1)
    expect(page.locator("article", has_text="First name")).to_have_count(0)
    card.locator("[data-action=delete]").click()
    page.click("#dialog-no")
    expect(card).to_have_count(1)
    card.locator("[data-action=delete]").click()
    page.click("#dialog-yes")
    expect(card).to_have_count(0)


def test_files_are_read_edited_and_brought_back(page: Page, tmp_path: Path) -> None:
    new_project(page, "Files")
    page.click(f"#model-use-{SMOLLM2}")
    page.click("#next-step.primary:visible")
    empty = tmp_path / "empty.csv"
    empty.touch()
    page.set_input_files("#examples-upload input[type=file]", empty)
    expect(page.get_by_text("“empty.csv”").first).to_be_visible()
    good = tmp_path / "good.csv"
    rows = "\n".join(f"Do you sell tea {n}?,Yes: tea number {n}." for n in range(8))
    good.write_text(f"question,answer\n{rows}\nNo answer here?,\n", encoding="utf-8")
    page.set_input_files("#examples-upload input[type=file]", good)
    expect(page.locator("#examples-picture")).to_contain_text("Do you sell tea 0?")
    expect(page.locator("#examples-summary")).to_contain_text("10")
    expect(page.locator("#examples-preview mark")).to_contain_text("tea number 0")
    page.get_by_label("Answer 2", exact=True).fill("Changed by hand.")
    page.click("#examples-save")
    expect(page.locator("#examples-head")).to_contain_text("Version 2")
    page.click("#examples-undo")
    expect(page.locator("#examples-head")).to_contain_text("Version 1")
    expect(page.get_by_label("Answer 2", exact=True)).to_have_value("Yes: tea number 0.")
    page.click("#examples-redo")
    expect(page.get_by_label("Answer 2", exact=True)).to_have_value("Changed by hand.")


def test_what_is_typed_stays_with_its_example(page: Page, tmp_path: Path) -> None:
    """The rows of the page stand for other examples after another page, a save and an undo."""
    new_project(page, "Long table")
    page.click(f"#model-use-{SMOLLM2}")
    page.click("#next-step.primary:visible")
    long = tmp_path / "long.csv"
    rows = "\n".join(f"Do you sell tea {n}?,Yes: tea number {n}." for n in range(80))
    long.write_text(f"question,answer\n{rows}\n", encoding="utf-8")
    page.set_input_files("#examples-upload input[type=file]", long)
    page.get_by_label("Answer 2", exact=True).fill("Changed by hand.")
    page.get_by_role("button", name="Next", exact=True).click()
    second_page = page.locator("#examples-table [data-field=answer]:visible")
    expect(page.get_by_label("Answer 2", exact=True)).to_have_count(0)
    for answer in second_page.evaluate_all("fields => fields.map(field => [field.value, field.defaultValue])"):
        assert answer[0] == answer[1], "what was typed on the page before does not stand here"
    page.get_by_role("button", name="Previous", exact=True).click()
    expect(page.get_by_label("Answer 2", exact=True)).to_have_value("Changed by hand.")

    # A second click while it is saved adds no second row, and what is typed meanwhile is still there to be saved.
    page.click("#examples-add")
    page.keyboard.type("Do you sell coffee?")
    page.keyboard.press("Tab")
    page.keyboard.type("Also.")
    page.evaluate("""() => {
        const save = document.getElementById("examples-save");
        save.click(); save.click();
        const typed = document.querySelector("[aria-label='Answer 3']");
        typed.value = "Typed while it was saved.";
        typed.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    expect(page.locator("#examples-head")).to_contain_text("Version 2")
    expect(page.locator("#examples-head")).to_contain_text("81 examples")
    expect(page.locator(".af-unsaved")).to_contain_text("1 unsaved change")
    expect(page.get_by_label("Question 2", exact=True)).to_have_value("Do you sell tea 0?")
    page.get_by_label("Answer 3", exact=True).press("Control+s")
    expect(page.locator("#examples-head")).to_contain_text("Version 3")
    expect(page.locator("#examples-head")).to_contain_text("81 examples")
    expect(page.get_by_label("Answer 3", exact=True)).to_have_value("Typed while it was saved.")
    expect(page.locator(".af-unsaved")).to_be_hidden()


def test_a_file_chosen_while_another_is_read_is_read_as_well(page: Page, tmp_path: Path) -> None:
    new_project(page, "Two in a row")
    page.click(f"#model-use-{SMOLLM2}")
    page.click("#next-step.primary:visible")
    empty, good = tmp_path / "empty.csv", tmp_path / "good.csv"
    empty.touch()
    good.write_text("question,answer\nDo you sell tea?,Yes.\nAnd coffee?,Also.\n", encoding="utf-8")
    held = list[Route]()
    page.route(
        lambda address: "/queue/join" in address,
        lambda route: held.append(route) if "empty.csv" in (route.request.post_data or "") else route.continue_(),
    )
    chooser = page.locator("#examples-upload input[type=file]")
    chooser.set_input_files(empty)
    expect(page.locator("#examples-upload")).not_to_contain_text("empty")
    while not held:
        page.wait_for_timeout(50)
    chooser.set_input_files(good)
    expect(page.locator("#examples-picture")).to_contain_text("Do you sell tea?")
    for route in held:
        route.continue_()
    expect(page.get_by_text("“empty.csv”").first).to_be_visible()
    expect(page.locator("#examples-picture")).to_contain_text("Do you sell tea?")


_UNREADABLE_STEPS = """[...document.querySelectorAll('.af-steps a')].filter(step => {
    const label = step.querySelector('span');
    return parseFloat(getComputedStyle(label).fontSize) < 13 || label.offsetWidth < 20 || step.scrollWidth > step.clientWidth;
}).map(step => step.textContent)"""


def test_a_phone_shows_every_step_without_sideways_scrolling(browser: Browser, shared_server: Server) -> None:
    for locale, scheme in ((LOCALES[0], "dark"), (LOCALES[1], "light")):
        context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{shared_server.address}/{locale}/")
        page.locator("#home-sample").tap()
        expect(page).to_have_url(re.compile("step=model"))
        for step in STEPS:
            page.locator(f".af-steps a[href*='step={step}']").tap()
            expect(page.locator("h1:visible")).to_have_text(catalog(locale)(f"{step}.title"))
            page.wait_for_timeout(500)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, (locale, step)
            assert page.evaluate(_UNREADABLE_STEPS) == [], (locale, step)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(18, 22, 26)") == (scheme == "dark")
        context.close()
