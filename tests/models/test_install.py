"""Installing: whole or not at all, whatever happens in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.errors import AfinaError, Stopped
from studio.models.catalog import builtin_cards
from studio.models.chat_template import ChatTemplate
from studio.models.convert import check_architecture, convert
from studio.models.install import check_room, install, is_installed
from studio.models.loader import load_base
from studio.models.sources.folder import FolderSource, describe_path
from studio.models.sources.hub import HubSource
from studio.models.tokenizer import Tokenizer
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.child_processes import is_over
from tests.hub_server import FakeHub

FILES = {
    "afina.json",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with no models in it."""
    return Workspace.open(Settings(home=tmp_path / "home"))


@pytest.fixture
def original(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model as somebody's own folder, which knows nothing of Afina."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_model, folder)
    (folder / "afina.json").unlink()
    return folder


def nothing(**_progress: object) -> None:
    pass


def never() -> bool:
    return False


def leftovers(place: Workspace) -> list[str]:
    return [p.name for p in place.models.iterdir() if p.suffix == ".tmp" or (p.is_dir() and not p.name.startswith("."))]


@pytest.mark.model
def test_a_hub_model_is_installed_whole_and_loads(hub: FakeHub, original: Path, place: Workspace) -> None:
    import torch

    hub.repositories["org/tiny"] = {path.name: path.read_bytes() for path in original.iterdir()}
    source = HubSource(hub.address)
    card = source.describe("org/tiny")
    told: list[dict[str, Any]] = []
    install(place, card, source, lambda **progress: told.append(progress), never)
    folder = place.model("hub-org-tiny")
    assert {path.name for path in folder.iterdir()} == FILES
    assert (told[0]["stage"], told[-1]["stage"]) == ("downloading", "converting")
    bar = [progress["fraction"] for progress in told]
    assert bar == sorted(bar), "one bar over both, which never goes back"
    assert bar[0] == 0.0
    assert min(progress["fraction"] for progress in told if progress["stage"] == "converting") >= 0.8
    assert BaseModelCard.model_validate_json((folder / "afina.json").read_bytes()) == card
    assert list((place.models / ".downloads").iterdir()) == []
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == [0, 2]
    before, after = (load_base(path, torch.bfloat16, "cpu") for path in (original, folder))
    ids = torch.tensor([[1, 5, 9]])
    assert torch.equal(before(ids).logits, after(ids).logits)
    hub.repositories.clear()
    install(place, card, source, nothing, never)


@pytest.mark.model
def test_a_kill_in_the_middle_leaves_nothing_half(original: Path, place: Workspace) -> None:
    card = describe_path(original)
    program = (
        "import sys; from pathlib import Path; from studio.settings import Settings;"
        "from studio.storage.workspace import Workspace; from studio.models.install import install;"
        "from studio.models.sources.folder import FolderSource, describe_path;"
        "place = Workspace.open(Settings(home=Path(sys.argv[1])));"
        "install(place, describe_path(Path(sys.argv[2])), FolderSource(), lambda **_: None, lambda: False)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(place.home), str(original)]) as process:
        _until(
            lambda: (
                any(place.models.glob(".folder-tiny.*.tmp/convert.log"))
                and bool(psutil.Process(process.pid).children(recursive=True))
            )
        )
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    assert children
    psutil.wait_procs(children, timeout=60)
    assert all(map(is_over, children))
    assert not is_installed(place.model(card.id))
    install(place, card, FolderSource(), nothing, never)
    assert leftovers(place) == [card.id]


def test_cancelling_while_it_is_prepared_leaves_nothing(original: Path, place: Workspace) -> None:
    card = describe_path(original)
    with pytest.raises(Stopped):
        install(place, card, FolderSource(), nothing, lambda: any(place.models.glob(".folder-tiny.*.tmp/convert.log")))
    assert leftovers(place) == []


def test_whoever_comes_second_waits_and_finds_it_done(original: Path, place: Workspace) -> None:
    from filelock import FileLock

    card = describe_path(original)
    errors: list[BaseException] = []

    def second() -> None:
        try:
            install(place, card, FolderSource(), nothing, never)
        except BaseException as error:
            errors.append(error)

    with FileLock(place.models / f".{card.id}.lock"):
        thread = threading.Thread(target=second)
        thread.start()
        shutil.copytree(original, place.model(card.id))
        (place.model(card.id) / "afina.json").write_text(card.model_dump_json())
        shutil.rmtree(original)
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(60)
    assert not thread.is_alive()
    assert errors == []


def huge(**sizes: int) -> BaseModelCard:
    return builtin_cards()[0].model_copy(update=sizes)


def test_a_full_disk_is_told_before_anything_is_fetched(place: Workspace) -> None:
    with pytest.raises(AfinaError) as caught:
        install(place, huge(download_bytes=10**17), FolderSource(), nothing, never)
    assert caught.value.code == "disk.full"


def test_too_little_memory_is_told_before_anything_is_fetched(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(300_000_000))
    with pytest.raises(AfinaError) as caught:
        check_room(place.models, builtin_cards()[0])
    assert (caught.value.code, caught.value.params["free_mb"]) == ("install.no_memory", 300)


@pytest.mark.model
@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"model_type": "nothing-known"}, "model.unknown_architecture"),
        ({"model_type": "bert"}, None),
        ({"model_type": "vit"}, "model.unknown_architecture"),
        ({"model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Own"}}, "model.remote_code"),
        ({}, "model.no_config"),
    ],
)
def test_only_models_that_are_known_and_write_text(tmp_path: Path, config: dict[str, object], code: str | None) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    if code is None:
        return check_architecture(tmp_path)
    with pytest.raises(AfinaError) as caught:
        check_architecture(tmp_path)
    assert caught.value.code == code
    return None


@pytest.mark.model
def test_weights_of_another_model_are_told(original: Path, tmp_path: Path) -> None:
    config = json.loads((original / "config.json").read_text()) | {"num_hidden_layers": 3}
    (original / "config.json").write_text(json.dumps(config))
    (tmp_path / "out").mkdir()
    with pytest.raises(AfinaError) as caught:
        convert(original, tmp_path / "out")
    assert caught.value.code == "model.weights_mismatch"
    with pytest.raises(AfinaError) as caught:
        import torch

        load_base(original, torch.float32, "cpu")
    assert caught.value.code == "model.weights_mismatch"


def test_a_folder_without_weights_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(AfinaError) as caught:
        load_base(tmp_path, None, "cpu")  # type: ignore[arg-type]
    assert caught.value.code == "model.no_weights"


@pytest.mark.model
def test_the_default_model_from_its_wheel(base_model: str, workspace: Workspace) -> None:
    import torch

    folder = workspace.model(base_model)
    card = builtin_cards()[0]
    assert {path.name for path in folder.iterdir()} == FILES
    assert BaseModelCard.model_validate_json((folder / "afina.json").read_bytes()) == card
    model = load_base(folder, torch.bfloat16, "cpu")
    assert sum(p.numel() for p in model.parameters()) == card.parameters
    tokenizer, template = Tokenizer.load(folder), ChatTemplate.load(folder)
    assert tokenizer.stop_ids == {0, 2}
    assert tokenizer.encode("<|im_start|>user\n 2024") == [1, 4093, 3805, 34, 32, 34, 36]
    ids = tokenizer.encode(template.prompt(Conversation.pair("What is the capital of France?", "").prompt))
    for _ in range(12):
        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert "Paris" in tokenizer.decode(ids)


@pytest.mark.model
def test_gemma_from_its_wheels(gemma_model: str, workspace: Workspace) -> None:
    folder = workspace.model(gemma_model)
    assert {path.name for path in folder.iterdir()} == FILES
    tokenizer, template = Tokenizer.load(folder), ChatTemplate.load(folder)
    assert tokenizer.stop_ids == {1, 106}
    encoded = tokenizer.encode_example(template.segments(Conversation.pair("Oi", "Olá!")), 100)
    assert encoded.input_ids[:3] == [2, 105, 2364]
    assert encoded.input_ids.count(2) == 1
    assert encoded.input_ids[-1] == 106
    assert tokenizer.decode(encoded.input_ids[-3:]) == "Olá!"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
