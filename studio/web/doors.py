"""The ways by which others reach the demo pages: a listener in the network, a tunnel to the internet."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.errors import AfinaError
from studio.services.publication import Door, Opener, Reach
from studio.web.network import lan_addresses, listen

if TYPE_CHECKING:
    from studio.web.demo.services import DemoServices

_CONTAINER: Final = Path("/.dockerenv")
_PORTS: Final = 20  # that are tried, above the studio's own
_GRACE: Final = 5.0  # seconds for a server to end


def openers(services: DemoServices) -> Mapping[Reach, Opener]:
    """Opens the demo pages beyond this computer."""

    def network(port: int, host: str, ended: threading.Event) -> Door:
        return NetworkDoor(services, port, host)

    def internet(port: int, host: str, ended: threading.Event) -> Door:
        return InternetDoor(services, ended)

    return {Reach.NETWORK: network, Reach.INTERNET: internet}


class DemoListener:
    """The demo pages alone on a port of this computer.

    Args:
        listener: listens already; closed with it.
    """

    def __init__(self, services: DemoServices, listener: socket.socket, *, trusted: Sequence[str] = ()) -> None:
        from studio.web.demo.app import demo_app
        from studio.web.guards import AllowedHosts
        from studio.web.serving import make_server

        self.host, self.port = (str(listener.getsockname()[0]), int(listener.getsockname()[1]))
        self.hosts = AllowedHosts(services.workspace.settings.public_host_names)
        self.hosts.add_listener(self.host)
        self._server = make_server(demo_app(services), self.hosts, trusted=trusted)
        options = {"sockets": [listener]}
        self._thread = threading.Thread(target=self._server.run, kwargs=options, name="demo", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(_GRACE)


class NetworkDoor:
    """The demo pages at this computer's address in its network.

    Args:
        port: where they were last time; taken again where it is free, so that links go on working.
        host: the address that was chosen where the computer has several; empty, or gone, takes the likeliest.

    Raises:
        AfinaError: ``share.no_network``; ``share.in_container``, whose address nobody outside it reaches.
    """

    def __init__(self, services: DemoServices, port: int, host: str = "") -> None:
        from studio.web.auth import is_public

        if is_public(services.workspace.settings.host) and _CONTAINER.exists():
            raise AfinaError("share.in_container")
        addresses = lan_addresses()
        if not addresses:
            raise AfinaError("share.no_network")
        own = services.workspace.settings.port
        chosen = host if host in addresses else addresses[0]
        self._listener = DemoListener(services, _listen_on_one(chosen, [port, *range(own + 1, own + _PORTS), 0]))

    @property
    def address(self) -> str:
        return f"http://{self._listener.host}:{self._listener.port}"

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def other_hosts(self) -> tuple[str, ...]:
        return tuple(address for address in lan_addresses() if address != self._listener.host)

    @property
    def problem(self) -> AfinaError | None:
        """``share.no_network`` when the computer has left this network, or has another address in it."""
        if self._listener.is_running and self._listener.host in lan_addresses():
            return None
        return AfinaError("share.no_network")

    def close(self) -> None:
        self._listener.close()


class InternetDoor:
    """The demo pages behind a tunnel. Raises ``share.tunnel_failed``."""

    def __init__(self, services: DemoServices, ended: threading.Event) -> None:
        from studio.web.tunnel import Tunnel

        self._listener = DemoListener(services, listen("127.0.0.1", 0), trusted=["127.0.0.1"])
        try:
            self._tunnel = Tunnel(self._listener.port, ended)
        except BaseException:
            self._listener.close()
            raise
        self._listener.hosts.add_public(self._tunnel.address)

    @property
    def other_hosts(self) -> tuple[str, ...]:
        return ()

    @property
    def address(self) -> str:
        return self._tunnel.address

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def problem(self) -> AfinaError | None:
        """``share.tunnel_ended`` when the tunnel's program or our listener has ended."""
        return None if self._tunnel.is_open and self._listener.is_running else AfinaError("share.tunnel_ended")

    def close(self) -> None:
        self._tunnel.close()
        self._listener.close()


def _listen_on_one(host: str, ports: list[int]) -> socket.socket:
    for port in filter(None, ports):
        try:
            return listen(host, port)
        except AfinaError:
            continue
    return listen(host, 0)
