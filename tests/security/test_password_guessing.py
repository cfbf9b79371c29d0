"""Guessing the password is slow, and whoever knows it comes in while others guess: a real server, a quicker pace."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from studio.settings import Settings
from studio.web.auth import DEVICE_COOKIE, protect
from studio.web.login.throttle import LoginThrottle
from tests.security.conftest import PASSWORD
from tests.web.demo_server import serve, until

PACE: Final = 0.05  # seconds; twenty times as fast as the product


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    app = FastAPI()
    protect(app, Settings(home=tmp_path, password=SecretStr(PASSWORD)), LoginThrottle(PACE))
    with serve(app) as url:
        yield url


@dataclass(frozen=True)
class Answer:
    """What a browser is told."""

    status: int
    headers: HTTPMessage


def enter(address: str, password: str, *, source: str = "127.0.0.1", **headers: str) -> Answer:
    """One attempt over a connection of its own."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60, source_address=(source, 0))
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    try:
        connection.request("POST", "/login", urlencode({"password": password}), form)
        response = connection.getresponse()
        response.read()
        return Answer(response.status, response.headers)
    finally:
        connection.close()


def guess(address: str, number: int) -> int:
    """A wrong password, which says that it comes from somewhere else and was here before."""
    forged = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}", "X-Real-IP": f"10.1.0.{number % 250}"}
    cookie = f"{DEVICE_COOKIE}={number:032x}.aaaaaa.{'0' * 27}"
    return enter(address, f"guess {number}", **forged, Cookie=cookie).status


@contextmanager
def guessing(address: str, at_once: int) -> Iterator[Counter[int]]:
    """Guesses without a pause by so many connections while the block runs."""
    ended, seen = threading.Event(), Counter[int]()

    def go_on() -> None:
        while not ended.is_set():
            seen[guess(address, sum(seen.values()))] += 1

    threads = [threading.Thread(target=go_on) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_the_right_password_passes_after_300_guesses_from_its_address(address: str) -> None:
    with ThreadPoolExecutor(40) as pool:
        statuses = Counter(pool.map(lambda number: guess(address, number), range(300)))
    assert set(statuses) == {401, 429}  # no disguise made one of them somebody else
    assert statuses[401] >= 14
    assert enter(address, PASSWORD).status == 303


def test_the_right_password_passes_while_others_guess(address: str) -> None:
    with guessing(address, 30) as seen:
        until(lambda: seen[429] > 20)
        assert enter(address, PASSWORD, source="127.0.0.2").status == 303
        told = enter(address, "wrong")
        while told.status != 429:
            told = enter(address, "wrong")
        assert int(told.headers["retry-after"]) >= 1
        assert "set-cookie" not in told.headers


def test_the_right_password_waits_its_turn_behind_those_who_guess_from_its_address(address: str) -> None:
    with guessing(address, 5) as seen:
        until(lambda: seen[401] > 8)
        assert enter(address, PASSWORD).status == 303
    assert 429 not in seen


def test_a_browser_that_was_here_before_does_not_even_wait(address: str) -> None:
    cookies = enter(address, PASSWORD).headers.get_all("Set-Cookie", [])
    (device,) = [cookie.partition(";")[0] for cookie in cookies if cookie.startswith(DEVICE_COOKIE)]
    with guessing(address, 30) as seen:
        until(lambda: seen[429] > 20)
        assert enter(address, PASSWORD, Cookie=device).status == 303


def test_a_dozen_guesses_at_once_are_all_answered(address: str) -> None:
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda number: guess(address, number), range(12)))
    assert statuses == [401] * 12
