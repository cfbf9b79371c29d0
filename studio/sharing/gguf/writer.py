"""Writes a model into a GGUF file: its description, its tokenizer, its chat template, its weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import gguf

from studio.models.json_file import read_object
from studio.sharing.gguf.architectures import Architecture, Array
from studio.sharing.gguf.precision import GgufPrecision, packed
from studio.sharing.gguf.templates import with_system_prompt
from studio.sharing.gguf.vocabulary import Vocabulary


@dataclass(frozen=True)
class GgufAbout:
    """What a GGUF file says of itself.

    Args:
        name: of the chatbot.
        system_prompt: that it was tuned with; opens every chat that brings none of its own.
        chat_template: Jinja text.
        licence: of the base model, a short name.
        base: public name of the base model, or empty.
        languages: of the base model, ISO 639-1.
    """

    name: str
    system_prompt: str | None
    chat_template: str
    licence: str = ""
    base: str = ""
    languages: tuple[str, ...] = ()


def require_writable(model_dir: Path) -> None:
    """Refuses models that llama.cpp does not know.

    Raises:
        AfinaError: ``export.gguf_architecture``, ``export.gguf_tokenizer``.
    """
    Architecture(read_object(model_dir / "config.json")).require()
    Vocabulary(model_dir).require()


def write_gguf(
    out: Path, model_dir: Path, tensors: Iterable[tuple[str, Array]], precision: GgufPrecision, about: GgufAbout
) -> None:
    """Writes the file.

    Args:
        out: where.
        model_dir: of the base model: configuration and tokenizer.
        tensors: names and values as transformers has them, in float32.
        precision: number format of the matrices.
        about: what the file says of itself.

    Raises:
        AfinaError: as :func:`require_writable`.
    """
    config = read_object(model_dir / "config.json")
    architecture = Architecture(config)
    writer = gguf.GGUFWriter(out, architecture.name, use_temp_file=True)
    _describe(writer, about, precision)
    architecture.describe(writer)
    Vocabulary(model_dir).describe(writer, int(config["vocab_size"]))
    writer.add_vocab_size(int(config["vocab_size"]))
    writer.add_chat_template(with_system_prompt(about.chat_template, about.system_prompt))
    for name, values in tensors:
        if (tensor := architecture.tensor(name, values)) is not None:
            _add(writer, *tensor, precision)
    for name, values in architecture.extra_tensors().items():
        _add(writer, name, values, precision)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, about: GgufAbout, precision: GgufPrecision) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(about.name)
    writer.add_file_type(precision.file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_sampling_temp(0.0)
    if about.licence:
        writer.add_license(about.licence)
    if about.languages:
        writer.add_languages(about.languages)
    if about.base:
        organization, _, name = about.base.rpartition("/")
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, name)
        writer.add_base_model_organization(0, organization)
        writer.add_base_model_repo_url(0, f"https://huggingface.co/{about.base}")


def _add(writer: gguf.GGUFWriter, name: str, values: Array, precision: GgufPrecision) -> None:
    kind = precision.type_of(name, values)
    writer.add_tensor(name, packed(values, kind), raw_dtype=kind)
