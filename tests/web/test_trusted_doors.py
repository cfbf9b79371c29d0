"""The ways out agree: one question gets the same answer, in the same way, from the same example, whoever asks it where."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from studio.domain.conversation import Message, Role
from studio.services.chats import TUNED, ChatUpdate
from studio.services.container import Services
from studio.services.conversations import Answer, Turn
from studio.settings import Settings
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from studio.web.api import api_app
from studio.web.demo import demo_app
from studio.web.ui.pages.compare import Asked, _stream
from tests.services.test_trusted_answers import KNOWN, OTHER, OUTSIDE, RUN, other_run, trusting
from tests.web.demo_server import serve

__all__ = ["other_run", "trusting"]  # fixtures
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

SITE = {"Origin": "https://shop.example"}
# What a person asks one after the other; the last two are read with the question before.
TALKS = {
    "known": [KNOWN],
    "handed over": [OUTSIDE],
    "small talk": ["bom dia"],
    "follow-up": [KNOWN, "e pra mim?"],
    "follow-up of small talk": ["bom dia", KNOWN, "e pra mim?"],
}
Told = list[tuple[str, str, str | None]]
"""Of each answer: how it came about, its words, and the example that it is from; None where the door does not tell."""


def of_update(update: ChatUpdate, side: str = TUNED) -> tuple[str, str, str | None]:
    decision = update.decisions[side]
    return decision.kind.value, update.texts[side].strip(), decision.source


def by_service(services: Services, run: str, talk: list[str]) -> Told:
    """What all doors are held to."""
    told: Told = []
    turns: list[Message] = []
    for question in talk:
        turns.append(Message(role=Role.USER, content=question))
        *_, last = services.trust.stream(run, turns, (TUNED,))
        told.append(of_update(last))
        turns.append(Message(role=Role.ASSISTANT, content=last.texts[TUNED]))
    return told


def by_compare(services: Services, run: str, talk: list[str]) -> Told:
    ui: Any = SimpleNamespace(services=services)
    told: Told = []
    turns: tuple[Turn, ...] = ()
    for question in talk:
        asked = Asked("project-1", (run,), question, bool(turns), 0.0, 256, "page")
        *_, last = _stream(ui, asked, turns, {run: "Version"})
        told.append(of_update(last, run))
        turns = (*turns, Turn(question=question, answers=(Answer(key=run, text=last.texts[run]),), follows=bool(turns)))
    return told


def by_demo(services: Services, run: str, talk: list[str]) -> Told:
    token = services.links.create(run, "Shop", [KNOWN], "pt").token
    with serve(demo_app(services)) as address, httpx.Client(timeout=120) as client:
        client.get(f"{address}/d/{token}")
        return _of_lines(client, f"{address}/d/{token}/ask", talk)


def by_widget(services: Services, run: str, talk: list[str]) -> Told:
    widget = services.widgets.save(services.links.create(run, "Shop", [KNOWN], "pt").token, [SITE["Origin"]])
    with serve(demo_app(services)) as address, httpx.Client(timeout=120, headers=SITE) as client:
        client.headers["afina-visitor"] = client.get(f"{address}/d/widget/{widget.id}").json()["visitor"]
        return _of_lines(client, f"{address}/d/widget/{widget.id}/ask", talk)


def _of_lines(client: httpx.Client, address: str, talk: list[str]) -> Told:
    told: Told = []
    turns: list[dict[str, str]] = []
    for question in talk:
        response = client.post(address, json={"question": question, "turns": turns})
        lines = [json.loads(line) for line in response.text.splitlines()]
        said = "".join(line.get("tuned", "") for line in lines).strip()
        told.append((next(line["how"] for line in lines if "how" in line), said, None))
        turns.append({"question": question, "base": "", "tuned": said})
    return told


def by_api(services: Services, run: str, talk: list[str]) -> Told:
    _, key = services.keys.add("Shop")
    app = FastAPI()
    app.mount("/v1", api_app(services))
    told: Told = []
    messages: list[Any] = []
    with serve(app) as address, openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
        for question in talk:
            messages.append({"role": "user", "content": question})
            answer: Any = client.chat.completions.create(model=run, messages=messages)
            said = answer.choices[0].message.content
            told.append((answer.afina["answered"], said, answer.afina["source"] or ""))
            messages.append({"role": "assistant", "content": said})
    return told


def by_terminal_chat(services: Services, run: str, talks: list[list[str]]) -> list[Told]:
    """All talks in one process."""
    say = "\n/new\n".join("\n".join(talk) for talk in talks)
    documents = [json.loads(line) for line in _afina(services, "chat", run, "--json", say=say).splitlines()]
    answers = iter([one for one in documents if "answer" in one])
    return [
        [(one["how"], one["answer"].strip(), one["source"]) for one in islice(answers, len(talk))] for talk in talks
    ]


def by_terminal_answer(services: Services, run: str, talks: list[list[str]]) -> list[Told]:
    """Each question by itself, so only the first of a talk is asked."""
    asked, answered = services.workspace.home / "asked.csv", services.workspace.home / "answered.csv"
    asked.write_text("\n".join(["question", *(talk[0] for talk in talks)]), encoding="utf-8")
    _afina(services, "answer", run, "--questions", asked, "--out", answered)
    with answered.open(encoding="utf-8-sig", newline="") as file:
        return [[(row["answer_how"], row["answer"], row["answer_source"])] for row in csv.DictReader(file)]


def _afina(services: Services, *arguments: str | Path, say: str = "") -> str:
    settings: Settings = services.workspace.settings
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFINA_")}
    places = {"AFINA_HOME": str(settings.home), "AFINA_MODELS_DIR": str(settings.models_dir), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "studio", *map(str, arguments)]
    ended = subprocess.run(
        command, env=kept | places, input=say, capture_output=True, text=True, encoding="utf-8", timeout=240, check=True
    )
    return ended.stdout


def _each(door: Callable[[Services, str, list[str]], Told]) -> Callable[[Services, str, list[list[str]]], list[Told]]:
    """A door that is gone through once a talk."""
    return wraps(door)(lambda services, run, talks: [door(services, run, talk) for talk in talks])


DOORS = list(map(_each, (by_compare, by_demo, by_widget, by_api)))
TERMINAL = [
    pytest.param(door, marks=pytest.mark.slow, id=door.__name__) for door in (by_terminal_chat, by_terminal_answer)
]
every_door = pytest.mark.parametrize("door", [*DOORS, *TERMINAL], ids=lambda door: door.__name__)


@pytest.fixture(scope="module")
def expected(trusting: Services) -> dict[str, Told]:
    trusting.policies.choose_careful("project-1", 0.1)
    return {name: by_service(trusting, RUN, talk) for name, talk in TALKS.items()}


def test_the_talks_are_answered_in_all_ways(expected: dict[str, Told]) -> None:
    assert {name: [how for how, _, _ in told] for name, told in expected.items()} == {
        "known": ["known"],
        "handed over": ["handed_over"],
        "small talk": ["written"],
        "follow-up": ["known", "written"],
        "follow-up of small talk": ["written", "known", "written"],
    }


@every_door
def test_every_door_gives_the_same_answer_in_the_same_way(
    trusting: Services,
    expected: dict[str, Told],
    door: Callable[[Services, str, list[list[str]]], list[Told]],
) -> None:
    given = door(trusting, RUN, list(TALKS.values()))
    for (name, right), told in zip(expected.items(), given, strict=True):
        held_to = right[: len(told)]
        assert told, name
        assert [(how, said) for how, said, _ in told] == [(how, said) for how, said, _ in held_to], name
        sources = zip(told, held_to, strict=True)
        assert all(source in (None, wanted) for (_, _, source), (_, _, wanted) in sources), name


@every_door
def test_no_door_lets_the_model_alone_where_nobody_can_decide(
    trusting: Services, other_run: RunFolder, door: Callable[[Services, str, list[list[str]]], list[Told]]
) -> None:
    write_atomic(other_run.train, "")
    over = by_service(trusting, OTHER, [KNOWN])
    assert over[0][0] == "handed_over"
    (given,) = door(trusting, OTHER, [[KNOWN]])
    assert [one[:2] for one in given] == [one[:2] for one in over]
