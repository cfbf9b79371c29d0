"""A real server in a process of its own; the Chromium in front of it is a fixture that all tests share."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import MODELS


def free_port() -> int:
    """A port that no connection is given by chance, so that it is free, too, when a server has started, or starts again."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Server:
    """``afina serve`` in its own process, which can be killed and started again on the same workspace."""

    home: Path
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = os.environ | {
            "AFINA_HOME": str(self.home),
            "AFINA_MODELS_DIR": str(MODELS),
            "AFINA_PORT": str(self.port),
            "AFINA_EXAM_AFTER_TRAINING": "false",  # it would compete with what is measured; its own test asks for it
            "AFINA_TUNE_ENCODER": "false",  # likewise
            **self.environment,
        }
        log = (self.home.parent / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "studio", "serve", "--no-open"], env=environment, stdout=log, stderr=log
        )
        for _ in range(1800):
            try:
                with urllib.request.urlopen(f"{self.address}/healthz", timeout=1):
                    return
            except OSError:
                assert self.process.poll() is None, (self.home.parent / "server.log").read_text()
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def server(tmp_path: Path, base_model: str) -> Iterator[Server]:
    """A server on an empty workspace with the default model on disk."""
    running = Server(tmp_path / "home")
    running.home.mkdir(exist_ok=True)  # a test may have made runs in it
    running.start()
    yield running
    running.stop()
