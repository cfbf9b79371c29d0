"""The password: who is let in, who is not, and what a browser is told."""

from __future__ import annotations

import math
import stat
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from itsdangerous import TimestampSigner
from pydantic import SecretStr
from starlette.websockets import WebSocketDisconnect

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.settings import Settings
from studio.web.auth import COOKIE, DEVICE_COOKIE, Sessions, is_public, protect, require_password
from studio.web.login.throttle import LoginThrottle
from studio.web.secret import load_secret

PAGE = {"accept": "text/html,application/xhtml+xml", "accept-language": "pt-BR,pt;q=0.9"}


def studio(settings: Settings) -> FastAPI:
    """A studio with one page, one stream of events, one websocket, a demo page and the health check."""
    app = FastAPI()

    @app.get("/en/")
    def page() -> str:
        return "the studio"

    @app.get("/gradio_api/queue/data")
    def events() -> str:
        return "the events"

    @app.get("/d/token")
    def demo() -> str:
        return "a demo"

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("inside")
        await websocket.close()

    protect(app, settings)
    return app


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, password=SecretStr("segredo da padaria"))


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(studio(settings), follow_redirects=False) as opened:
        yield opened


def enter(client: TestClient, password: str = "segredo da padaria", target: str = "/en/") -> httpx.Response:
    return client.post("/login", data={"password": password, "next": target}, headers=PAGE)


def test_without_a_password_nothing_is_asked(tmp_path: Path) -> None:
    for password in (None, SecretStr("")):
        client = TestClient(studio(Settings(home=tmp_path, password=password)))
        assert client.get("/en/").json() == "the studio"


def test_a_browser_is_sent_to_the_password_and_back(client: TestClient) -> None:
    response = client.get("/en/?project=p-1&step=train", headers=PAGE)
    assert response.status_code == 303
    assert response.headers["location"] == "/login?next=/en/%3Fproject%3Dp-1%26step%3Dtrain"
    page = client.get(response.headers["location"], headers=PAGE)
    assert 'value="/en/?project=p-1&amp;step=train"' in page.text
    entered = enter(client, target="/en/?project=p-1&step=train")
    assert entered.headers["location"] == "/en/?project=p-1&step=train"
    assert client.get("/en/").json() == "the studio"


def test_programs_events_and_websockets_are_refused_plainly(client: TestClient) -> None:
    for path in ("/en/", "/gradio_api/queue/data", "/not-there", "/docs", "/d", "/login/../en/"):
        assert client.get(path).status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws"):
        pass
    enter(client)
    assert client.get("/gradio_api/queue/data").status_code == 200
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "inside"


def test_demo_pages_health_and_the_login_page_stay_open(client: TestClient) -> None:
    for path in ("/d/token", "/healthz", "/login", "/login/login.css", "/login/figtree.woff2"):
        assert client.get(path).status_code == 200


def test_a_wrong_password_is_told_in_both_languages(client: TestClient) -> None:
    for locale in LOCALES:
        response = client.post(f"/login?lang={locale}", data={"password": "x", "next": '/"><script>'})
        assert response.status_code == 401
        assert catalog(locale)("errors.login.wrong") in response.text
        assert "<script" not in response.text
        assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "/a\nb", ""],
)
def test_entering_never_leads_to_another_site(client: TestClient, target: str) -> None:
    assert enter(client, target=target).headers["location"] == "/"


def turns(throttle: LoginThrottle, guesser: str, number: int, **options: bool) -> list[float]:
    """How long each of so many attempts at once waits; infinitely where it is told to come again."""
    waits = []
    for _ in range(number):
        try:
            waits.append(throttle.take_turn(guesser, **options))
        except AfinaError as error:
            waits.append(math.inf if error.code == "login.wait" and error.params["n"] >= 1 else math.nan)
    return waits


def test_attempts_beyond_the_free_ones_are_taken_in_turn() -> None:
    now = [100.0]
    throttle = LoginThrottle(pace=1.0, clock=lambda: now[0])
    assert turns(throttle, "a", 16) == [0, 0, 0, 0, *range(1, 11), math.inf, math.inf]
    assert turns(throttle, "b", 1) == [0]  # another network is not touched
    now[0] += 1
    assert turns(throttle, "a", 2) == [10, math.inf]  # a turn has passed, and there is room for one more
    now[0] += 60
    assert turns(throttle, "a", 5) == [0, 0, 0, 0, 1]


def test_all_strangers_together_have_a_pace_and_known_browsers_none() -> None:
    now = [100.0]
    throttle = LoginThrottle(pace=1.0, clock=lambda: now[0])
    waits = [turns(throttle, f"network {number}", 1)[0] for number in range(102)]
    assert waits[:50] == pytest.approx([0] * 50)
    assert waits[50:99] == pytest.approx([0.2 * turn for turn in range(1, 50)])
    assert waits[100:] == [math.inf] * 2
    assert turns(throttle, "device", 2, is_stranger=False) == [0, 0]
    now[0] += 1
    assert turns(throttle, "somebody", 1)[0] < 10


class Earlier(TimestampSigner):
    """Signs as it would have done some days ago."""

    days = 0

    def get_timestamp(self) -> int:
        return super().get_timestamp() - self.days * 86_400


def test_the_cookie_is_signed_expires_and_dies_with_the_password(client: TestClient, settings: Settings) -> None:
    entered = enter(client)
    cookie = entered.cookies[COOKIE]
    session, device = (line.lower() for line in entered.headers.get_list("set-cookie"))
    if COOKIE not in session:
        session, device = device, session
    for header in (session, device):
        assert "httponly" in header
        assert "samesite=lax" in header
        assert "secure" not in header
    assert "path=/login" in device

    def status(cookie: str, opened: Settings = settings) -> int:
        return TestClient(studio(opened), cookies={COOKIE: cookie}).get("/en/").status_code

    assert status(cookie) == 200
    value, stamp, signature = cookie.rsplit(".", 2)
    other = b64encode(b'{"id": "../../cookie.secret"}').decode()
    for forged in (
        f"{other}.{stamp}.{signature}",
        f"{value}.{stamp}x.{signature}",
        f"{value}.{stamp}.",
        value,
        "",
        "null",
    ):
        assert status(forged) == 401
    assert status(entered.cookies[DEVICE_COOKIE]) == 401
    assert status(cookie, settings.model_copy(update={"password": SecretStr("another")})) == 401
    assert status(cookie, settings.model_copy(update={"home": settings.home / "another"})) == 401
    signer = Earlier(Sessions(load_secret(settings.home), "segredo da padaria", settings.home / "ended").key)
    for days, expected in ((13, 200), (15, 401)):
        signer.days = days
        assert status(signer.sign(value).decode()) == expected


def test_over_https_the_cookies_are_sent_over_https_only(settings: Settings) -> None:
    with TestClient(studio(settings), base_url="https://testserver", follow_redirects=False) as client:
        headers = enter(client).headers.get_list("set-cookie")
        assert len(headers) == 2
        assert all("secure" in header.lower() for header in headers)
        assert client.get("/en/").json() == "the studio"
        assert "set-cookie" not in client.get("/en/").headers


def test_the_cookie_survives_a_restart(client: TestClient, settings: Settings) -> None:
    enter(client)
    again = TestClient(studio(settings), cookies=client.cookies)
    assert again.get("/en/").json() == "the studio"


def test_leaving_closes_the_studio_for_copies_of_the_cookie_too(client: TestClient, settings: Settings) -> None:
    enter(client)
    kept = client.cookies.get(COOKIE)
    client.get("/logout")
    assert client.get("/en/").status_code == 401
    for app in (client.app, studio(settings)):  # as it is, and after a restart
        thief = TestClient(app, cookies={COOKIE: kept})
        assert thief.get("/en/").status_code == 401


def test_the_secret_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    secret = load_secret(tmp_path)
    assert len(secret) == 32
    assert load_secret(tmp_path) == secret
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "cookie.secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_private_addresses_need_no_password(host: str) -> None:
    assert not is_public(host)
    require_password(Settings(host=host))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.1.4", "10.0.0.1", "example.com", "localhost.evil.example"]
)
def test_public_addresses_need_one(host: str, tmp_path: Path) -> None:
    assert is_public(host)
    with pytest.raises(AfinaError) as caught:
        require_password(Settings(host=host))
    for locale in LOCALES:
        sentence = catalog(locale).error(caught.value)
        assert "AFINA_PASSWORD" in sentence
        assert "--password-file" in sentence
    require_password(Settings(host=host, password=SecretStr("x")))
