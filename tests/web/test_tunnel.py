"""The shared address, where there is no internet."""

from __future__ import annotations

import socket

import pytest

from studio.errors import AfinaError
from studio.web.tunnel import open_tunnel


def test_without_a_network_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio import networking

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused at once
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        monkeypatch.setattr(networking, "GRADIO_API_SERVER", address)
        monkeypatch.setattr(networking, "GRADIO_SHARE_SERVER_ADDRESS", None)
        with pytest.raises(AfinaError, match=r"share\.tunnel_failed"):
            open_tunnel(7861)
