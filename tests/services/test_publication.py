"""How far demo links reach: real listeners, a tunnel's program that ends, and what outlives a restart."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from studio.services.container import Services
from studio.services.publication import Publication, PublicationState, Reach
from studio.settings import Settings
from studio.web.network import lan_addresses
from studio.web.server import build_server
from tests.child_processes import is_over
from tests.services.test_links import add_run

PATIENCE = 60  # seconds; a limit on waiting
TUNNEL = f"""#!{sys.executable}
import os, socket, sys, threading
port = int(sys.argv[sys.argv.index("--url") + 1].rpartition(":")[2])
assert socket.create_connection(("127.0.0.1", port)), "the demo pages are there before the tunnel"
if os.environ.get("TUNNEL_FAILS"):
    sys.exit("no network")
open(os.environ["TUNNEL_PID"], "w").write(str(os.getpid()))
print("INF |  https://quiet-fox-12.trycloudflare.com  |", file=sys.stderr, flush=True)
threading.Event().wait()
"""


HOLDS_A_TUNNEL = """
import threading
from studio.web.tunnel import Tunnel
def hold(port):
    tunnel = Tunnel(port, threading.Event())
    print(tunnel.address, flush=True)
    threading.Event().wait()
hold"""


@pytest.fixture
def tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that says what ``cloudflared`` says, as there is no internet here; writes its pid into a file."""
    if os.name == "nt":
        pytest.skip("a script with a first line that names its interpreter")
    program = tmp_path / "bin" / "cloudflared"
    program.parent.mkdir()
    program.write_text(TUNNEL, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TUNNEL_PID", str(tmp_path / "pid"))
    return tmp_path / "pid"


@pytest.fixture
def network() -> str:
    """An address of this computer that is not its own to itself."""
    found = lan_addresses()
    if not found:
        pytest.skip("this computer is in no network")
    return found[0]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def settled(services: Services) -> Publication:
    until(lambda: services.publication.current().state is not PublicationState.STARTING)
    return services.publication.current()


@pytest.fixture
def restarted(settings: Settings) -> Iterator[Callable[[], Services]]:
    """Opens the same workspace anew, as a restarted server does."""
    from studio.app import build_services

    opened: list[Services] = []

    def start() -> Services:
        opened.append(build_services(settings))
        opened[-1].publication.resume()
        return opened[-1]

    yield start
    for services in opened:
        services.close()


def test_only_demo_pages_are_in_the_network_and_come_back_at_the_same_address(
    services: Services, restarted: Callable[[], Services], network: str
) -> None:
    add_run(services.workspace)
    link = services.links.create("run-1", "Demo")
    services.publication.choose(Reach.NETWORK)
    now = settled(services)
    assert (now.state, now.problem) == (PublicationState.OPEN, None)
    assert now.address.startswith(f"http://{network}:")
    assert httpx.get(f"{now.address}/d/{link.token}").status_code == 200
    paths = {getattr(route, "path", "") for route in build_server(services).routes} - {"/d"}
    assert {"/", "/en", "/pt", "/healthz"} <= paths
    with httpx.Client(base_url=now.address) as client:
        for path in [*paths, "/en/", "/pt/?step=share", "/login", "/en/gradio_api/info", "/d/", "/config"]:
            for method in ("GET", "POST"):
                assert client.request(method, path or "/").status_code in (404, 405), path
    services.publication.close()
    assert not answers(now.address), "closed with the server"
    again = settled(restarted())
    assert (again.reach, again.state, again.address) == (Reach.NETWORK, PublicationState.OPEN, now.address)
    assert httpx.get(f"{now.address}/d/{link.token}").status_code == 200


def test_the_network_is_left_by_a_click_and_stays_left(
    services: Services, restarted: Callable[[], Services], network: str
) -> None:
    services.publication.choose(Reach.NETWORK)
    address = settled(services).address
    services.publication.choose(Reach.COMPUTER)
    assert services.publication.current() == Publication(Reach.COMPUTER, PublicationState.CLOSED)
    assert not answers(address)
    assert restarted().publication.current().state is PublicationState.CLOSED


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a computer has one address to itself")
def test_one_of_several_addresses_is_chosen_and_remembered(
    services: Services, restarted: Callable[[], Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.web.doors.lan_addresses", lambda: ["127.0.0.2", "127.0.0.3"])
    services.publication.choose(Reach.NETWORK)
    first = settled(services)
    assert (httpx.URL(first.address).host, first.other_hosts) == ("127.0.0.2", ("127.0.0.3",))
    services.publication.choose(Reach.NETWORK, "127.0.0.3")
    chosen = settled(services)
    assert (httpx.URL(chosen.address).host, chosen.other_hosts) == ("127.0.0.3", ("127.0.0.2",))
    assert not answers(first.address)
    services.publication.close()
    assert settled(restarted()).address == chosen.address


def test_another_program_on_the_port_moves_it_to_the_next(
    services: Services, restarted: Callable[[], Services], network: str
) -> None:
    services.publication.choose(Reach.NETWORK)
    port = int(settled(services).address.rpartition(":")[2])
    services.publication.close()
    with socket.create_server((network, port)):
        moved = settled(restarted())
    assert moved.state is PublicationState.OPEN
    assert int(moved.address.rpartition(":")[2]) != port


def test_a_tunnel_is_opened_and_ended_by_a_click(services: Services, tunnel: Path) -> None:
    services.publication.choose(Reach.INTERNET)
    now = settled(services)
    assert (now.state, now.address) == (PublicationState.OPEN, "https://quiet-fox-12.trycloudflare.com")
    pid = int(tunnel.read_text())
    services.publication.choose(Reach.COMPUTER)
    until(lambda: not is_running(pid))


def test_a_tunnel_that_ends_by_itself_says_so_and_is_opened_by_a_click(services: Services, tunnel: Path) -> None:
    services.publication.choose(Reach.INTERNET)
    settled(services)
    psutil.Process(int(tunnel.read_text())).kill()
    until(lambda: services.publication.current().state is PublicationState.FAILED)
    problem = services.publication.current().problem
    assert problem is not None
    assert problem.code == "share.tunnel_ended"
    services.publication.choose(Reach.INTERNET)
    assert settled(services).state is PublicationState.OPEN


def test_no_tunnel_outlives_a_killed_studio(tunnel: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as pages:
        port = pages.getsockname()[1]
        studio = subprocess.Popen([sys.executable, "-c", f"{HOLDS_A_TUNNEL}({port})"], stdout=subprocess.PIPE)
        assert studio.stdout is not None
        assert studio.stdout.readline().strip() == b"https://quiet-fox-12.trycloudflare.com"
        pid = int(tunnel.read_text())
        assert is_running(pid)
        studio.kill()
        studio.wait()
        until(lambda: not is_running(pid))


def test_a_tunnel_that_cannot_be_had_says_why(
    services: Services, tunnel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNNEL_FAILS", "yes")
    services.publication.choose(Reach.INTERNET)
    now = settled(services)
    assert now.problem is not None
    assert (now.reach, now.state, now.problem.code) == (
        Reach.INTERNET,
        PublicationState.FAILED,
        "share.tunnel_failed",
    )


def test_a_tunnel_of_this_time_only_is_not_opened_again(
    services: Services, restarted: Callable[[], Services], tunnel: Path
) -> None:
    services.publication.choose(Reach.INTERNET, remember=False)
    assert settled(services).state is PublicationState.OPEN
    assert restarted().publication.current().reach is Reach.COMPUTER


def test_without_a_network_it_says_so_and_opens_when_there_is_one(
    services: Services, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    monkeypatch.setattr("studio.services.publication._RETRY", 0.05)
    monkeypatch.setattr("studio.web.doors.lan_addresses", lambda: [])
    services.publication.choose(Reach.NETWORK)
    now = settled(services)
    assert now.problem is not None
    assert now.problem.code == "share.no_network"
    monkeypatch.undo()
    until(lambda: services.publication.current().state is PublicationState.OPEN)


def answers(address: str) -> bool:
    try:
        httpx.get(address)
    except httpx.TransportError:
        return False
    return True


def is_running(pid: int) -> bool:
    return not is_over(pid)
