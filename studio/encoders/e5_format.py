"""Reads the 4-bit file of multilingual-e5-small (magic ``E5S1``) and writes it as an ordinary BERT folder.

The file, little-endian: a header, the pieces of a Unigram tokenizer with their scores, a table that normalises letters,
then named tensors: plain float32, or ``Q4_0`` blocks of 32 weights (a float16 scale, then 16 bytes of two weights each).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from studio.errors import AfinaError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MAGIC: Final = b"E5S1"
_HEADER: Final = struct.Struct("<4sI7ifi5iQ")
_BLOCK: Final = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
_BLOCK_WEIGHTS: Final = 32
_ENTRY: Final = struct.Struct("<BIQQ")  # of a tensor: kind, weights, where it begins, bytes
_Q4_0: Final = 1  # kind of a tensor; 0 is float32
_LAYER: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS: Final = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True)
class _Header:
    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    norm: float
    pieces: int
    bos: int
    eos: int
    pad: int
    unknown: int
    piece_bytes: int

    @property
    def config(self) -> dict[str, Any]:
        """As ``transformers.AutoConfig`` reads it."""
        return {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": self.hidden,
            "intermediate_size": self.inner,
            "layer_norm_eps": self.norm,
            "max_position_embeddings": self.positions,
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "pad_token_id": self.pad,
            "type_vocab_size": self.types,
            "vocab_size": self.vocabulary,
        }


def convert(source: Path, folder: Path) -> None:
    """Writes ``config.json``, ``tokenizer.json`` and ``model.safetensors`` (float16).

    Args:
        source: the file.
        folder: an existing folder.

    Raises:
        AfinaError: ``package.damaged``.
    """
    from safetensors.numpy import save_file

    try:
        data = np.memmap(source, np.uint8, mode="r")
        header, at = _read_header(data)
        tokenizer, at = _read_tokenizer(data, header, at)
        tensors = _read_tensors(data, header, at)
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise AfinaError("package.damaged", file=source.name) from error
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(header.config, indent=2), encoding="utf-8")


def _read_header(data: NDArray[np.uint8]) -> tuple[_Header, int]:
    magic, _, *fields = _HEADER.unpack(data[: _HEADER.size].tobytes())
    block = fields.pop(8)
    if magic != _MAGIC or block != _BLOCK_WEIGHTS:
        raise ValueError(magic)
    return _Header(*fields), _HEADER.size


def _read_tokenizer(data: NDArray[np.uint8], header: _Header, at: int) -> tuple[Tokenizer, int]:
    """The tokenizer, and where the tensors begin."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    count = header.pieces
    ends = data[at : at + 4 * (count + 1)].view("<u4").tolist()
    at += 4 * (count + 1)
    scores = data[at : at + 4 * count].view("<f4").tolist()
    at += 4 * count
    blob = data[at : at + header.piece_bytes].tobytes()
    at += header.piece_bytes
    pieces = [blob[a:b].decode("utf-8", "replace") for a, b in pairwise(ends)]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=header.unknown))
    # The file's table of letters is that of SentencePiece's nmt_nfkc.
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    bos, eos = pieces[header.bos], pieces[header.eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}", special_tokens=[(bos, header.bos), (eos, header.eos)]
    )
    tokenizer.add_special_tokens([pieces[i] for i in (header.bos, header.pad, header.eos, header.unknown)])
    _, letter_bytes = struct.unpack("<iI", data[at : at + 8].tobytes())
    return tokenizer, at + 8 + letter_bytes


def _read_tensors(data: NDArray[np.uint8], header: _Header, at: int) -> dict[str, NDArray[np.float16]]:
    (count,) = struct.unpack("<i", data[at : at + 4].tobytes())
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack("<H", data[at : at + 2].tobytes())
        name = data[at + 2 : at + 2 + length].tobytes().decode("ascii")
        at += 2 + length
        kind, _, begin, size = _ENTRY.unpack(data[at : at + _ENTRY.size].tobytes())
        at += _ENTRY.size
        raw = data[begin : begin + size]
        values = _dequantized(raw) if kind == _Q4_0 else raw.view("<f4").astype(np.float16)
        if name in ("emb.word", "emb.pos", "emb.type"):
            values = values.reshape(-1, header.hidden)
        elif kind == _Q4_0:
            values = values.reshape(-1, header.inner if name.endswith("fo.w") else header.hidden)
        tensors[_tensor_name(name)] = values
    return tensors


def _tensor_name(name: str) -> str:
    """As transformers calls it: ``l3.ao.w`` is ``encoder.layer.3.attention.output.dense.weight``."""
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"


def _dequantized(raw: NDArray[np.uint8]) -> NDArray[np.float16]:
    """The weights of ``Q4_0`` blocks: scale times (value - 8), the low halves of the bytes before the high ones."""
    blocks = raw.view(_BLOCK)
    quantized = np.concatenate([blocks["pairs"] & 15, blocks["pairs"] >> 4], axis=1).astype(np.float32) - 8
    return np.asarray(quantized * blocks["scale"].astype(np.float32)[:, None], np.float16)
