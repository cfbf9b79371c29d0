"""Password, blind vote and suggestions of a demo link over real HTTP."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from studio.domain.proof import VoteTally
from studio.trust.decision import AnswerKind, Decision
from tests.web.demo_server import Served, served

__all__ = ["served"]  # a fixture
TUNED, BASE = "Sim, abrimos às 7.", "SIM, ABRIMOS ÀS 7."


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


def answers(response: httpx.Response) -> tuple[str, str]:
    first, second = (
        "".join(line.get(side, "") for line in lines(response) if not line.get("replace")) for side in ("base", "tuned")
    )
    return first, second


def test_without_the_password_nothing_of_a_link_is_told(served: Served) -> None:
    token = served.link.token
    served.links.set_password(token, "pão quente")
    with httpx.Client(base_url=served.url) as client:
        page = client.get(f"/d/{token}?lang=pt")
        assert page.status_code == 200
        assert "pede uma senha" in page.text
        for secret in ("Padaria", "domingo", "demo.js", "/ask"):
            assert secret not in page.text
        for path, body in (
            ("ask", {"question": "Abre?"}),
            ("vote", {"ballot": "x", "choice": "tie"}),
            ("suggest", {"question": "q", "answer": "a", "receipt": "r", "better": "b"}),
        ):
            refused = client.post(f"/d/{token}/{path}", json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "demo.locked")
        assert not served.chat.asked
        assert served.links.open(token).visits == 0
        wrong = client.post(f"/d/{token}/unlock?lang=pt", data={"password": "pão frio"})
        assert wrong.status_code == 401
        assert "A senha não é essa" in wrong.text
        assert "afina_password" not in client.cookies
        right = client.post(f"/d/{token}/unlock?lang=pt", data={"password": " pão quente "}, follow_redirects=True)
        assert "Padaria" in right.text
        assert str(right.url) == f"{served.url}/d/{token}?lang=pt"
        assert answers(served.ask(client)) == (BASE, TUNED)
        assert served.links.open(token).visits == 1
        (cookie,) = (one for one in client.cookies.jar if one.name == "afina_password")
        assert cookie.discard  # until the browser is closed
        assert cookie.path == f"/d/{token}"
        served.links.set_password(token, "outra senha")  # whoever is in is asked again
        assert "pede uma senha" in client.get(f"/d/{token}?lang=pt").text


def test_passwords_cannot_be_tried_for_long(served: Served) -> None:
    token = served.link.token
    served.links.set_password(token, "certa")
    with httpx.Client(base_url=served.url) as client:
        tried = [client.post(f"/d/{token}/unlock", data={"password": f"errada {n}"}).status_code for n in range(12)]
        assert tried == [401] * 10 + [429] * 2
        assert client.post(f"/d/{token}/unlock", data={"password": "certa"}).status_code == 429  # not even looked at
        assert client.post(f"/d/{token}/unlock", content=b"\xff" * 70_000).status_code == 413


def test_a_form_of_another_kind_is_a_wrong_password(served: Served) -> None:
    served.links.set_password(served.link.token, "certa")
    many = "&".join(f"password=certa{n}" for n in range(9))
    with httpx.Client(base_url=served.url) as client:
        for body in (many, "", "&&&&&&&", "%ff%00=%zz"):
            assert client.post(f"/d/{served.link.token}/unlock", content=body).status_code == 401, body


def test_in_a_blind_vote_both_answers_come_at_once_whoever_was_ready_first(served: Served) -> None:
    """A known answer is there before the other model has read the question: that would tell which it is."""
    served.links.choose(served.link.token, is_blind=True)
    served.chat.decision = Decision(kind=AnswerKind.KNOWN, answer=TUNED)
    with served.visitor() as client:
        told = lines(served.ask(client))
    spoken = [line for line in told if "base" in line or "tuned" in line]
    assert [sorted(line) for line in spoken] == [["base", "tuned"]]
    assert sorted(spoken[0].values()) == sorted([TUNED, BASE])
    assert not any("how" in line for line in told)


def test_a_blind_vote_is_blind_counts_once_and_then_tells_whose_each_answer_was(served: Served) -> None:
    token = served.link.token
    served.links.choose(token, is_blind=True)
    orders, chosen = set(), 0
    with served.visitor() as client:
        page = client.get(f"/d/{token}?lang=en").text
        assert not re.search(r"Before|After|taught with", page.partition('<template id="turn">')[2])
        for _ in range(8):
            response = served.ask(client)
            first, second = answers(response)
            assert {first, second} == {TUNED, BASE}
            ballot = lines(response)[-1]["ballot"]
            body = {"ballot": ballot, "choice": "first"}
            told = client.post(f"/d/{token}/vote", json=body).json()
            assert told == {"tuned": "first" if first == TUNED else "second", "for_tuned": first == TUNED}
            orders.add(first)
            chosen += first == TUNED
            again = client.post(f"/d/{token}/vote?lang=en", json=body)
            assert (again.status_code, again.json()["error"]["code"]) == (400, "demo.vote_over")
        forged = ballot[:-1] + ("0" if ballot[-1] != "0" else "1")
        assert client.post(f"/d/{token}/vote", json={"ballot": forged, "choice": "tie"}).status_code == 400
        other = served.links.create("run-1", "Outro", is_blind=True)
        fresh = lines(served.ask(client))[-1]["ballot"]
        assert client.post(f"/d/{other.token}/vote", json={"ballot": fresh, "choice": "tie"}).status_code == 400
        assert client.post(f"/d/{token}/vote", json={"ballot": fresh, "choice": "tie"}).json()["for_tuned"] is None
    assert orders == {TUNED, BASE} or len(orders) == 1  # eight draws may, once in 128 times, all be the same
    assert served.links.votes("run-1") == VoteTally(after=chosen, before=8 - chosen, tie=1)


def test_a_suggestion_arrives_with_the_answer_that_was_given_and_with_no_other(served: Served) -> None:
    token = served.link.token
    with served.visitor() as client:
        assert lines(served.ask(client))[-1] == {"done": True}  # not wished
        served.links.choose(token, takes_suggestions=True)
        receipt = lines(served.ask(client, " Abre domingo? "))[-1]["receipt"]
        given = {"question": "Abre domingo?", "answer": TUNED, "receipt": receipt}
        better = "Sim, das 7h ao meio-dia. <b>Até lá</b>"

        def suggest(**changes: str) -> httpx.Response:
            return client.post(f"/d/{token}/suggest?lang=en", json=given | {"better": better} | changes)

        for changes in ({"answer": "Não."}, {"question": "Fecha?"}, {"better": f" {TUNED} "}, {"better": " \x00 "}):
            assert suggest(**changes).status_code == 400
        assert suggest(better="a" * 2001).status_code == 400
        assert suggest().json() == {"done": True}
        served.links.choose(token, takes_suggestions=False)
        assert suggest().status_code == 400
    (kept,) = served.suggested.list("project-1")
    assert (kept.question, kept.answer, kept.better) == ("Abre domingo?", TUNED, better)
    assert kept.source == "Pergunte à <Padaria>"
    (day,) = served.links.days(token)
    assert (day.suggestions, day.answers) == (1, 2)


def test_strangers_do_not_fill_the_disk(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.services.suggested_answers._WAITING", 1)
    served.links.choose(served.link.token, takes_suggestions=True)
    with served.visitor() as client:
        receipt = lines(served.ask(client))[-1]["receipt"]
        body = {"question": "Abre domingo?", "answer": TUNED, "receipt": receipt}
        sent = [
            client.post(f"/d/{served.link.token}/suggest", json={**body, "better": f"Sim {n}."}).status_code
            for n in range(21)
        ]
    assert sent == [200, *[429] * 20]
    assert served.suggested.count("project-1") == 1
