"""The widget's routes: who is answered on whose page, and what everybody else learns."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from studio.domain.widget import Widget
from studio.services.widgets import WidgetService
from studio.web.demo.limits import VISITS
from studio.web.demo.queue import PER_VISITOR
from tests.web.demo_server import Served, served, until

__all__ = ["served"]  # fixtures

SHOP = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
ELSEWHERE = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def widgets(served: Served) -> WidgetService:
    return WidgetService(served.links._workspace, served.links)


@pytest.fixture
def widget(served: Served, widgets: WidgetService) -> Widget:
    return widgets.save(served.link.token, ["shop.example"], "#7a1fa2")


def told(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


def ask(served: Served, widget: Widget, question: str = "Abre?", **headers: str) -> httpx.Response:
    address = f"{served.url}/d/widget/{widget.id}/ask?lang=pt"
    return httpx.post(address, json={"question": question}, headers=SHOP | headers, timeout=60)


def test_a_listed_site_reads_title_and_answers_and_nothing_of_the_link(served: Served, widget: Widget) -> None:
    address = f"{served.url}/d/widget/{widget.id}"
    described = httpx.get(address, params={"lang": "en-US"}, headers=SHOP)
    assert described.headers["access-control-allow-origin"] == SHOP["Origin"]
    assert described.headers["vary"] == "Origin"
    about = described.json()
    assert (about["title"], about["colour"], about["textColour"]) == (served.link.title, "#7a1fa2", "#ffffff")
    assert (about["locale"], about["ownLocale"], about["said"]["ask"]) == ("en", "pt", "Ask")
    assert httpx.get(address, params={"lang": "fr"}, headers=SHOP).json()["said"]["ask"] == "Perguntar"
    preflight = httpx.options(f"{address}/ask", headers=SHOP | {"Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == "content-type, afina-visitor"
    answered = ask(served, widget)
    assert answered.headers["access-control-allow-origin"] == SHOP["Origin"]
    assert "".join(line.get("tuned", "") for line in told(answered)) == "Sim, abrimos às 7."
    assert not any("base" in line for line in told(answered)), "a customer compares nothing"
    assert served.chat.asked[0]["sides"] == ("tuned",)
    for response in (described, preflight, answered):
        assert served.link.token not in response.text + str(response.headers)


def test_other_pages_are_told_nothing(served: Served, widget: Widget, widgets: WidgetService) -> None:
    for origin in ("https://elsewhere.example", "http://shop.example", "https://shop.example:8443", "null",
                   "https://shop.example.evil.com", "https://evil-shop.example", "https://shop.example/", ""):  # fmt: skip
        headers = {"Origin": origin} if origin else {}
        for known in (widget.id, "AAAAAAAAAAAAAAAA"):
            address = f"{served.url}/d/widget/{known}"
            refused = [
                httpx.get(address, headers=headers),
                httpx.post(f"{address}/ask", json={"question": "Abre?"}, headers=headers),
                httpx.options(f"{address}/ask", headers=headers),
            ]
            assert [response.status_code for response in refused] == [403] * 3, origin
            for response in refused:
                assert "access-control-allow-origin" not in response.headers
                assert served.link.title not in response.text
    assert served.chat.asked == []
    widgets.save(served.link.token, ["other.example"])
    assert ask(served, widget).status_code == 403, "a site that was taken off the list"


def test_the_script_is_for_every_page_and_the_preview_for_the_studio(served: Served, widget: Widget) -> None:
    script = httpx.get(
        f"{served.url}/d/widget.js", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "script"}
    )
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "__STYLES__" not in script.text
    again = httpx.get(f"{served.url}/d/widget.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304
    preview = httpx.get(f"{served.url}/d/widget/{widget.id}/preview")
    assert "frame-ancestors 'self'" in preview.headers["content-security-policy"]
    assert httpx.get(f"{served.url}/d/widget/{widget.id}/preview", headers=ELSEWHERE).status_code == 403
    assert httpx.get(f"{served.url}/d/widget/nothing/preview").status_code == 404
    own = {"Sec-Fetch-Site": "same-origin"}
    assert httpx.get(f"{served.url}/d/widget/{widget.id}", headers=own).status_code == 200
    assert httpx.get(f"{served.url}/d/widget/nothing", headers=own).status_code == 404


def test_the_hour_of_the_link_and_the_pace_of_a_visitor_hold_here_too(served: Served, widgets: WidgetService) -> None:
    link = served.links.create("run-1", "Padaria", locale="pt", per_hour=2)
    hourly = widgets.save(link.token, ["shop.example"])
    with served.visitor() as client:
        client.post(f"/d/{link.token}/ask", json={"question": "Abre?"})
    replies = [ask(served, hourly), ask(served, hourly)]
    assert [reply.status_code for reply in replies] == [200, 429], "one hour, at all doors"
    assert replies[1].json()["error"]["code"] == "demo.hour_used_up"
    assert replies[1].headers["access-control-allow-origin"] == SHOP["Origin"], "the visitor reads why"
    for body in (
        {"question": " "},
        {"question": "x" * 3000},
        {"question": "x", "other": 1},
        {"question": "x" * 1_000_000},
    ):
        refused = httpx.post(f"{served.url}/d/widget/{hourly.id}/ask", json=body, headers=SHOP)
        assert refused.status_code in (400, 413)
        assert refused.json()["error"]["message"]


def test_visitors_are_told_apart_without_a_cookie_and_cannot_be_made_up(served: Served, widget: Widget) -> None:
    served.chat.gate.clear()
    address = f"{served.url}/d/widget/{widget.id}"
    names = [httpx.get(address, headers=SHOP).json()["visitor"] for _ in range(2)]
    with httpx.Client(timeout=20, headers=SHOP) as client:
        waiting = []
        for name in (*names, f"invented.{'0' * 32}"):
            for _ in range(PER_VISITOR if name == names[0] else 1):
                request = client.build_request(
                    "POST", f"{address}/ask", json={"question": "Abre?"}, headers={"afina-visitor": name}
                )
                waiting.append(client.send(request, stream=True))
        assert [response.status_code for response in waiting] == [200] * (PER_VISITOR + 2)
        assert ask(served, widget, **{"afina-visitor": names[0]}).json()["error"]["code"] == "demo.own_questions"
        for response in waiting:
            response.close()
    assert served.links.open(served.link.token).visits == 3, "two with a name, and the address"


def test_a_link_that_is_switched_off_ends_the_answer_on_the_site(served: Served, widget: Widget) -> None:
    served.chat.gate.clear()
    address = f"{served.url}/d/widget/{widget.id}/ask?lang=pt"
    with httpx.stream("POST", address, json={"question": "Abre?"}, headers=SHOP, timeout=60) as response:
        lines = response.iter_lines()
        next(lines)
        until(lambda: len(served.chat.asked) == 1)
        served.links.revoke(served.link.token)
        assert "error" in json.loads(list(lines)[-1])
    until(served.chat.closed.is_set)
    closed = ask(served, widget)
    assert (closed.status_code, closed.json()["error"]["code"]) == (410, "closed")
    assert closed.headers["access-control-allow-origin"] == SHOP["Origin"]
    assert httpx.get(f"{served.url}/d/widget/{widget.id}", headers=SHOP).status_code == 410


def test_a_script_that_throws_its_name_away_is_not_believed_for_long(served: Served, widget: Widget) -> None:
    address = f"{served.url}/d/widget/{widget.id}"
    for _ in range(VISITS + 5):
        name = httpx.get(address, headers=SHOP).json()["visitor"]
        assert ask(served, widget, **{"afina-visitor": name}).status_code == 200
    assert served.links.open(served.link.token).visits == VISITS
