"""What a person does around the whole way: talk on, stop an answer, change runs, download, add a model of her own."""

from __future__ import annotations

import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.app import build_services
from studio.domain.recipe import Recipe
from studio.domain.run import RunState
from studio.settings import Settings
from tests.browser.conftest import Server
from tests.conftest import MODELS, REPOSITORY, SMOLLM2

pytestmark = [pytest.mark.browser, pytest.mark.model]
SOON, ANSWERING = 20_000, 90_000  # milliseconds
TRAINING = 300  # seconds; a limit on waiting, not a measure


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(SOON)
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def train(server: Server, rows: Sequence[int]) -> list[str]:
    """Short runs of one project, started beside the server on its workspace; its supervisor works on them."""
    services = build_services(Settings(home=server.home, models_dir=MODELS))
    head, *lines = (REPOSITORY / "assets" / "samples" / "en.train.csv").read_text(encoding="utf-8").splitlines()
    lines.sort(key=lambda line: line.rpartition(",")[2])  # by topic: several wordings of few answers
    project, runs = services.projects.create("Shop").id, []
    services.projects.update(project, model_id=SMOLLM2)
    for count in rows:
        pairs = server.home.parent / f"pairs-{count}.csv"
        pairs.write_text("\n".join([head, *lines[:count]]), encoding="utf-8")
        services.datasets.import_files(project, [pairs])
        runs.append(services.runs.start(project, Recipe(model=SMOLLM2, epochs=1), locale="en"))
    end = time.monotonic() + TRAINING
    while not all(services.runs.view(run).state is RunState.FINISHED for run in runs):
        assert time.monotonic() < end, [services.runs.view(run).state for run in runs]
        time.sleep(0.5)
    services.close()
    return runs


def ask(page: Page, question: str) -> None:
    page.locator("#compare-box textarea").fill(question)
    page.click("#compare-send")


def test_talk_on_stop_change_runs_and_download(page: Page, server: Server) -> None:
    first, second = train(server, (16, 12))
    page.goto(f"{server.address}/en/")
    page.locator(f"a[href*='run={second}']").first.click()
    page.get_by_role("link", name=re.compile("Compare")).first.click()
    expect(page.locator("#compare-box")).to_be_visible()

    page.locator("#compare-expert button").first.click()
    page.locator("#compare-max-tokens input[type=number]").fill("512")
    ask(page, "Write down every number from one to two hundred, one on each line.")
    expect(page.locator("#compare-talk .af-answer.before .text").first).to_have_text(
        re.compile(r"\S{2}"), timeout=ANSWERING
    )
    page.click("#compare-stop")
    expect(page.locator("#compare-send")).to_be_visible()
    kept = page.locator("#compare-talk .af-answer.before .text").first.inner_text()
    assert kept.strip()

    page.locator("#compare-max-tokens input[type=number]").fill("16")
    page.get_by_label("Continue this conversation").check()
    ask(page, "And what did I just ask of you?")
    turns = page.locator("#compare-talk .af-turn")
    expect(turns).to_have_count(2)
    expect(page.locator("#compare-send")).to_be_visible(timeout=ANSWERING)
    assert "And what did I just ask" in turns.first.inner_text(), "the newest turn is on top"
    assert kept[:40] in turns.last.inner_text(), "what was said before the stop is still there"

    page.locator(f"#compare-columns input[name={first}]").check()
    expect(page).to_have_url(re.compile(f"beside=base.{second}.{first}"))
    expect(turns).to_have_count(2)

    page.click("#next-step:visible")
    page.click("#share-export-adapter")
    expect(page.locator("#download-adapter")).to_be_visible(timeout=ANSWERING)
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
    page.locator("#model-add button").first.click()
    page.locator("#model-folder textarea, #model-folder input").fill(str(folder / "nowhere"))
    page.click("#model-folder-add")
    expect(page.get_by_text("nowhere")).to_be_visible()
    page.locator("#model-folder textarea, #model-folder input").fill(str(folder))
    page.click("#model-folder-add")
    card = page.locator("[id^='model-card-folder-']")
    expect(card).to_be_visible()
    card.locator("[data-action=use]").click()
    expect(page.locator("[id^='model-card-folder-'].chosen")).to_be_visible(timeout=ANSWERING)
    page.click("#next-step:visible")
    expect(page.locator("#examples-sample:visible")).to_be_visible()
