"""The demo page with a real chat worker on the tiny model: what the scripted chat of the other tests cannot prove."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from studio.chat.client import ChatPool
from studio.i18n import catalog
from studio.services.chats import ChatService
from studio.services.links import LinkService
from studio.storage.workspace import Workspace
from studio.web.demo import demo_app
from tests.sharing.conftest import make_run, tiny_workspace
from tests.web.demo_server import Parts, serve, suggested_answers, until

__all__ = ["tiny_workspace"]  # a fixture
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture
def chats(tiny_workspace: Workspace) -> Iterator[ChatService]:
    made = ChatService(tiny_workspace, ChatPool(tiny_workspace))
    yield made
    made.close()


def test_before_and_after_answer_differently_and_a_visitor_may_leave(
    tiny_workspace: Workspace, chats: ChatService
) -> None:
    links = LinkService(tiny_workspace)
    link = links.create(make_run(tiny_workspace), "Padaria", locale="pt")
    with serve(demo_app(Parts(tiny_workspace, links, chats, suggested_answers(tiny_workspace), chats))) as url:
        address = f"{url}/d/{link.token}/ask"
        with httpx.Client(timeout=120) as leaving, leaving.stream("POST", address, json={"question": "oi"}) as response:
            next(response.iter_lines())
        whole = httpx.post(address, json={"question": "Abre domingo?"}, timeout=120)
        said = [httpx.Response(200, text=line).json() for line in whole.text.splitlines()]
        assert said[-1] == {"done": True}
        base, tuned = ("".join(line.get(side, "") for line in said) for side in ("base", "tuned"))
        assert base
        assert tuned
        assert base != tuned
        until(lambda: links.open(link.token).answers == 1)  # the one who left got none


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a process that can be stopped")
def test_a_link_that_is_switched_off_ends_an_answer_of_a_model_that_hangs(tiny_workspace: Workspace) -> None:
    links, pool = LinkService(tiny_workspace), ChatPool(tiny_workspace)
    chats = ChatService(tiny_workspace, pool)
    link = links.create(make_run(tiny_workspace), "Padaria", locale="en")
    with serve(demo_app(Parts(tiny_workspace, links, chats, suggested_answers(tiny_workspace), chats))) as url:
        address = f"{url}/d/{link.token}/ask"
        httpx.post(address, json={"question": "oi"}, timeout=120).raise_for_status()
        (worker,) = pool.pids.values()
        os.kill(worker, signal.SIGSTOP)
        try:
            with httpx.stream("POST", address, json={"question": "oi"}, timeout=120) as response:
                lines = response.iter_lines()
                next(lines)
                links.revoke(link.token)
                assert [httpx.Response(200, text=line).json() for line in lines][-1] == {
                    "error": catalog("en")("demo.closed")
                }
        finally:
            os.kill(worker, signal.SIGCONT)
            chats.close()
