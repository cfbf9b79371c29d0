"""The hub, against a server of our own: what is asked for, what goes wrong, and in which words."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from pydantic import SecretStr

from studio.errors import AfinaError, Stopped
from studio.models.sources.hub import HubSource
from tests.hub_server import FakeHub

CONFIG = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 16, "vocab_size": 32}


def safetensors(values: int = 1000) -> bytes:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [values], "data_offsets": [0, 2 * values]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\1" * (2 * values)


def repository(**extra: bytes) -> dict[str, bytes]:
    files = {
        "config.json": json.dumps(CONFIG).encode(),
        "tokenizer.json": b"{}",
        "model.safetensors": safetensors(),
        "pytorch_model.bin": b"pickle",
        "modeling_custom.py": b"raise SystemExit",
        "onnx/model.onnx": b"onnx",
        "README.md": b"# hello",
    }
    return files | extra


def never() -> bool:
    return False


def nothing(_done: int, _total: int) -> None:
    pass


def test_a_model_is_described_before_anything_large_is_downloaded(hub: FakeHub) -> None:
    hub.repositories["org/Tiny.Model"] = repository()
    card = HubSource(hub.address).describe("org/Tiny.Model")
    assert (card.id, card.name, card.reference) == ("hub-org-tiny-model", "Tiny.Model", "org/Tiny.Model")
    assert (card.parameters, card.layers, card.hidden_size, card.vocabulary) == (len(safetensors()) // 2, 2, 8, 32)
    assert card.licence.name == "mit"
    assert card.languages == ("pt", "en")
    assert card.download_bytes == sum(
        len(repository()[n]) for n in ("config.json", "tokenizer.json", "model.safetensors")
    )
    assert not [r for r in hub.requests if r.startswith("GET") and "safetensors" in r]


def test_the_address_of_the_page_is_as_good_as_the_name(hub: FakeHub) -> None:
    hub.repositories["org/tiny"] = repository()
    assert HubSource(hub.address).describe(" https://hub.example/org/tiny/tree/main ").reference == "org/tiny"


def test_only_safe_files_are_fetched_with_progress(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["org/tiny"] = repository()
    source, seen = HubSource(hub.address), []
    card = source.describe("org/tiny")
    folder = source.fetch(card, tmp_path / "d", lambda done, total: seen.append((done, total)), never)
    assert {p.name for p in folder.iterdir() if p.is_file()} == {"config.json", "tokenizer.json", "model.safetensors"}
    assert (folder / "model.safetensors").read_bytes() == safetensors()
    assert seen[-1] == (card.download_bytes, card.download_bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not [r for r in hub.requests if ".bin" in r or ".py" in r or "onnx" in r]


def test_a_dropped_connection_is_gone_on_with(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["org/tiny"] = repository()
    hub.drop["model.safetensors"] = 1
    source = HubSource(hub.address)
    folder = source.fetch(source.describe("org/tiny"), tmp_path / "d", nothing, never)
    assert (folder / "model.safetensors").read_bytes() == safetensors()


def test_cancelling_stops_and_what_is_there_is_used_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["org/tiny"] = repository()
    source = HubSource(hub.address)
    card = source.describe("org/tiny")
    with pytest.raises(Stopped):
        source.fetch(card, tmp_path / "d", nothing, lambda: (tmp_path / "d" / "config.json").exists())
    hub.requests.clear()
    source.fetch(card, tmp_path / "d", nothing, never)
    assert not [r for r in hub.requests if r.startswith("GET") and r.endswith("/config.json")]


def test_a_gated_model_opens_with_its_token(hub: FakeHub) -> None:
    hub.repositories["org/gated"] = repository()
    hub.tokens["org/gated"] = "hf_right"
    for token in (None, SecretStr("hf_wrong")):
        with pytest.raises(AfinaError) as caught:
            HubSource(hub.address, token).describe("org/gated")
        assert (caught.value.code, caught.value.params["path"]) == ("hub.gated", "org/gated")
    assert HubSource(hub.address, SecretStr("hf_right")).describe("org/gated").name == "gated"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b"x"}, "model.pickle_only"),
        ({"config.json": b"{}", "README.md": b"x"}, "model.no_weights"),
        ({"model.safetensors": b"x"}, "model.no_config"),
        ({"model.safetensors": b"x", "config.json": b"[]"}, "model.no_config"),
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"}, "model.is_adapter"),
    ],
)
def test_a_repository_that_cannot_be_used_is_told_before_the_download(
    hub: FakeHub, files: dict[str, bytes], code: str
) -> None:
    hub.repositories["org/odd"] = files
    with pytest.raises(AfinaError) as caught:
        HubSource(hub.address).describe("org/odd")
    assert caught.value.code == code
    assert caught.value.params["path"] == "org/odd"


@pytest.mark.parametrize(
    ("repo", "status", "code"),
    [
        ("org/missing", None, "hub.not_found"),
        ("org/down", 500, "hub.refused"),
        ("org/busy", 429, "hub.refused"),
        ("org/closed", 401, "hub.token_refused"),
        ("not a name", None, "hub.bad_id"),
        ("", None, "hub.bad_id"),
        ("a/b/../c", None, "hub.bad_id"),
    ],
)
def test_refusals_have_a_sentence_each(hub: FakeHub, repo: str, status: int | None, code: str) -> None:
    if status:
        hub.broken[repo] = status
    with pytest.raises(AfinaError) as caught:
        HubSource(hub.address).describe(repo)
    assert caught.value.code == code


def test_no_network_is_said_so() -> None:
    with pytest.raises(AfinaError) as caught:
        HubSource("http://127.0.0.1:9").describe("org/tiny")
    assert caught.value.code == "net.unreachable"


def test_a_file_that_is_not_the_announced_one_is_thrown_away(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["org/tiny"] = repository()
    announced = hub.info("org/tiny")
    next(s for s in announced["siblings"] if "lfs" in s)["lfs"]["sha256"] = "0" * 64
    monkeypatch.setattr(hub, "info", lambda repo: announced)
    source = HubSource(hub.address)
    with pytest.raises(AfinaError) as caught:
        source.fetch(source.describe("org/tiny"), tmp_path / "d", nothing, never)
    assert caught.value.code == "install.hash_mismatch"
    assert not (tmp_path / "d" / "model.safetensors").exists()
