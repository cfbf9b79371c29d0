"""An address where nothing is: a page for people, a code for programs."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from studio.i18n import catalog
from studio.services.container import Services
from studio.web.server import build_server

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def client(services: Services) -> TestClient:
    return TestClient(build_server(services))


@pytest.mark.parametrize(
    ("path", "headers", "locale"),
    [
        ("/projetos", {"accept-language": "pt-BR"}, "pt"),
        ("/projects/1?x=<b>", {"accept-language": "de, en;q=0.5"}, "en"),
        ("/pt/nada", {"accept-language": "en"}, "pt"),
        ("/download/examples/project-1.csv", {"cookie": "afina_language=pt"}, "pt"),
    ],
)
def test_a_person_reads_it_in_her_language(client: TestClient, path: str, headers: dict[str, str], locale: str) -> None:
    answer = client.get(path, headers=BROWSER | headers)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert catalog(locale)("common.lost.title") in answer.text
    assert f'href="/{locale}/"' in answer.text


def test_a_program_gets_the_code_and_what_is_there_stays(client: TestClient) -> None:
    assert "text/html" not in client.get("/nothing").headers["content-type"]
    assert "text/html" not in client.post("/nothing", headers=BROWSER).headers["content-type"]
    assert client.get("/healthz", headers=BROWSER).text == "ok"
    assert client.get("/pt/", headers=BROWSER).status_code == 200
