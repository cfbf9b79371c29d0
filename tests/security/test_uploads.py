"""Uploads are bounded while they come, and one that is broken off leaves nothing behind."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import httpx

from studio.web.guards.uploads import sweep_uploads
from tests.browser.conftest import Server

HEAD = (
    "POST /en/gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n{}\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="big.csv"\r\n\r\n'
MEGABYTE = b"x" * 1_000_000


def whole_files(server: Server) -> list[Path]:
    return [path for path in (server.home / "uploads").rglob("*") if path.name == "big.csv"]


def open_upload(server: Server, more: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(HEAD.format(more).encode())
    return connection


def test_a_length_beyond_the_limit_is_refused_before_anything_is_sent(open_studio: Server) -> None:
    for length in ("25000000", "99999999999"):
        with open_upload(open_studio, f"Content-Length: {length}\r\n") as connection:
            answer = connection.makefile("rb").read().decode()
        assert answer.startswith("HTTP/1.1 413"), answer
        assert "20 MB" in answer


def test_without_a_length_it_is_refused_while_it_comes(open_studio: Server) -> None:
    with open_upload(open_studio, "Transfer-Encoding: chunked\r\n") as connection:
        connection.sendall(b"%x\r\n%s\r\n" % (len(PART), PART))
        sent = 0
        try:
            while sent < 60:
                connection.sendall(b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE))
                sent += 1
        except OSError:
            pass  # the server has closed it
        assert sent < 60
    assert not whole_files(open_studio)


def test_many_files_of_one_request_count_together(open_studio: Server) -> None:
    body = b"".join(PART + MEGABYTE * 8 + b"\r\n" for _ in range(3)) + b"--b--\r\n"
    with open_upload(open_studio, f"Content-Length: {len(body)}\r\n") as connection:
        assert connection.recv(10_000).startswith(b"HTTP/1.1 413")
    assert not whole_files(open_studio)


def test_what_fits_is_taken(client: httpx.Client) -> None:
    response = client.post("/en/gradio_api/upload", files={"files": ("fits.csv", MEGABYTE * 19)})
    assert response.status_code == 200
    assert Path(response.json()[0]).stat().st_size == 19_000_000
    Path(response.json()[0]).unlink()


def test_what_was_broken_off_is_swept(tmp_path: Path) -> None:
    old, fresh, whole = tmp_path / "tmp1", tmp_path / "tmp2", tmp_path / "hash" / "a.csv"
    whole.parent.mkdir()
    for path in (old, fresh, whole):
        path.write_bytes(b"x")
    for path in (old, whole):
        os.utime(path, (time.time() - 100,) * 2)
    sweep_uploads(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hash", "tmp2"]
    assert whole.exists()
