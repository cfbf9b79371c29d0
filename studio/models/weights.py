"""Looking at a folder of weights without loading it: what is there, whether it is whole, what the card says of it."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from studio.domain.model import BaseModelCard, Licence, SourceKind
from studio.errors import AfinaError
from studio.models.gguf_file import read_head
from studio.models.json_file import read_object, require_ordinary

PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5", ".msgpack")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model, checked to be whole.

    Raises:
        AfinaError: ``model.no_weights``, ``model.pickle_only``, ``model.is_adapter``, ``model.weights_damaged``.
    """
    if not folder.is_dir():
        raise AfinaError("model.no_folder", path=str(folder))
    if (folder / "adapter_config.json").is_file():
        raise AfinaError("model.is_adapter", path=str(folder))
    index = read_object(folder / "model.safetensors.index.json").get("weight_map")
    names = sorted(set(index.values())) if isinstance(index, dict) else []
    files = [folder / Path(str(name)).name for name in names] or sorted(folder.glob("*.safetensors"))
    if not files:
        pickled = [path.name for path in sorted(folder.iterdir()) if path.suffix in PICKLES]
        if pickled:
            raise AfinaError("model.pickle_only", path=str(folder), file=pickled[0])
        raise AfinaError("model.no_weights", path=str(folder))
    for file in files:
        if not file.is_file():
            raise AfinaError("model.weights_missing", path=str(folder), file=file.name)
        tensor_shapes(file)
    return tuple(files)


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a safetensors file, from its header; the library checks that its data is whole.

    Raises:
        AfinaError: ``model.weights_damaged`` when the file is cut off or is something else.
    """
    require_ordinary(path)
    try:
        with safe_open(path, "numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise AfinaError("model.weights_damaged", path=str(path), detail=str(error)[:100]) from error


def card_of_folder(folder: Path) -> BaseModelCard:
    """The card of a local folder with safetensors, ``config.json`` and a tokenizer.

    Raises:
        AfinaError: as :func:`weight_files`, and ``model.no_config``, ``model.no_tokenizer``.
    """
    files = weight_files(folder)
    config = read_object(folder / "config.json")
    if not config:
        raise AfinaError("model.no_config", path=str(folder))
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise AfinaError("model.no_tokenizer", path=str(folder))
    shapes = [shape for file in files for shape in tensor_shapes(file).values()]
    return card_of_config(
        config,
        id=f"folder-{slug(folder.name)}",
        name=folder.name,
        source=SourceKind.FOLDER,
        reference=str(folder.resolve()),
        parameters=sum(prod(shape) for shape in shapes),
        licence=Licence(name=""),
    )


def card_of_gguf(path: Path) -> BaseModelCard:
    """The card of a GGUF file, from its metadata. Raises ``model.weights_damaged``."""
    head = read_head(path)
    fields, kind = head.settings, str(head.settings.get("general.architecture", ""))

    def number(name: str) -> int:
        value = fields.get(f"{kind}.{name}", 0)
        try:
            return int(max(value) if isinstance(value, list) else value)
        except (ValueError, TypeError, OverflowError) as error:
            raise AfinaError("model.odd_card", name=path.name, what=name, value=str(value)[:60]) from error

    return make_card(
        id=f"folder-{slug(path.stem)}",
        name=str(fields.get("general.name") or path.stem)[:200],
        source=SourceKind.FOLDER,
        reference=str(path.resolve()),
        parameters=head.parameters,
        licence=Licence(name=str(fields.get("general.license") or "")[:200]),
        layers=number("block_count"),
        hidden_size=number("embedding_length"),
        intermediate_size=number("feed_forward_length"),
        vocabulary=head.shapes.get("token_embd.weight", (0,))[-1],
        context_length=number("context_length") or 2048,
    )


def card_of_config(config: dict[str, Any], **fields: Any) -> BaseModelCard:
    """A card with the sizes that a ``config.json`` gives; ``fields`` are those of :class:`BaseModelCard`."""
    nested = config.get("text_config")
    text: dict[str, Any] = nested if isinstance(nested, dict) else config

    def number(*names: str, default: int = 0) -> int:
        return next((int(text[name]) for name in names if isinstance(text.get(name), int)), default)

    hidden = number("hidden_size", "n_embd", "d_model")
    return make_card(
        layers=number("num_hidden_layers", "n_layer", "num_layers"),
        hidden_size=hidden,
        intermediate_size=number("intermediate_size", "n_inner", "ffn_dim", default=4 * hidden),
        vocabulary=number("vocab_size"),
        context_length=number("max_position_embeddings", "n_positions", "n_ctx", default=2048),
        **fields,
    )


def make_card(**fields: Any) -> BaseModelCard:
    """A card from what a stranger's files say.

    Raises:
        AfinaError: ``model.odd_card`` for sizes that no model has.
    """
    try:
        return BaseModelCard(**fields)
    except ValidationError as error:
        raise odd_card(error, str(fields.get("name"))[:100]) from error


def odd_card(error: ValidationError, name: str) -> AfinaError:
    """What is wrong with a card, as an error that a person can read."""
    first = error.errors(include_url=False, include_context=False)[0]
    what = ".".join(str(part) for part in first["loc"])
    return AfinaError("model.odd_card", name=name, what=what, value=str(first["input"])[:60])


def slug(text: str) -> str:
    """``text`` as a part of an id: lower case letters, digits and single dashes, 50 characters at most."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-") or "model"
