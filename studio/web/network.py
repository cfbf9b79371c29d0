"""The addresses of this computer in its network, and sockets that listen on them."""

from __future__ import annotations

import ipaddress
import re
import socket
import sys
from typing import Final

import psutil

from studio.errors import AfinaError

_VIRTUAL: Final = re.compile(
    r"docker|br-|veth|virbr|vmnet|vboxnet|vethernet|wsl|lxc|tun|tap|wg|utun|zt|tailscale|ppp", re.I
)
_FAR: Final = ("192.0.2.1", 9)  # of the documentation: nothing is sent, the system only chooses a way


def lan_addresses() -> list[str]:
    """IPv4 addresses by which other devices of the network may reach this computer, the likeliest first.

    Addresses of the open internet are left out: they are not those of a network at home or at work. The one of the
    default route comes first; those of virtual machines, containers and tunnels come last.
    """
    default, states = _default_address(), psutil.net_if_stats()
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        if name in states and not states[name].isup:
            continue
        for each in addresses:
            if each.family is socket.AF_INET and _is_of_a_network(each.address):
                rank = (_VIRTUAL.match(name) is not None, each.address != default)
                found.append((rank, each.address))
    return [address for _, address in sorted(found, key=lambda item: item[0])]


def _is_of_a_network(address: str) -> bool:
    known = ipaddress.ip_address(address)
    return not (known.is_loopback or known.is_link_local or known.is_unspecified or known.is_global)


def _default_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR)
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any that is free. Raises ``serve.port_taken``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends at once (TCP_NODELAY) only on sockets that say so; else each answer on a
    # kept connection may wait 40 ms for the browser's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AfinaError("serve.port_taken", host=host, port=str(port)) from error
    listener.listen(1024)  # as many may come at once; the guards then choose
    return listener
