"""What a dataset of the hub says of itself names files of that dataset, and nothing else."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from studio.data.importing.hub_datasets import HubDataset
from studio.errors import AfinaError
from tests.hub_server import FakeHub, running_hub

pytestmark = pytest.mark.model
SECRET = "nobody may read this"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with running_hub() as running:
        running.datasets["other/set"] = {"train.jsonl": json.dumps({"question": "q", "answer": SECRET}).encode()}
        yield running


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another host: its address, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"question": "q", "answer": SECRET}).encode())

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def hostile(hub: FakeHub, key: str, named: str) -> str:
    card = f"---\nconfigs:\n- config_name: x\n  {key}: {json.dumps(named)}\n---\n"
    hub.datasets["acme/evil"] = {"README.md": card.encode(), "train.jsonl": b'{"question": "a", "answer": "b"}'}
    return "acme/evil"


def place(shape: str, secret: Path, host: str) -> str:
    return shape.format(path=secret, host=host)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.jsonl"
    path.write_text(json.dumps({"question": "q", "answer": SECRET}))
    return path


@pytest.mark.parametrize("shape", ["file://{path}", "../../../../../../../..{path}", "{host}/a.jsonl", "hf://datasets/other/set/train.jsonl"])  # fmt: skip
def test_a_card_names_no_file_of_another_place(
    hub: FakeHub, elsewhere: tuple[str, list[str]], secret: Path, tmp_path: Path, shape: str
) -> None:
    name = hostile(hub, "data_files", place(shape, secret, elsewhere[0]))
    with pytest.raises(AfinaError) as raised:
        HubDataset(name).fetch(tmp_path, hub.address)
    assert shape.startswith("..") or raised.value.code == "data.hub_foreign_files", raised.value
    assert elsewhere[1] == []
    assert not [path for path in tmp_path.glob("*evil*") if SECRET in path.read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["data_files", "data_dir"])
@pytest.mark.parametrize("shape", ["{path}", "local://{path}", "file://{path}", "../../../../../../../..{path}", "{host}/a.jsonl", "zip://a.jsonl::{host}/a.zip", "hf://datasets/other/set/train.jsonl"])  # fmt: skip
def test_neither_looking_nor_reading_goes_elsewhere(
    hub: FakeHub, elsewhere: tuple[str, list[str]], secret: Path, tmp_path: Path, key: str, shape: str
) -> None:
    name = hostile(hub, key, place(shape, secret if key == "data_files" else tmp_path, elsewhere[0]))
    with suppress(AfinaError):
        HubDataset(name).parts(hub.address)
    with suppress(AfinaError):
        assert SECRET not in HubDataset(name).fetch(tmp_path, hub.address).read_text()
    assert elsewhere[1] == []
