"""Models of strangers: absurd sizes, files without an end, hubs that never finish, and removal under whoever uses one."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from studio.cli.program import run
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.i18n import LOCALES, catalog
from studio.models.sources.folder import describe_path
from studio.models.sources.hub import HubSource
from studio.services.container import Services
from studio.services.models import ModelService
from studio.settings import Settings
from studio.storage.database import AddedModelRow, RunRow
from studio.storage.uses import uses_of, using
from studio.storage.workspace import Workspace
from studio.web.ui.components import Ui
from studio.web.ui.pages.model import _render
from studio.web.ui.session import Place
from tests.hub_server import running_hub

CONFIG = {"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 8, "vocab_size": 9}


def _folder(path: Path, config: Any = CONFIG, tensor: dict[str, Any] | None = None) -> Path:
    entry = {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]} | (tensor or {})
    header = json.dumps({"w": entry}).encode()
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    (path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    (path / "tokenizer.json").write_text("{}")
    return path


ODD: dict[str, Any] = {
    "layers": CONFIG | {"num_hidden_layers": 10**18},
    "negative layers": CONFIG | {"num_hidden_layers": -1},
    "hidden size": CONFIG | {"hidden_size": 10**300},
    "vocabulary": CONFIG | {"vocab_size": 2**63},
    "context": CONFIG | {"max_position_embeddings": 0},
    "a number of 5,000 digits": '{"num_hidden_layers": ' + "9" * 5_000 + "}",
    "deep JSON": "[" * 200_000,
}


@pytest.mark.parametrize("name", ODD)
def test_an_absurd_size_is_told_and_not_listed(services: Services, tmp_path: Path, name: str) -> None:
    with pytest.raises(AfinaError) as caught:
        services.models.add_folder(_folder(tmp_path / "m", ODD[name]))
    assert caught.value.code in ("model.odd_card", "model.no_config")
    assert len(services.models.cards()) == 2


TENSORS: dict[str, dict[str, Any]] = {
    "a huge dimension": {"shape": [2**62]},
    "a negative one": {"shape": [-4]},
    "many dimensions": {"shape": [1] * 1_000_000},
    "more than its data": {"shape": [1_000_000]},
    "data before its beginning": {"data_offsets": [8, 0]},
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_cannot_be_are_damaged_weights(tmp_path: Path, name: str) -> None:
    with pytest.raises(AfinaError, match=r"model\.weights_damaged"):
        describe_path(_folder(tmp_path / "m", tensor=TENSORS[name]))


def _gguf(*parts: bytes, tensors: int = 0, settings: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, settings) + b"".join(parts) + bytes(64)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


GGUFS = {
    "tensors without end": _gguf(tensors=2**63),
    "settings without end": _gguf(settings=2**63),
    "a list without end": _gguf(_text("a"), struct.pack("<IIQ", 9, 8, 2**62), settings=1),
    "dimensions without end": _gguf(_text("w"), struct.pack("<I", 2**32 - 1), tensors=1),
    "huge dimensions": _gguf(_text("w"), struct.pack("<I4QIQ", 4, *[2**63] * 4, 0, 0), tensors=1),
    "no alignment": _gguf(_text("general.alignment"), struct.pack("<II", 4, 0), settings=1),
    "an infinite size": _gguf(
        _text("general.architecture"), struct.pack("<I", 8), _text("x"),
        _text("x.block_count"), struct.pack("<If", 6, float("inf")), settings=2,
    ),
    "a size that is a text": _gguf(
        _text("general.architecture"), struct.pack("<I", 8), _text("x"),
        _text("x.block_count"), struct.pack("<I", 8), _text("many"), settings=2,
    ),
    "absurd layers": _gguf(
        _text("general.architecture"), struct.pack("<I", 8), _text("x"),
        _text("x.block_count"), struct.pack("<IQ", 10, 2**63), settings=2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GGUFS)
def test_a_gguf_that_cannot_be_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.gguf").write_bytes(GGUFS[name])
    with pytest.raises(AfinaError) as caught:
        describe_path(tmp_path / "m.gguf")
    assert caught.value.code in ("model.weights_damaged", "model.odd_card")


def test_a_sparse_file_of_terabytes_is_told(tmp_path: Path) -> None:
    with (tmp_path / "m.gguf").open("wb") as file:
        file.write(_gguf(_text("a"), struct.pack("<IIQ", 9, 8, 10**12), settings=1))
        file.truncate(10**12)
    with pytest.raises(AfinaError, match=r"model\.weights_damaged"):
        describe_path(tmp_path / "m.gguf")


def test_a_configuration_of_gigabytes_is_told(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "m")
    with (folder / "config.json").open("r+b") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(AfinaError, match=r"model\.odd_file"):
        describe_path(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "x.gguf"])
def test_a_pipe_is_no_file_of_a_model(tmp_path: Path, name: str) -> None:
    folder = _folder(tmp_path / "m")
    if name == "x.gguf":
        (folder / "model.safetensors").unlink()
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(AfinaError):
        describe_path(folder)


@contextmanager
def _endless(answer: bytes, pause: float) -> Iterator[str]:
    """A server that says the beginning of an answer and then goes on, piece by piece, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_talk, args=(client, answer, pause), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def _talk(client: socket.socket, answer: bytes, pause: float) -> None:
    with client:
        client.recv(65_536)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n["
        try:
            client.sendall(head)
            while True:
                client.sendall(answer)
                time.sleep(pause)
        except OSError:
            return


@pytest.mark.parametrize(("answer", "pause"), [(b" ", 0.2), (b"1," * 500_000, 0.0)], ids=["a trickle", "a flood"])
def test_a_hub_that_never_ends_its_answer_is_left(monkeypatch: pytest.MonkeyPatch, answer: bytes, pause: float) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with _endless(answer, pause) as address, pytest.raises(AfinaError) as caught:
        HubSource(address).describe_in_child("org/endless", seconds=4.0)
    assert caught.value.code in ("net.slow", "hub.refused")


def test_a_configuration_on_the_hub_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files = {path.name: path.read_bytes() for path in _folder(tmp_path / "x").iterdir()}
    with running_hub() as hub:
        hub.repositories["org/large"] = files | {"config.json": b" " * 11_000_000 + files["config.json"]}
        hub.repositories["org/good"] = files
        with pytest.raises(AfinaError) as caught:
            HubSource(hub.address).describe_in_child("org/large")
        assert caught.value.code == "model.odd_file"
        assert HubSource(hub.address).describe_in_child("org/good").reference == "org/good"


def test_a_broken_card_stands_beside_the_others_and_can_be_removed(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = services.models.add_folder(_folder(tmp_path / "Good"))
    bad = good.model_dump(mode="json") | {"id": "folder-bad", "name": "Bad <b>", "layers": 10**18}
    row = AddedModelRow(id="folder-bad", source="folder", reference="/x", card=bad, added_at=time.time())
    with services.workspace.database.session() as session:
        session.add(row)
    project = services.projects.create("Loja").id
    for locale in LOCALES:
        page = _render(Ui(services, catalog(locale), place=None), Place(project, "model"))
        assert "Good" in page
        assert "Bad &lt;b&gt;" in page
        assert "model-remove-folder-bad" in page
        assert "1000000000000000000" in page
    monkeypatch.setenv("AFINA_HOME", str(services.workspace.home))
    assert run(["models"]) == 0
    assert "folder-bad" in "".join(capsys.readouterr())
    assert run(["models", "remove", "folder-bad"]) == 0
    assert services.models.broken() == []
    assert good in services.models.cards()
    assert run(["models", "remove", "nothing"]) != 0


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ModelService]:
    workspace = Workspace.open(Settings(home=tmp_path / "home"))
    yield ModelService(workspace)
    workspace.database.close()


def _refusal(models: ModelService, model_id: str) -> AfinaError:
    with pytest.raises(AfinaError) as caught:
        models.remove(model_id)
    for locale in LOCALES:
        assert catalog(locale).error(caught.value)
    return caught.value


def test_a_model_is_not_removed_under_a_run(models: ModelService, tmp_path: Path) -> None:
    workspace = models._workspace
    card = models.add_folder(_folder(tmp_path / "Mine"))
    from studio.services.projects import ProjectService

    project = ProjectService(workspace).create("Loja").id
    row = RunRow(
        id="run-1", project_id=project, name="Treino 1", created_at=0.0, state=RunState.PAUSED.value, position=1.0,
        model_id=card.id, model_name="Mine", train_examples=1, held_out_examples=1,
    )  # fmt: skip
    with workspace.database.session() as session:
        session.add(row)
    refused = _refusal(models, card.id)
    assert (refused.code, refused.params["run"]) == ("model.in_use.run", "Treino 1")
    with workspace.database.session() as session:
        session.query(RunRow).filter_by(id="run-1").update({"state": RunState.FINISHED.value})
    models.remove(card.id)
    assert len(models.cards()) == 2


@pytest.mark.parametrize("what", ["chat", "exam", "export"])
def test_a_model_is_not_removed_under_another_process_until_that_is_killed(
    models: ModelService, tmp_path: Path, what: str
) -> None:
    card = models.add_folder(_folder(tmp_path / "Mine"))
    folder = models._workspace.model(card.id)
    folder.mkdir()
    code = (
        "import sys, pathlib; from studio.storage.uses import using\n"
        f"with using(pathlib.Path({str(folder)!r}), {what!r}):\n    print('.', flush=True); sys.stdin.read()"
    )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        assert child.stdout is not None
        child.stdout.read(1)
        assert _refusal(models, card.id).code == f"model.in_use.{what}"
        assert folder.is_dir()
        child.kill()
    models.remove(card.id)
    assert not folder.exists()
    assert uses_of(folder) == ()


def test_a_use_ends_with_its_block(tmp_path: Path) -> None:
    with using(tmp_path / "m", "chat"), using(tmp_path / "m", "export"):
        assert uses_of(tmp_path / "m") == ("chat", "export")
    assert uses_of(tmp_path / "m") == ()
