"""Visitors who say nothing do not keep those out who ask."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from studio.web.guards import AllowedHosts, connections
from studio.web.log import RateFilter
from studio.web.network import listen
from studio.web.serving import make_server
from tests import own_loop
from tests.browser.conftest import Server
from tests.security.connections import KINDS, crowd, is_closed
from tests.web.demo_server import serve


def answers(server: Server) -> None:
    """Pages, a page of a demo and a call, each over a new connection."""
    for path, status in (("/healthz", 200), ("/en/", 200), ("/en/config", 200), ("/d/unknown", 404)):
        assert httpx.get(server.address + path, timeout=60).status_code == status
    body = {"data": [], "fn_index": 0, "session_hash": "s"}
    assert httpx.post(f"{server.address}/en/gradio_api/queue/join", json=body, timeout=60).status_code < 500


def test_a_crowd_that_says_nothing_makes_room(open_studio: Server) -> None:
    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(crowd(open_studio.port, kind, 200))
            answers(open_studio)
    answers(open_studio)
    log = (open_studio.home.parent / "server.log").read_text()
    assert "Traceback" not in log
    assert len(log) < 100_000


@pytest.mark.slow
def test_a_thousand_of_each_kind(open_studio: Server) -> None:
    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(crowd(open_studio.port, kind, 1000))
            answers(open_studio)
    answers(open_studio)


def test_every_kind_of_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("HEAD_SECONDS", 1.0), ("_BODY_REST", 1.0)):
        monkeypatch.setattr(connections, name, seconds)
    app = FastAPI()

    @app.post("/{path:path}")
    async def read(request: Request) -> int:
        return len(await request.body())

    with serve(app) as url, ExitStack() as stack:
        port = int(url.rpartition(":")[2])
        for kind in KINDS:
            (one,) = stack.enter_context(crowd(port, kind, 1))
            assert is_closed(one, 20), kind
        with socket.create_connection(("127.0.0.1", port), timeout=60) as late:
            late.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nok")
            assert late.recv(1000).startswith(b"HTTP/1.1 200")
            late.sendall(b"POST / HT")  # the second request of a connection has a deadline as well
            assert is_closed(late, 20)


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    """A kept connection would rest 40 ms before each small answer."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        server = await asyncio.start_server(serve, sock=listen("127.0.0.1", 0))
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.close()
            return await found

    assert own_loop.run(accepted())


def test_a_body_that_trickles_has_an_end_and_one_that_flows_has_none() -> None:
    protocol = _protocol(asyncio.new_event_loop())
    protocol._body_since, protocol.cycle = 0.0, type("Cycle", (), {"response_complete": False, "more_body": True})()
    protocol.flow = type("Flow", (), {"read_paused": False})()
    for now, arrived, late in ((29.0, 0, False), (100.0, 1000, True), (100.0, 10_000_000, False)):
        protocol.heard_at, protocol._arrived = now, arrived
        assert protocol.is_late(now) is late
    protocol._arrived, protocol.heard_at, protocol.flow.read_paused = 0, 0.0, True
    assert not protocol.is_late(1000.0)  # it is the server that does not read


def _protocol(loop: asyncio.AbstractEventLoop) -> connections.GuardedProtocol:
    server = make_server(FastAPI(), AllowedHosts())
    server.config.load()
    made: connections.GuardedProtocol = server.config.http_protocol_class(
        config=server.config, server_state=server.server_state, app_state={}, _loop=loop
    )
    loop.close()
    return made


def test_those_who_go_away_leave_no_traceback(open_studio: Server) -> None:
    for kind in KINDS:
        with crowd(open_studio.port, kind, 20):
            pass
    answers(open_studio)
    log = (open_studio.home.parent / "server.log").read_text()
    kept = open_studio.home / "logs" / "studio.log"
    assert "Traceback" not in log + (kept.read_text() if kept.exists() else "")


def test_a_flood_of_nonsense_does_not_fill_the_log(open_studio: Server) -> None:
    before = (open_studio.home.parent / "server.log").stat().st_size
    for _ in range(500):
        with socket.create_connection(("127.0.0.1", open_studio.port), timeout=60) as connection:
            connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            is_closed(connection, 20)
    assert (open_studio.home.parent / "server.log").stat().st_size - before < 100_000
    answers(open_studio)


def test_the_log_says_that_it_leaves_something_out(tmp_path: Path) -> None:
    limit, record = RateFilter(3), logging.LogRecord("a", logging.WARNING, "", 0, "said %s", ("x",), None)
    assert [limit.filter(record) for _ in range(5)] == [True, True, True, False, False]
    assert "left out" in record.getMessage()
