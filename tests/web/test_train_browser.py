"""The train screen in a real browser, on a model of two layers: the queue, runs over each other, a search."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.app import build_services
from studio.domain.recipe import Recipe
from studio.settings import Settings, assets_dir
from tests.browser.conftest import Server
from tests.child_processes import end_all_of
from tests.pasting import paste

pytestmark = [pytest.mark.browser, pytest.mark.model]
LONG = {"epochs": 1000.0, "evaluations": 3, "patience": 0}


@pytest.fixture(scope="module")
def models(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that holds the tiny one only."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(tiny_model, folder / "tiny-llama")
    return folder


@pytest.fixture
def server(tmp_path: Path, models: Path) -> Iterator[Server]:
    running = Server(tmp_path / "home", environment={"AFINA_MODELS_DIR": str(models), "OMP_NUM_THREADS": "1"})
    running.home.mkdir()
    yield running
    running.stop()
    end_all_of(running.home)


def prepare(server: Server, models: Path, tiny_model: Path, *recipes: dict[str, object], pairs: int = 0) -> str:
    """A project with the sample, or its first pairs, and runs that wait; returns its id."""
    services = build_services(Settings(home=server.home, models_dir=models))
    card = services.models.add_folder(tiny_model)
    services.models.wait_installed(card.id)
    project = services.projects.create("Shop")
    services.projects.update(project.id, model_id=card.id)
    if pairs:
        rows = (assets_dir() / "samples" / "en.train.csv").read_text(encoding="utf-8").splitlines()[: pairs + 1]
        paste(services.datasets, project.id, "\n".join(rows))
    else:
        services.datasets.use_sample(project.id, "en")
    for number, changes in enumerate(recipes, 1):
        recipe = Recipe.model_validate({"model": card.id, "preset": "quick", **changes})
        services.runs.start(project.id, recipe, f"Run {number}")
    services.close()
    return project.id


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    complaints = list[str]()
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def test_the_queue_is_reordered_paused_and_cancelled(
    page: Page, server: Server, models: Path, tiny_model: Path
) -> None:
    project = prepare(server, models, tiny_model, LONG, {"epochs": 1.0}, {"epochs": 2.0})
    server.start()
    page.goto(f"{server.address}/en/?project={project}&step=train")
    rows = page.locator(".af-queue li[data-state=queued]")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("starts after “Run 1”")
    rows.nth(1).locator("[data-action=up]").press("Enter")
    expect(rows.first).to_contain_text("Run 3")
    focus_went_with_the_run = "document.activeElement.closest('li')?.innerText.startsWith('1')"
    page.wait_for_function(focus_went_with_the_run)

    rows.filter(has_text="Run 2").locator("[data-action=cancel]").click()
    page.click("#dialog-yes")
    expect(rows).to_have_count(1)
    page.locator("#train-runs a", has_text="Run 1").click()
    expect(page.locator("#train-live h2").first).to_have_text("Run 1")
    page.click("#train-pause")
    expect(page.locator("#train-live[data-state=paused]")).to_be_visible()
    page.click("#train-resume")
    expect(page.locator("#train-live[data-state=paused]")).to_have_count(0)
    page.locator("#train-cancel").click()
    page.click("#dialog-yes")
    expect(page.locator("#train-live[data-state=cancelled]")).to_be_visible()


def write(page: Page, selector: str, words: str) -> None:
    """Writes into a field until that stays: a page that is still being drawn sets its fields once more."""
    field = page.locator(selector).locator("input, textarea")
    for _ in range(60):
        field.fill(words)
        page.wait_for_timeout(500)
        if field.input_value() == words:
            return
    raise AssertionError(f"{selector} never took {words!r}")


def test_runs_are_laid_over_each_other_and_a_search_without_a_right_answer_offers_none(
    page: Page, server: Server, models: Path, tiny_model: Path
) -> None:
    quick = {"epochs": 1.0, "evaluations": 2}
    project = prepare(server, models, tiny_model, quick | {"rank": 4}, quick | {"rank": 8}, pairs=40)
    server.start()
    page.goto(f"{server.address}/en/?project={project}&step=train")
    expect(page.locator("#train-overlay")).to_be_visible()
    expect(page.locator("#train-overlay polyline")).to_have_count(2)
    expect(page.locator("#train-overlay td[data-label=Rank]")).to_have_text(["8", "4"])
    page.locator("#train-runs [data-action=tick]").first.click()
    expect(page.locator("#train-overlay")).to_have_count(0)
    expect(page).to_have_url(re.compile("beside=run-"))
    page.reload()
    expect(page.locator("#train-runs [data-action=tick]").first).not_to_be_checked()

    page.locator("#train-lab button").first.click()
    write(page, "#search-minutes", "many")
    page.click("#search-start")
    expect(page.get_by_text("minutes are not possible").first).to_be_visible()
    write(page, "#search-minutes", "10")
    page.click("#search-start")
    study = page.locator("#train-studies section")
    expect(study.locator("polyline.s2, polyline.s1").first).to_be_attached()
    study.locator("[data-action=stop]").click()
    expect(study).to_have_attribute("data-state", re.compile("stopped|finished"))
    # A random model answers nothing right, so no attempt is called best or offered.
    expect(study.get_by_text(re.compile("marked as best")).first).to_be_visible()
    expect(page.locator("#study-use")).to_have_count(0)
