"""Gradio's tunnel, where there is no internet."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.web.tunnel import CLOUDFLARED, Tunnel


def test_without_a_network_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = os.environ["PATH"].split(os.pathsep)
    without = [folder for folder in folders if not (Path(folder) / CLOUDFLARED).exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(without))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused at once
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(AfinaError, match=r"share\.tunnel_failed"):
            Tunnel(7861, threading.Event())
