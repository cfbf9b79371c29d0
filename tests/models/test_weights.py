"""Local folders and files: each kind of trouble has its own sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.models.sources.folder import FolderSource, describe_path
from studio.models.weights import slug, tensor_shapes, weight_files

CONFIG = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 16, "vocab_size": 32}


def safetensors(path: Path, values: int = 100) -> None:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [values // 10, 10], "data_offsets": [0, 2 * values]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * (2 * values))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete model, as far as anything but its weights' values goes."""
    path = tmp_path / "Meu Modelo"
    path.mkdir()
    safetensors(path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "tokenizer.json").write_text("{}")
    return path


def test_a_complete_folder_has_a_card(folder: Path) -> None:
    card = describe_path(folder)
    assert (card.id, card.name, card.reference) == ("folder-meu-modelo", "Meu Modelo", str(folder))
    assert (card.parameters, card.layers, card.hidden_size, card.context_length) == (100, 2, 8, 2048)
    assert FolderSource().fetch(card, folder, lambda _d, _t: None, lambda: False) == folder


def test_the_sizes_inside_a_text_config_count(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": CONFIG}))
    assert describe_path(folder).layers == 2


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def not_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"PK\3\4" + b"x" * 5000)


def shard_missing(folder: Path) -> None:
    index = {"weight_map": {"w": "model.safetensors", "v": "model-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def no_config(folder: Path) -> None:
    (folder / "config.json").write_text("{broken")


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def an_adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (no_weights, "model.no_weights"),
        (pickle_only, "model.pickle_only"),
        (truncated, "model.weights_damaged"),
        (empty, "model.weights_damaged"),
        (not_safetensors, "model.weights_damaged"),
        (shard_missing, "model.weights_missing"),
        (no_config, "model.no_config"),
        (no_tokenizer, "model.no_tokenizer"),
        (an_adapter, "model.is_adapter"),
    ],
)
def test_each_trouble_has_its_own_sentence(folder: Path, harm: Callable[[Path], None], code: str) -> None:
    harm(folder)
    with pytest.raises(AfinaError) as caught:
        describe_path(folder)
    assert caught.value.code == code
    for locale in LOCALES:
        assert str(folder) in catalog(locale).error(caught.value)


def test_a_missing_path_and_a_file_of_another_kind_are_told(tmp_path: Path) -> None:
    for name, code in (("nowhere", "model.no_folder"), ("model.bin", "model.not_a_model_file")):
        path = tmp_path / name
        if path.suffix:
            path.write_bytes(b"x")
        with pytest.raises(AfinaError) as caught:
            describe_path(path)
        assert caught.value.code == code


def gguf(path: Path) -> None:
    """Writes a small GGUF file with the writer of the format's own package."""
    import numpy
    from gguf import GGUFWriter

    writer = GGUFWriter(str(path), "llama")
    writer.add_name("Pequeno")
    writer.add_license("mit")
    writer.add_block_count(3)
    writer.add_embedding_length(8)
    writer.add_array("llama.feed_forward_length", [16, 24, 16])
    writer.add_context_length(512)
    writer.add_token_list([f"word {n}" for n in range(2000)])
    writer.add_tensor("token_embd.weight", numpy.zeros((2000, 8), dtype=numpy.float32))
    writer.add_tensor("blk.0.weight", numpy.zeros((8, 4), dtype=numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_gguf_file_has_a_card(tmp_path: Path) -> None:
    path = tmp_path / "pequeno.Q8.gguf"
    gguf(path)
    card = describe_path(path)
    assert (card.id, card.name, card.licence.name) == ("folder-pequeno-q8", "Pequeno", "mit")
    assert (card.parameters, card.layers, card.hidden_size) == (2000 * 8 + 32, 3, 8)
    assert (card.intermediate_size, card.vocabulary, card.context_length) == (24, 2000, 512)
    assert describe_path(tmp_path) == card


def test_a_gguf_file_cut_off_anywhere_is_told(tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    gguf(path)
    whole = path.read_bytes()
    for length in (1, 10, 30, 200, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(AfinaError) as caught:
            describe_path(path)
        assert caught.value.code == "model.weights_damaged"


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 100, b"not at all"])
def test_a_damaged_gguf_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(AfinaError) as caught:
        describe_path(path)
    assert caught.value.code == "model.weights_damaged"


def test_a_shard_named_outside_the_folder_is_looked_for_inside(folder: Path) -> None:
    index = {"weight_map": {"w": "../../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert weight_files(folder) == (folder / "model.safetensors",)


def test_shapes_come_from_the_header(folder: Path) -> None:
    assert tensor_shapes(folder / "model.safetensors") == {"w": (10, 10)}


@pytest.mark.parametrize(("text", "expected"), [("Org/Nome v1.2", "org-nome-v1-2"), ("ção", "o"), ("///", "model")])
def test_slugs_are_safe_in_ids(text: str, expected: str) -> None:
    assert slug(text) == expected
    assert len(slug("a" * 200)) <= 50
