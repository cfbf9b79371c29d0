"""A shared address on the internet for the demo pages, through Gradio's tunnel. Never for the studio."""

from __future__ import annotations

import secrets
from typing import Final

from studio.errors import AfinaError

_HOST: Final = "127.0.0.1"


def open_tunnel(port: int) -> str:
    """Makes what listens on ``port`` of this computer reachable from the internet until the process ends.

    Args:
        port: of the demo pages, served alone by :func:`studio.web.demo.demo_app`.

    Returns:
        The public address, ``https://….gradio.live``; demo links are ``{address}/d/{token}``.

    Raises:
        AfinaError: ``share.tunnel_failed``: no network, a blocked port, a system without a tunnel program.
    """
    from gradio.networking import setup_tunnel

    try:
        return str(setup_tunnel(_HOST, port, secrets.token_urlsafe(32), None, None)).rstrip("/")
    except Exception as error:  # every failure of the network, the disk and the child has the same way out
        raise AfinaError("share.tunnel_failed") from error
