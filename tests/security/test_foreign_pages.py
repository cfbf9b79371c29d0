"""Pages elsewhere neither read nor change anything, under whatever name they call the studio."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from studio.i18n import LOCALES, catalog
from studio.web.guards import AllowedHosts
from tests.browser.conftest import Server
from tests.security.conftest import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

READS = ("/healthz", "/en/config", "/en/gradio_api/queue/status", "/download/examples/x.csv", "/en/theme.css", "/logout", "/login/login.css")  # fmt: skip
PAGES = ("/", "/en/", "/pt/", "/login")


def assert_sentence(response: httpx.Response, code: str) -> None:
    assert response.status_code == 403, response.text
    assert response.json()["error"]["code"] == code
    assert "AFINA_PUBLIC_HOSTS" in response.json()["detail"]
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "x.localhost", "localhost.evil.example", "127.0.0.1.nip.io", "evil@localhost", "localhost:x", "1.2.3.4", "0.0.0.0", "", "::1", "[::1", "127.1"],
)  # fmt: skip
def test_no_foreign_name_is_answered(anyone: httpx.Client, host: str) -> None:
    for path in (*READS, *PAGES, "/d/token", "/not-there"):
        assert_sentence(anyone.get(path, headers={"host": host}), "web.foreign_host")
    assert_sentence(anyone.post("/en/gradio_api/upload", headers={"host": host}), "web.foreign_host")


def test_our_names_are_answered(anyone: httpx.Client) -> None:
    for host in ("localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:7860", "localhost."):
        assert anyone.get("/healthz", headers={"host": host}).status_code == 200, host


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://localhost.evil.example", "http://localhost", "https://127.0.0.1", "file://", "chrome-extension://abc", "http://[", ""],
)  # fmt: skip
def test_no_foreign_origin_is_served(anyone: httpx.Client, origin: str) -> None:
    headers = {"origin": origin}
    for path in (*READS, *PAGES, "/d/token"):
        assert_sentence(anyone.get(path, headers=headers), "web.foreign_page")
        preflight = {**headers, "access-control-request-method": "POST"}
        assert_sentence(anyone.options(path, headers=preflight), "web.foreign_page")
    for path in ("/en/gradio_api/queue/join", "/d/token/ask", "/login", "/en/gradio_api/cancel"):
        assert_sentence(anyone.post(path, headers=headers, json={}), "web.foreign_page")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_only_link_to_pages(anyone: httpx.Client, site: str) -> None:
    headers = {
        "sec-fetch-site": site,
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
        "accept": "text/html",
    }
    for path in PAGES:
        assert anyone.get(path, headers=headers).status_code != 403, path
    assert anyone.get("/d/unknown-token", headers=headers).status_code == 404  # as anybody is told
    for path in READS:
        assert anyone.get(path, headers=headers).status_code == 403, path
    for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe"), ("no-cors", "script")):
        other = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        for path in (*READS, *PAGES):
            assert_sentence(anyone.get(path, headers=other), "web.foreign_page")
    assert anyone.post("/login", headers=headers, data={"password": PASSWORD}).status_code == 403


def test_an_upload_from_elsewhere_is_not_stored(client: httpx.Client, open_studio: Server) -> None:
    before = set((open_studio.home / "uploads").rglob("*"))
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
        response = client.post("/en/gradio_api/upload", files={"files": ("a.csv", b"x" * 5_000_000)}, headers=headers)
        assert response.status_code == 403
    assert set((open_studio.home / "uploads").rglob("*")) == before


def test_own_pages_are_served_with_the_usual_headers(anyone: httpx.Client) -> None:
    own = str(anyone.base_url).rstrip("/")
    for path in ("/healthz", "/login", "/en/config", "/en/", "/d/token", "/not-there", "/en/gradio_api/openapi.json"):
        headers = anyone.get(path, headers={"origin": own, "sec-fetch-site": "same-origin"}).headers
        assert not [name for name in headers if name.startswith("access-control-")], path
        assert "frame-ancestors" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")


def test_a_program_and_a_person_read_the_way_out_in_their_language(client: httpx.Client) -> None:
    for locale in LOCALES:
        headers = {"host": "studio.example.com", "accept": "text/html", "accept-language": locale}
        page = client.get("/", headers=headers)
        assert "AFINA_PUBLIC_HOSTS" in page.text
        assert catalog(locale)("common.brand.name") in page.text
        assert f'lang="{locale}' in page.text
        assert catalog(locale)("common.refused") in page.text
        assert "<a " not in page.text  # a link of this name would be refused, too
        elsewhere = client.post("/", headers={"origin": "http://evil.example", "accept": "text/html", "accept-language": locale})  # fmt: skip
        assert f'href="/{locale}/"' in elsewhere.text


def test_forwarded_headers_of_strangers_are_thrown_away(client: httpx.Client) -> None:
    forged = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-gradio-server": "http://evil.example",
    }
    for path in ("/en/config", "/en/"):
        assert "evil.example" not in client.get(path, headers=forged).text


def test_names_are_compared_whole() -> None:
    hosts = AllowedHosts(["studio.example.com", "Loja.local:8443"])
    for admitted in ("studio.example.com", "STUDIO.example.com:443", "loja.local", "localhost:1"):
        assert hosts.admits(admitted)
    for refused in ("example.com", "a.studio.example.com", "studio.example.com.evil", "192.168.1.4", "", ":80", "a b"):
        assert not hosts.admits(refused)
    assert hosts.is_own_origin("https://studio.example.com", "127.0.0.1:7860")  # a proxy that asks by our address
    assert hosts.is_own_origin("http://localhost:7860", "localhost:7860")
    assert hosts.is_own_origin("https://localhost", "localhost:443")
    assert not hosts.is_own_origin("http://localhost:3000", "localhost:7860")
    assert not hosts.is_own_origin("http://127.0.0.1:7860", "localhost:7860")


def test_a_listener_on_all_addresses_answers_to_addresses_but_not_to_names() -> None:
    hosts = AllowedHosts()
    hosts.add_listener("0.0.0.0")
    assert hosts.admits("192.168.1.4:7860")
    assert hosts.admits("[fe80::1]:7860")
    assert not hosts.admits("evil.example")
    one = AllowedHosts()
    one.add_listener("192.168.1.4")
    assert one.admits("192.168.1.4:7861")
    assert not one.admits("192.168.1.5")


@pytest.mark.browser
def test_a_page_elsewhere_in_a_real_browser_reads_and_writes_nothing(browser: Browser, open_studio: Server) -> None:
    """A hostile page tries what a page can: reads, posts, forms, frames; and then a link, which is let through."""
    target, context = open_studio.address, browser.new_context()
    page = context.new_page()
    page.route(
        "http://evil.example/", lambda route: route.fulfill(body="<title>evil</title>", content_type="text/html")
    )
    page.goto("http://evil.example/")
    tried = page.evaluate(
        """async (target) => {
        const attempt = async (path, options) => {
          try { const r = await fetch(target + path, options); return r.type === 'opaque' ? 'opaque' : await r.text(); }
          catch (error) { return 'refused'; }
        };
        const body = JSON.stringify({data: [], fn_index: 0, session_hash: 'evil'});
        const json = {'content-type': 'application/json'}, plain = {'content-type': 'text/plain'};
        const form = new FormData(); form.append('files', new Blob(['x'.repeat(1000)]), 'evil.csv');
        return [
          await attempt('/en/config', {}), await attempt('/en/', {}), await attempt('/healthz', {credentials: 'include'}),
          await attempt('/en/gradio_api/queue/join', {method: 'POST', body, headers: json}),
          await attempt('/en/gradio_api/queue/join', {method: 'POST', body, headers: plain}),
          await attempt('/en/gradio_api/upload', {method: 'POST', body: form}),
        ];
      }""",
        target,
    )
    assert tried == ["refused"] * len(tried)
    page.set_content(
        f'<form method="post" action="{target}/en/gradio_api/queue/join"><button id="go">x</button></form>'
    )
    with page.expect_response(f"{target}/en/gradio_api/queue/join") as sent:
        page.click("#go")
    assert sent.value.status == 403
    assert not list((open_studio.home / "uploads").rglob("evil.csv"))
    page.goto("http://evil.example/")
    page.set_content(f'<a id="go" href="{target}/en/">studio</a>')
    page.click("#go")
    page.wait_for_selector("#home-new")
    context.close()


def test_what_a_refusal_says_is_plain_text(client: httpx.Client) -> None:
    response = client.get("/", headers={"host": 'x"><script>alert(1)</script>', "accept": "text/html"})
    assert "<script" not in response.text
    assert json.loads(client.get("/", headers={"host": "a\\u0022b"}).text)["error"]["code"] == "web.foreign_host"
