"""The end of a run, seen from another page than its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from studio.app import build_services
from studio.domain.recipe import Recipe
from studio.settings import Settings
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.model]
SOON, TRAINING = 20_000, 180_000  # milliseconds


@pytest.fixture
def server(tmp_path: Path, tiny_model: Path) -> Iterator[Server]:
    models = tmp_path / "models"
    shutil.copytree(tiny_model, models / "tiny-llama")
    running = Server(tmp_path / "home", environment={"AFINA_MODELS_DIR": str(models), "OMP_NUM_THREADS": "1"})
    running.home.mkdir()
    yield running
    running.stop()


def waiting_run(server: Server, tiny_model: Path, folder: Path) -> str:
    """A project with a run that waits; returns its id."""
    services = build_services(Settings(home=server.home, models_dir=Path(server.environment["AFINA_MODELS_DIR"])))
    card = services.models.add_folder(tiny_model)
    services.models.wait_installed(card.id)
    project = services.projects.create("Shop").id
    services.projects.update(project, model_id=card.id)
    path = folder / "faq.csv"
    things = ("hat", "scarf", "coat", "shoe", "belt", "sock", "glove", "shirt", "dress", "cap", "boot", "skirt")
    path.write_text(
        "\n".join(
            [
                "question,answer",
                *(f"How much is the {thing}?,The {thing} is {n} coins." for n, thing in enumerate(things)),
            ]
        ),
        encoding="utf-8",
    )
    services.datasets.import_files(project, [path])
    recipe = Recipe(model=card.id, epochs=60.0, batch_size=4, evaluations=4, learning_rate=1e-3)
    services.runs.start(project, recipe, "Long run")
    services.close()
    return project


def test_home_follows_a_run_to_its_end_by_itself(
    browser: Browser, server: Server, tiny_model: Path, tmp_path: Path
) -> None:
    waiting_run(server, tiny_model, tmp_path)
    server.start()
    context = browser.new_context(locale="pt-BR")
    page = context.new_page()
    page.goto(f"{server.address}/pt/")
    badge = page.locator("article .af-runs .af-badge")
    expect(badge).to_contain_text("%", timeout=TRAINING)
    expect(badge).to_have_class(re.compile("good"), timeout=TRAINING)
    expect(page).to_have_title("✓ Pronto: Long run", timeout=SOON)
    context.close()
