"""The use cases of base models."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.domain.model import FitBadge, SourceKind
from studio.errors import AfinaError
from studio.processes.job_registry import JobState
from studio.services.models import ModelService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.hub_server import running_hub

SMOLLM2, GEMMA = "smollm2-135m-instruct", "gemma-3-270m"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ModelService]:
    """A service on an empty workspace with a models folder of its own."""
    workspace = Workspace.open(Settings(home=tmp_path / "home"))
    service = ModelService(workspace)
    yield service
    service.close()
    workspace.database.close()


def model_folder(path: Path) -> Path:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    (path / "config.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": 1}))
    (path / "tokenizer.json").write_text("{}")
    return path


def test_the_built_in_models_come_first(models: ModelService, tmp_path: Path) -> None:
    added = models.add_folder(model_folder(tmp_path / "Mine"))
    assert [card.id for card in models.cards()] == [SMOLLM2, GEMMA, added.id]
    assert models.get(added.id).source is SourceKind.FOLDER
    with pytest.raises(AfinaError) as caught:
        models.get("nothing")
    assert caught.value.code == "general.not_found"


def test_each_language_has_its_first_choice(models: ModelService) -> None:
    assert (models.recommended("en"), models.recommended("pt"), models.recommended("xx")) == (SMOLLM2, GEMMA, SMOLLM2)


def test_two_folders_of_one_name_are_two_models_and_one_added_twice_is_one(
    models: ModelService, tmp_path: Path
) -> None:
    first = models.add_folder(model_folder(tmp_path / "a" / "Mine"))
    second = models.add_folder(model_folder(tmp_path / "b" / "Mine"))
    assert first.id != second.id
    assert models.add_folder(tmp_path / "a" / "Mine") == first
    assert models.add_folder(tmp_path / "b" / "Mine") == second
    assert len(models.cards()) == 4


def test_added_models_are_found_again_after_a_restart(models: ModelService, tmp_path: Path) -> None:
    card = models.add_folder(model_folder(tmp_path / "Mine"))
    again = ModelService(Workspace.open(Settings(home=tmp_path / "home")))
    assert again.get(card.id) == card


def test_terms_are_accepted_once(models: ModelService, tmp_path: Path) -> None:
    assert models.accepted(SMOLLM2)
    assert not models.accepted(GEMMA)
    with pytest.raises(AfinaError) as caught:
        models.wait_installed(GEMMA)
    assert caught.value.code == "model.licence"
    models.accept_licence(GEMMA)
    models.accept_licence(GEMMA)
    assert ModelService(Workspace.open(Settings(home=tmp_path / "home"))).accepted(GEMMA)


def test_a_failure_is_kept_until_the_next_try(models: ModelService, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "Mine")
    card = models.add_folder(folder)
    (folder / "model.safetensors").unlink()
    assert models.install_progress(card.id) is None
    with pytest.raises(AfinaError) as caught:
        models.wait_installed(card.id)
    assert caught.value.code == "model.no_weights"
    progress = models.install_progress(card.id)
    assert progress is not None
    assert progress.state is JobState.FAILED
    assert progress.problem is not None
    assert progress.problem.params["path"] == str(folder)
    assert not models.is_installed(card.id)


def test_installing_twice_is_one_installation(models: ModelService) -> None:
    before = threading.active_count()
    for _ in range(5):
        models.install(SMOLLM2)
    assert threading.active_count() <= before + 2
    going = models.install_progress(SMOLLM2)
    assert going is not None
    assert going.is_active
    with pytest.raises(AfinaError) as caught:
        models.remove(SMOLLM2)
    assert caught.value.code == "model.busy"
    models.cancel_install(SMOLLM2)
    models.close()
    cancelled = models.install_progress(SMOLLM2)
    assert cancelled is not None
    assert cancelled.state is JobState.CANCELLED


def test_the_web_process_needs_no_torch_for_models(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from studio.settings import Settings;"
        "from studio.storage.workspace import Workspace; from studio.services.models import ModelService;"
        "models = ModelService(Workspace.open(Settings(home=Path(sys.argv[1]))));"
        "[models.fit(card.id) for card in models.cards()];"
        "models.add_folder(Path(sys.argv[2]));"
        "import gguf, huggingface_hub, tokenizers;"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    folder = model_folder(tmp_path / "Mine")
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "home"), str(folder)], check=True)


def test_a_removed_model_leaves_the_list_but_not_the_disk_of_its_owner(models: ModelService, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "Mine")
    card = models.add_folder(folder)
    models.remove(card.id)
    assert len(models.cards()) == 2
    assert (folder / "model.safetensors").exists()
    models.remove(SMOLLM2)
    assert len(models.cards()) == 2


def test_the_disk_that_a_model_takes_is_told_and_freed(models: ModelService) -> None:
    assert models.disk_bytes(SMOLLM2) == 0
    folder, downloads = models.folder(SMOLLM2), models.folder(SMOLLM2).parent / ".downloads" / SMOLLM2
    for path, size in ((folder / "afina.json", 10), (folder / "model.safetensors", 5_000), (downloads / "half", 300)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    assert models.disk_bytes(SMOLLM2) == 5_310
    models.remove(SMOLLM2)
    assert models.disk_bytes(SMOLLM2) == 0
    assert not models.is_installed(SMOLLM2)


def test_the_fit_says_what_it_is_made_of(models: ModelService) -> None:
    small, large = models.fit(SMOLLM2, batch=1, length=32), models.fit(SMOLLM2, batch=1000, length=1_000_000)
    assert large.badge is FitBadge.TOO_BIG
    assert small.needed_bytes == sum(part.bytes for part in small.parts)


def test_a_hub_model_is_added_with_the_token_of_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files = {path.name: path.read_bytes() for path in model_folder(tmp_path / "x").iterdir()}
    with running_hub() as hub:
        hub.repositories["org/gated"] = files
        hub.tokens["org/gated"] = "hf_right"
        workspace = Workspace.open(Settings(home=tmp_path / "home", hf_endpoint=hub.address))
        models = ModelService(workspace)
        with pytest.raises(AfinaError) as caught:
            models.add_hub("org/gated")
        assert caught.value.code == "hub.gated"
        card = models.add_hub("org/gated", token="hf_right")
        assert models.cards()[-1] == card
        stored = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("afina.db*"))
        assert b"org/gated" in stored
        assert b"hf_right" not in stored
        workspace.database.close()
