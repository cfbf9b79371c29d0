"""How long the studio and a demo page take while thousands of connections say nothing: ``python -m benchmarks.hostile_connections``.

Everything is on this computer: a server of its own in a temporary folder, and 1,000 connections of each kind, held open
together, while pages are asked for over new connections.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from studio.services.links import LinkService
from studio.settings import Settings
from studio.storage.database import ProjectRow, RunRow
from studio.storage.workspace import Workspace
from tests.browser.conftest import Server
from tests.security.connections import crowd
from tests.services.test_links import keep_adapter

CROWDS = ("silent", "slow head", "slow body")
CONNECTIONS = 1000
REQUESTS = 20


def demo_link(home: Path) -> str:
    """Makes a project with a tuned run and a demo link, and returns the link's token."""
    workspace = Workspace.open(Settings(home=home))
    with workspace.database.session() as session:
        session.add(ProjectRow(id="project-1", name="Loja", created_at=0.0, updated_at=0.0))
        session.flush()
        run = {"id": "run-1", "project_id": "project-1", "name": "Treino", "created_at": 0.0, "state": "finished"}
        counts = {"position": 1.0, "train_examples": 1, "held_out_examples": 1}
        session.add(RunRow(**run, **counts, model_id="tiny", model_name="Tiny"))
    keep_adapter(workspace.run("run-1"))
    token = LinkService(workspace).create("run-1", "Padaria", ["Abre domingo?"], "pt").token
    workspace.database.close()
    return token


def seconds(address: str) -> list[float]:
    """Seconds of :data:`REQUESTS` requests, each over a new connection."""
    taken = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        httpx.get(address, timeout=60).raise_for_status()
        taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as crowds:
        home = Path(folder) / "home"
        token, server = demo_link(home), Server(home)
        server.start()
        try:
            for held in (None, *CROWDS):
                if held is not None:
                    crowds.enter_context(crowd(server.port, held, CONNECTIONS))
                for path in ("/en/", f"/d/{token}"):
                    taken = seconds(server.address + path)
                    name = "studio" if path == "/en/" else "demo"
                    print(
                        f"+ {held or 'nobody':10} {name:7} median {statistics.median(taken):.3f} s, worst {max(taken):.3f} s"
                    )
            print(f"log: {(home.parent / 'server.log').stat().st_size} bytes")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
