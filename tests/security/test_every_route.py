"""Every route and every endpoint that the application itself lists, asked by those who have no business there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from studio.app import build_services
from studio.i18n import LOCALES
from studio.settings import Settings
from studio.web.server import build_server
from tests.browser.conftest import Server

FOREIGN: Final = (
    ({"host": "evil.example"}, "web.foreign_host"),
    ({"origin": "http://evil.example"}, "web.foreign_page"),
    ({"sec-fetch-site": "cross-site"}, "web.foreign_page"),
)
WAYS: Final = ("PUT", "DELETE", "PATCH", "OPTIONS")  # that no route has
OPEN_TO_ALL: Final = re.compile(r"/healthz|/d/.*")
WIDGET: Final = re.compile(r"/d/widget/[^/]+(/ask)?")  # says itself on whose pages it may stand


def listed(routes: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The method and the path of every route, of mounted applications and included routers too."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from listed(route.original_router.routes, prefix + route.include_context.prefix)
        elif getattr(route, "methods", None):
            for method in route.methods:
                yield method, prefix + re.sub(r"{\w+(:\w+)?}", "x", route.path)
        else:
            yield from listed(route.app.routes, prefix + route.path)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    services = build_services(Settings(home=tmp_path_factory.mktemp("listed") / "home"))
    found = sorted(set(listed(build_server(services).routes)))
    services.close()
    for known in (("POST", "/pt/gradio_api/queue/join"), ("GET", "/d/x"), ("GET", "/download/examples/x")):
        assert known in found
    assert len(found) > 100
    return found


def ask(client: httpx.Client, method: str, path: str, **headers: str) -> httpx.Response:
    return client.request(method, path, json={} if method == "POST" else None, headers=headers)


def test_no_route_answers_a_foreign_name_or_page(anyone: httpx.Client, routes: list[tuple[str, str]]) -> None:
    preflights = [("OPTIONS", path) for path in {path for _, path in routes}]
    for method, path in [*routes, *preflights]:
        for headers, code in FOREIGN:
            response = ask(anyone, method, path, **headers)
            assert response.status_code == 403, (method, path, headers)
            if code == "web.foreign_page" and WIDGET.fullmatch(path):
                code = "widget.foreign_page"
            assert method == "HEAD" or response.json()["error"]["code"] == code, (method, path, headers)
            assert not [name for name in response.headers if name.startswith("access-control-")]


def test_no_route_is_open_without_a_session(outside: httpx.Client, routes: list[tuple[str, str]]) -> None:
    for number, (method, path) in enumerate(routes):
        if not OPEN_TO_ALL.fullmatch(path):
            assert ask(outside, method, path).status_code == 401, (method, path)
            way = WAYS[number % len(WAYS)]
            assert ask(outside, way, path).status_code == 401, (way, path)
    for path in {path for _, path in routes if OPEN_TO_ALL.fullmatch(path)}:
        for way in WAYS:
            refused = (403,) if way == "OPTIONS" and WIDGET.fullmatch(path) else (404, 405)
            assert ask(outside, way, path).status_code in refused, (way, path)


@pytest.mark.parametrize("locale", LOCALES)
def test_no_endpoint_answers_those_who_may_not_ask(
    inside: httpx.Client, locked_studio: Server, secret: Any, locale: str
) -> None:
    """Every input of every endpoint with a foreign path; every endpoint from elsewhere, and without a session."""
    join, config, tried = f"/{locale}/gradio_api/queue/join", inside.get(f"/{locale}/config").json(), 0
    with httpx.Client(base_url=locked_studio.address, timeout=30) as outside:
        for dependency in config["dependencies"]:
            data: list[Any] = [None] * len(dependency["inputs"])
            body = {"data": data, "fn_index": dependency["id"], "session_hash": f"s{tried}"}
            for headers, _ in FOREIGN:
                assert inside.post(join, json=body, headers=headers).status_code == 403, dependency["api_name"]
            assert outside.post(join, json=body).status_code == 401, dependency["api_name"]
            for place in range(len(data)):
                foreign = {"path": str(secret), "orig_name": "a.csv", "meta": {"_type": "gradio.FileData"}}
                named = [*data[:place], foreign, *data[place + 1 :]]
                response = inside.post(join, json=body | {"data": named})
                assert response.status_code == 403, (dependency["api_name"], place, response.text)
                tried += 1
    assert tried > 50
