"""What a person does around the whole way: talk on, stop an answer, change runs, download, add a model of her own."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.conftest import MODELS, SMOLLM2
from tests.sharing.conftest import make_run

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}, accept_downloads=True)
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def runs(tmp_path: Path, base_model: str) -> tuple[str, str]:
    """Two runs of the default model in the workspace of the server to come: it writes slowly enough to be stopped."""
    workspace = Workspace.open(Settings(home=tmp_path / "home", models_dir=MODELS))
    made = [make_run(workspace, f"run-{number}", name=f"Run {number}", model=base_model) for number in (1, 2)]
    workspace.database.close()
    return made[0], made[1]


def ask(page: Page, question: str) -> None:
    page.locator("#compare-box textarea").fill(question)
    page.click("#compare-send")


def test_talk_on_stop_change_runs_and_download(runs: tuple[str, str], page: Page, server: Server) -> None:
    first, second = runs
    page.goto(f"{server.address}/en/")
    page.locator(f"a[href*='run={second}']").first.click()
    page.get_by_role("link", name=re.compile("Compare")).first.click()
    expect(page.locator("#compare-box")).to_be_visible()

    unfold(page.locator("#compare-expert button").first)
    page.locator("#compare-max-tokens input[type=number]").fill("512")
    ask(page, "Write down every number from one to two hundred, one on each line.")
    expect(page.locator("#compare-talk .af-answer.before .text").first).to_have_text(re.compile(r"\S{2}"))
    # Asked while an answer is written: after it, once, and what is typed since stays in the box.
    box, turns = page.locator("#compare-box textarea"), page.locator("#compare-talk .af-turn")
    box.fill("And in words?")
    box.press("Enter")
    expect(box).to_have_value("")
    box.fill("half typed")
    page.click("#compare-stop")
    expect(turns).to_have_count(2)
    expect(turns.first.locator(".asks")).to_contain_text("And in words?")
    expect(turns.first.locator(".af-answer.before .text")).to_have_text(re.compile(r"\S{2}"))
    page.click("#compare-stop")
    expect(page.locator("#compare-send")).to_be_visible()
    expect(box).to_have_value("half typed")
    expect(turns).to_have_count(2)
    kept = turns.last.locator(".af-answer.before .text").inner_text()
    assert kept.strip()

    page.locator("#compare-max-tokens input[type=number]").fill("16")
    page.get_by_label("Continue this conversation").check()
    ask(page, "And what did I just ask of you?")
    expect(turns).to_have_count(3)
    expect(page.locator("#compare-send")).to_be_visible()
    assert "And what did I just ask" in turns.first.inner_text(), "the newest turn is on top"
    assert kept[:40] in turns.last.inner_text(), "what was said before the stop is still there"

    page.locator(f"#compare-columns input[name={first}]").check()
    expect(page).to_have_url(re.compile(f"beside=base.{second}.{first}"))
    expect(turns).to_have_count(3)

    page.click("#page-compare #next-step")
    page.click("#page-proof #next-step")
    page.click("#share-export-adapter")
    expect(page.locator("#download-adapter")).to_be_visible()
    with page.expect_download() as download:
        page.click("#download-adapter")
    names = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())).namelist()
    assert any(name.endswith("adapter_model.safetensors") for name in names)
    assert any(name.endswith("README.md") for name in names)


def test_a_model_folder_of_ones_own(page: Page, server: Server, tiny_model: Path) -> None:
    folder = server.home.parent / "my-model"
    shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("afina.json"))
    page.goto(f"{server.address}/en/")
    page.click("#home-new")
    page.fill("#dialog-input", "Ours")
    page.click("#dialog-yes")
    expect(page.locator(f"#model-card-{SMOLLM2}")).to_be_visible()
    unfold(page.locator("#model-add button").first)
    page.locator("#model-folder textarea, #model-folder input").fill(str(folder / "nowhere"))
    page.click("#model-folder-add")
    expect(page.get_by_text("nowhere")).to_be_visible()
    page.locator("#model-folder textarea, #model-folder input").fill(str(folder))
    page.click("#model-folder-add")
    card = page.locator("[id^='model-card-folder-']")
    expect(card).to_be_visible()
    card.locator("[data-action=use]").click()
    expect(page.locator("[id^='model-card-folder-'].chosen")).to_be_visible()
    page.click("#next-step:visible")
    expect(page.locator("#examples-sample:visible")).to_be_visible()
