"""No request makes the studio read a file that was not uploaded to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from gradio import processing_utils
from gradio.context import LocalContext
from gradio.exceptions import InvalidPathError

from studio.i18n import LOCALES
from studio.services.container import Services
from studio.web.guards.gradio_routes import named_files
from studio.web.ui.shell import mount_studio
from tests import own_loop
from tests.browser.conftest import Server


def file_data(path: object) -> dict[str, Any]:
    return {"path": str(path), "orig_name": "a.csv", "size": 1, "meta": {"_type": "gradio.FileData"}}


def upload(client: httpx.Client, name: str = "a.csv", content: bytes = b"q,a\n1,2\n") -> str:
    response = client.post("/en/gradio_api/upload", files={"files": (name, content)})
    assert response.status_code == 200, response.text
    return str(response.json()[0])


def join(client: httpx.Client, data: list[Any], fn_index: int = 0, **more: Any) -> httpx.Response:
    body = {"data": data, "fn_index": fn_index, "session_hash": "s", **more}
    return client.post("/en/gradio_api/queue/join", json=body)


def test_gradio_itself_refuses_them_too(services: Services, secret: Path) -> None:
    """The second lock, which an update of Gradio could open: every component of every page is asked."""
    app = FastAPI()
    mount_studio(app, services, "en")
    blocks = next(route.app.get_blocks() for route in app.routes if hasattr(getattr(route, "app", None), "get_blocks"))
    inputs = {block._id: block for fn in blocks.fns.values() for block in fn.inputs if isinstance(block, gr.components.Component)}  # fmt: skip
    assert len(inputs) > 20
    token = LocalContext.blocks.set(blocks)
    try:
        for block in inputs.values():
            moved = processing_utils.async_move_files_to_cache(file_data(secret), block, check_in_upload_folder=True)
            with pytest.raises(InvalidPathError):
                own_loop.run(moved)
    finally:
        LocalContext.blocks.reset(token)


def disguises(secret: Path, uploaded: str) -> Iterator[str]:
    """The same file, named in every way that a program could be fooled by."""
    folder = str(Path(uploaded).parent)
    yield from (str(secret), f"/./{secret}", f"//{secret}", "/proc/self/environ", f"/proc/self/root{secret}")
    yield from (os.path.relpath(secret), f"file://{secret}", "http://127.0.0.1:9/x", "https://example.com/x")
    yield f"{folder}/../../../../../../../../../../../..{secret}"
    yield f"{uploaded}/../../../../../../../../../../..{secret}"
    yield from (folder + "/..", str(Path(folder).parent), "/", ".", "", "~", f"{uploaded}\0{secret}", "/" + "a" * 5000)


def test_no_disguise_helps(client: httpx.Client, open_studio: Server, secret: Path) -> None:
    uploaded = upload(client)
    link = Path(uploaded).parent / "link.csv"
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    for path in (*disguises(secret, uploaded), str(link)):
        for data in (file_data(path), [[{"a": {"b": [file_data(path)]}}]], {"path": path}):
            assert join(client, [data]).status_code == 403, path
            assert join(client, [], event_data=data).status_code == 403, path
            server_call = {"data": data, "component_id": 1, "fn_name": "read", "session_hash": "s"}
            assert client.post("/en/gradio_api/component_server", json=server_call).status_code == 403, path
        address = httpx.URL(f"{open_studio.address}/en/gradio_api/file={_quoted(path)}")
        assert client.get(address).status_code in (403, 404), path
    link.unlink()


def _quoted(path: str) -> str:
    return "".join(f"%{byte:02x}" for byte in path.encode())


def test_what_json_can_hide_is_found(client: httpx.Client, secret: Path) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in str(secret))
    uploaded = upload(client)
    twice = f'{{"path": "{uploaded}", "\\u0070ath": "{escaped}", "meta": {{"_type": "gradio.FileData"}}}}'
    body = f'{{"data": [{twice}], "fn_index": 0, "session_hash": "s"}}'
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        response = client.post("/en/gradio_api/queue/join", content=body.encode(encoding), headers={"content-type": "application/json"})  # fmt: skip
        assert response.status_code in (400, 403), encoding


def test_only_json_reaches_the_queue(client: httpx.Client, secret: Path) -> None:
    body = json.dumps({"data": [file_data(secret)], "fn_index": 0, "session_hash": "s"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/ld+json"):  # fmt: skip
        for route in ("queue/join", "component_server", "cancel"):
            response = client.post(f"/en/gradio_api/{route}", content=body, headers={"content-type": kind})
            assert response.status_code == 400, (kind, route)


def test_deep_and_broken_json_is_a_sentence(client: httpx.Client) -> None:
    for body in ("[" * 200_000, '{"a":' * 100_000, "{", "", "\0", "9" * 5000):
        response = client.post("/en/gradio_api/queue/join", content=body, headers={"content-type": "application/json"})
        assert response.status_code in (400, 422), body[:20]
        assert "Traceback" not in response.text


@pytest.mark.parametrize(
    "route",
    [
        "gradio_api/proxy=http://127.0.0.1:9/", "gradio_api/file/etc/passwd", "gradio_api/openapi.json", "gradio_api/runs",
        "gradio_api/dev/reload", "gradio_api/deep_link?session_hash=s", "gradio_api/stream/s/r/1/playlist-file", "gradio_api/token",
        "monitoring", "monitoring/summary", "gradio_api/custom_component/x/client/y/z", "gradio_api/call/x/y", "svelte/x", "login",
    ],
)  # fmt: skip
def test_routes_that_the_studio_does_not_need_are_not_there(client: httpx.Client, route: str) -> None:
    for locale in LOCALES:
        assert client.get(f"/{locale}/{route}").status_code == 404


def test_nothing_is_posted_but_to_the_queue(client: httpx.Client, secret: Path) -> None:
    for route in ("run/x", "api/x", "call/x", "call/v2/x", "process_recording", "vibe-edit", "stream/x", "login"):
        response = client.post(f"/en/gradio_api/{route}", json={"data": [file_data(secret)]})
        assert response.status_code == 404, route


def test_an_upload_still_works(client: httpx.Client) -> None:
    uploaded = upload(client, content=b"q,a\nola,oi\n")
    assert join(client, [file_data(uploaded)]).status_code != 403
    assert client.get(f"/en/gradio_api/file={uploaded}").content == b"q,a\nola,oi\n"


@pytest.mark.parametrize(
    "name", ["evil.html", "evil.svg", "evil.xhtml", "evil.xml", "evil.js", "evil", "..%2f..%2fevil.html"]
)
def test_no_upload_is_shown_as_a_page(client: httpx.Client, name: str) -> None:
    uploaded = upload(client, name, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    for method in ("GET", "HEAD"):
        answer = client.request(method, f"/en/gradio_api/file={_quoted(uploaded)}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_export_is_shown_as_a_page(client: httpx.Client, open_studio: Server) -> None:
    folder = open_studio.home / "exports" / "run-1" / "step-000001"
    names = ("página #1.html", "report.txt", "export.zip")
    before = os.umask(0o077)  # as the server's: other tests look at who may read this workspace
    try:
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text("<script>alert(1)</script>", encoding="utf-8")
    finally:
        os.umask(before)
    for name in names:
        answer = client.get(f"/en/gradio_api/file={_quoted(str(folder / name))}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name)}"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_are_found_wherever_they_are() -> None:
    deep: Any = {"path": "/deep"}
    for _ in range(5000):
        deep = [deep, {"x": 1, "path": 3}]
    assert list(named_files(deep)) == ["/deep"]
    assert sorted(named_files({"a": {"path": "/1", "url": {"path": "/2"}}, "path": "/3"})) == ["/1", "/2", "/3"]
