"""Where a request comes from, in the form in which it is counted."""

from __future__ import annotations

import ipaddress
from typing import Final

from starlette.requests import HTTPConnection

_IPV6_PREFIX: Final = 64  # whoever has one address of IPv6 has all of its /64


def network_of(address: str) -> str:
    """The key under which an address is counted: itself, or its /64; an IPv4 address in IPv6 is the IPv4 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)


def client_network(connection: HTTPConnection) -> str:
    """:func:`network_of` the visitor; a proxy is believed only where it was configured."""
    return network_of(connection.client.host if connection.client else "")
