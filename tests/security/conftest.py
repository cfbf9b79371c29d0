"""Real servers that the tests of this folder attack, in processes of their own, on this computer only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from studio.web.auth import COOKIE
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
def secret(tmp_path: Path) -> Path:
    """A file of the server's user that nobody uploaded."""
    path = tmp_path / "secret.txt"
    path.write_text("nobody may read this")
    return path


@pytest.fixture(scope="session")
def session_cookie(locked_studio: Server) -> str:
    """Of somebody who knows the password."""
    answer = httpx.post(f"{locked_studio.address}/login", data={"password": PASSWORD})
    assert answer.status_code == 303
    return str(answer.cookies[COOKIE])


@pytest.fixture
def outside(locked_studio: Server) -> Iterator[httpx.Client]:
    """A browser that does not know the password."""
    with httpx.Client(base_url=locked_studio.address, timeout=30) as opened:
        yield opened


@pytest.fixture
def entered(outside: httpx.Client, session_cookie: str) -> httpx.Client:
    """A browser that does."""
    outside.cookies.set(COOKIE, session_cookie)
    return outside


@pytest.fixture(params=["client", "entered"])
def inside(request: pytest.FixtureRequest) -> httpx.Client:
    """Whoever may use the studio: where no password is set, and with it."""
    opened: httpx.Client = request.getfixturevalue(request.param)
    return opened


@pytest.fixture(params=["client", "entered", "outside"])
def anyone(request: pytest.FixtureRequest) -> httpx.Client:
    """Without a password, with it, and before it."""
    opened: httpx.Client = request.getfixturevalue(request.param)
    return opened


@pytest.fixture
def client(open_studio: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=open_studio.address, timeout=30) as opened:
        yield opened
