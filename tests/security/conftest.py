"""Real servers that the tests of this folder attack, in processes of their own, on this computer only."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.browser.conftest import Server

PASSWORD = "segredo da padaria"


@pytest.fixture(scope="session")
def open_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio without a password, as on a person's own computer, that takes uploads of 20 MB."""
    yield from _serve(tmp_path_factory, {"AFINA_MAX_UPLOAD_MB": "20"})


@pytest.fixture(scope="session")
def locked_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio behind a password."""
    yield from _serve(tmp_path_factory, {"AFINA_PASSWORD": PASSWORD})


def _serve(factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Server]:
    server = Server(factory.mktemp("studio") / "home", environment=environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(open_studio: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=open_studio.address, timeout=30) as opened:
        yield opened
