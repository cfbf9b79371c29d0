"""A demo page on a port with the product's server, and a chat that answers when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from studio.domain.conversation import Message
from studio.domain.problem import Problem
from studio.domain.project import Link
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.table import TableService
from studio.services.links import LinkService
from studio.services.models import ModelService
from studio.services.suggested_answers import SuggestedAnswerService
from studio.storage.database import ProjectRow, RunRow
from studio.storage.workspace import Workspace
from studio.trust.decision import Decision
from studio.web.demo import demo_app
from studio.web.guards import AllowedHosts
from studio.web.network import listen
from studio.web.serving import make_server
from tests.services.test_links import keep_adapter
from tests.training.runs import wait_for


@dataclass
class Update:
    """An update as a chat worker sends it."""

    texts: dict[str, str]
    done: bool = False
    problem: Problem | None = None
    cut: frozenset[str] = frozenset()
    tokens: dict[str, int] = field(default_factory=dict)
    prompt_tokens: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    is_fitting: bool = False


@dataclass
class SlowChat:
    """Answers word by word, when the test says so; for what no real model does on demand."""

    words: tuple[str, ...] = ("Sim,", " abrimos", " às 7.")
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, Any]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    fail: Exception | Problem | None = None
    knows_chat: bool = True
    is_silent: bool = False  # says nothing until it is stopped
    decision: Decision | None = None  # about the tuned side
    stopped: set[str] = field(default_factory=set)

    def is_chat_model(self, run_id: str) -> bool:
        return self.knows_chat

    def stream(self, run_id: str, turns: dict[str, list[Message]], **options: Any) -> Iterator[Update]:
        self.asked.append({"run_id": run_id, "turns": turns, **options})
        if isinstance(self.fail, Exception):
            raise self.fail
        try:
            sides = options.get("sides", ("base", "tuned"))
            texts = dict.fromkeys(sides, "")
            decisions = {} if self.decision is None else {"tuned": self.decision}
            if self.is_silent:
                until(lambda: options["talk"] in self.stopped)
                return
            for word in self.words:
                while not self.gate.wait(0.05):
                    yield Update(dict(texts))
                texts = {side: said + (word.upper() if side == "base" else word) for side, said in texts.items()}
                yield Update(dict(texts), decisions=decisions)
            yield Update(dict(texts), done=True, problem=self.fail, decisions=decisions)
        finally:
            self.closed.set()

    def warm(self, run_id: str) -> None:
        """Nothing has to be read."""

    def stop(self, talk: str) -> bool:
        self.stopped.add(talk)
        return True


@dataclass(frozen=True)
class Parts:
    """What the demo page needs of the studio."""

    workspace: Workspace
    links: LinkService
    chats: Any
    suggested: SuggestedAnswerService
    trust: Any


@dataclass(frozen=True)
class Served:
    """A demo page on a port."""

    url: str
    chat: SlowChat
    links: LinkService
    link: Link
    suggested: SuggestedAnswerService

    @contextmanager
    def visitor(self) -> Iterator[httpx.Client]:
        """A browser that has opened the page."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            client.get(f"/d/{self.link.token}")
            yield client

    def ask(self, client: httpx.Client, question: str = "Abre domingo?", **body: Any) -> httpx.Response:
        return client.post(f"/d/{self.link.token}/ask", json={"question": question, **body})


def suggested_answers(workspace: Workspace) -> SuggestedAnswerService:
    checks = CheckService(DatasetService(workspace), ModelService(workspace))
    return SuggestedAnswerService(workspace, TableService(workspace, checks))


@pytest.fixture
def served(workspace: Workspace) -> Iterator[Served]:
    with workspace.database.session() as session:
        session.add(ProjectRow(id="project-1", name="Loja", created_at=0.0, updated_at=0.0))
        session.flush()
        run = {"id": "run-1", "project_id": "project-1", "name": "Treino", "created_at": 0.0, "state": "finished"}
        counts = {"position": 1.0, "train_examples": 1, "held_out_examples": 1}
        session.add(RunRow(**run, **counts, model_id="tiny-llama", model_name="Tiny Llama"))
    keep_adapter(workspace.run("run-1"))
    links, chat = LinkService(workspace), SlowChat()
    suggested = suggested_answers(workspace)
    chat.gate.set()
    link = links.create("run-1", "Pergunte à <Padaria>", ["Abre domingo?", 'Tem "pão"?'], "pt")
    with serve(demo_app(Parts(workspace, links, chat, suggested, chat))) as url:
        yield Served(url, chat, links, link, suggested)
        chat.gate.set()


class serve:
    """Serves an application on a free port with the server of the product."""

    def __init__(self, app: Any) -> None:
        self._socket = listen("127.0.0.1", 0)
        self._server = make_server(app, AllowedHosts())
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        until(lambda: self._server.started)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


def until(true: Callable[[], bool]) -> None:
    """Waits for something that must happen."""
    wait_for(true, 60)
