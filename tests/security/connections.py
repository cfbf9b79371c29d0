"""Visitors who connect and then say nothing, or next to nothing; to the tests' own server on this computer only."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from studio.web.guards.connections import raise_file_limit

KINDS = {
    "silent": b"",
    "slow head": b"GET /en/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    "slow body": b"POST /en/gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "slow upload": b"POST /en/gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n--b\r\n",
    "slow login": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\npassword=",
}


@contextmanager
def crowd(port: int, kind: str, number: int) -> Iterator[list[socket.socket]]:
    """Opens ``number`` connections of one of :data:`KINDS`, and closes them at the end."""
    raise_file_limit()
    opened: list[socket.socket] = []
    try:
        for _ in range(number):
            connection = socket.create_connection(("127.0.0.1", port), timeout=60)
            opened.append(connection)
            with suppress(OSError):  # it has made room already
                connection.sendall(KINDS[kind])
        yield opened
    finally:
        for connection in opened:
            connection.close()


def is_closed(connection: socket.socket, seconds: float) -> bool:
    """Whether the server closes a connection in at most so many seconds, whatever it says before."""
    connection.settimeout(seconds)
    try:
        while connection.recv(10_000):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
