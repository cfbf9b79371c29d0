"""A run that goes on beyond its plan, watched to its end on its own page and on the home page: nothing goes back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from studio.app import build_services
from studio.domain.recipe import Method, Recipe
from studio.i18n import catalog
from studio.settings import Settings
from studio.training.run_files.event_log import read_events
from tests.browser.conftest import Server
from tests.pasting import paste

pytestmark = [pytest.mark.browser, pytest.mark.model]
# Notes each reading of bar and passes, and answers for the person whom a browser without a screen cannot ask.
_WATCH = """
    Object.assign(window, { seen: [], told: [], asked: 0 });
    window.Notification = class {
        static permission = 'default';
        static async requestPermission() { window.asked += 1; return (this.permission = 'granted'); }
        constructor(title) { window.told.push(title); }
    };
    new MutationObserver(() => {
        const bar = document.querySelector('#train-live [role=progressbar]');
        const where = document.querySelector('#train-live [data-part=where]');
        if (!bar || !where) return;
        const reading = [bar.getAttribute('aria-valuenow'), ...where.innerText.match(/\\d+/g) ?? []].map(Number);
        if (String(reading) !== String(window.seen.at(-1))) window.seen.push(reading);
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


@pytest.fixture
def learner(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with embeddings large enough for its loss to fall, in a folder of models of its own."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_model, tmp_path / "models" / "tiny-llama")
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"] *= 25
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def server(tmp_path: Path, learner: Path) -> Iterator[Server]:
    running = Server(tmp_path / "home", environment={"AFINA_MODELS_DIR": str(learner.parent), "OMP_NUM_THREADS": "1"})
    running.home.mkdir()
    yield running
    running.stop()


def paused_run(server: Server, learner: Path) -> str:
    """A project whose answers are there once each, so that a run goes on while it recalls more; its run has yet to begin."""
    services = build_services(Settings(home=server.home, models_dir=learner.parent))
    card = services.models.add_folder(learner)
    services.models.wait_installed(card.id)
    project = services.projects.create("Shop").id
    services.projects.update(project, model_id=card.id)
    things = ("hat", "scarf", "coat", "shoe", "belt", "sock")
    colours = ("red", "blue", "green", "black")  # enough of them for a run that a page sees the middle of
    pairs = (
        f"How much is the {colour} {thing}?,{colour} {thing} {number}{index}"
        for number, thing in enumerate(things)
        for index, colour in enumerate(colours)
    )
    paste(services.datasets, project, "question,answer\n" + "\n".join(pairs))
    recipe = Recipe(
        model=card.id, method=Method.FULL, learning_rate=1e-3, epochs=60.0, batch_size=8, evaluations=4, patience=2
    )
    services.runs.pause(services.runs.start(project, recipe, "Long run"))
    services.close()
    return project


def test_a_run_that_is_extended_never_goes_back_and_its_end_is_told(
    browser: Browser, server: Server, learner: Path
) -> None:
    project = paused_run(server, learner)
    server.start()
    owner, elsewhere = (browser.new_context(locale=locale) for locale in ("en-US", "pt-BR"))
    owner.add_init_script(_WATCH)
    page, home = owner.new_page(), elsewhere.new_page()
    page.goto(f"{server.address}/en/?project={project}&step=train")
    home.goto(f"{server.address}/pt/")
    expect(home.locator("article .af-runs")).to_be_visible()
    page.click("#train-resume")
    expect(page.locator("#train-live[data-state=paused]")).to_have_count(0)
    home.reload()
    page.locator("[data-notify]").first.click()
    badge = home.locator("article .af-runs .af-badge")
    expect(page.locator("#train-live [data-part=notices]")).to_contain_text("So it trains for half as long again")
    expect(page.locator("#train-live[data-state=finished]")).to_be_visible()
    assert "extended" in {
        event.type for event in read_events(next((server.home / "runs").glob("run-*/events.jsonl")))[0]
    }
    assert_never_back(page.evaluate("window.seen"))

    expect(page).to_have_title(catalog("en")("common.ended.finished", name="Long run"))
    assert page.evaluate("window.told") == [page.title()]
    assert page.evaluate("window.asked") == 1
    expect(page.locator("[data-notify]:visible")).to_have_count(0)
    expect(badge).to_have_class(re.compile("good"))
    expect(home).to_have_title(catalog("pt")("common.ended.finished", name="Long run"))
    page.click("#train-compare")
    expect(page).to_have_url(re.compile(r"step=compare&run=run-"))
    close(owner, elsewhere)


def assert_never_back(seen: list[list[int]]) -> None:
    """Readings of the bar, the pass, and of how many passes at most."""
    assert len(seen) > 2, "the run was watched"
    bars, passes, most = [reading[0] for reading in seen], *zip(*((r[1:3]) for r in seen if len(r) > 2), strict=True)
    assert bars == sorted(bars)
    assert bars[-1] == 100
    assert list(passes) == sorted(passes)
    assert len(set(passes)) > 1, "the pass counter was seen to move"
    assert list(most) == sorted(most, reverse=True), "what may come was announced before"


def close(*contexts: BrowserContext) -> None:
    for context in contexts:
        context.close()
