"""The names that this server answers to. A page elsewhere that is given our address by its own name is not one of them."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\\?#\[\]]+)(?::(\d{1,5}))?", re.IGNORECASE)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class AllowedHosts:
    """Host names and addresses under which this installation may be asked; every listener adds its own.

    Args:
        public: names that were configured, for who reaches the server through a proxy or a name of its own.
    """

    def __init__(self, public: Iterable[str] = ()) -> None:
        self._any_address = False
        self._public = {name for name, _ in map(split_host, public)} - {""}
        self._served = set(_LOOPBACK)

    def add_listener(self, host: str) -> None:
        """Admits what a listener is reached by.

        Args:
            host: the address that it listens on. On all addresses every plain address is admitted, because a page
                elsewhere can only be given our address under a *name*, and the names of this computer.
        """
        name = split_host(host)[0] or host.strip("[]").lower()
        if name in ("", "0.0.0.0", "::"):
            self._any_address = True
            own = socket.gethostname().lower()
            self._served |= {own, f"{own}.local"}
        else:
            self._served.add(name)

    def add_public(self, address: str) -> None:
        """Admits an address on the internet, such as that of a tunnel: ``https://….gradio.live``."""
        self._public.add(split_host(urlsplit(address).netloc)[0])

    def admits(self, host: str) -> bool:
        """Whether a request for this ``Host`` is for us; its port may be any, since it may be mapped."""
        name = split_host(host)[0]
        return bool(name) and (name in self._served or name in self._public or (self._any_address and is_address(name)))

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether the page at ``origin`` came from here: from the host that it asks, or from a configured name."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in _DEFAULT_PORTS:
            return False
        (name, port), (asked, asked_port) = split_host(parts.netloc), split_host(host)
        if not name:
            return False
        default = _DEFAULT_PORTS[parts.scheme]
        return name in self._public or (name == asked and (port or default) == (asked_port or default))


def split_host(host: str) -> tuple[str, str]:
    """The name, in lower case and without brackets, and the port of a ``Host`` header; empty where it is none."""
    found = _HOST.fullmatch(host.strip())
    return (found[1].strip("[]").rstrip(".").lower(), found[2] or "") if found else ("", "")


def is_address(name: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
