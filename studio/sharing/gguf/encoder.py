"""A sentence encoder for llama.cpp in a browser: its network as GGUF, its tokenizer as JSON beside it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np

from studio.encoders.encoder import Encoder
from studio.errors import AfinaError
from studio.sharing.gguf.architectures import Array
from studio.sharing.gguf.precision import packed

_EXACT: Final = 1e-3  # no weight may differ by more where four bits are taken: those of e5's words came in four bits
_WHOLE: Final = ("position_embd.weight", "token_types.weight")  # llama.cpp adds them up as they are
_Q4_0, _Q8_0 = gguf.GGMLQuantizationType.Q4_0, gguf.GGMLQuantizationType.Q8_0


def write_encoder(encoder: Encoder, network: Path, tokenizer: Path) -> None:
    """Writes what ``studio/web/demo/site_static/encoder.js`` reads.

    The GGUF file has no words: llama.cpp cuts some texts otherwise than the tokenizer with which the encoder learned, so the
    page cuts them itself, and the vectors are the studio's but for the rounding of weights.

    Args:
        encoder: of BERT's architecture.
        network: the GGUF file to write.
        tokenizer: the JSON file to write.

    Raises:
        AfinaError: ``export.gguf_architecture``, ``export.gguf_tokenizer``.
    """
    config: Any = encoder.model.config
    if config.model_type != "bert":
        raise AfinaError("export.gguf_architecture", name=str(config.model_type)[:60])
    tokenizer.write_text(json.dumps(tokenizer_values(encoder), ensure_ascii=False), encoding="utf-8")
    writer = gguf.GGUFWriter(network, "bert")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(config.vocab_size)
    writer.add_token_type_count(config.type_vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config.num_hidden_layers)
    for name, values in encoder.model.state_dict().items():
        if (theirs := names.get_name(name, try_suffixes=(".weight", ".bias"))) is not None:
            weights = values.float().numpy()
            kind = _precision(theirs, weights)
            writer.add_tensor(theirs, packed(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tokenizer_values(encoder: Encoder) -> dict[str, Any]:
    """The tokenizer of an encoder as values of JSON.

    Raises:
        AfinaError: ``export.gguf_tokenizer`` where the page does not know its kind.
    """
    values = json.loads(encoder.tokenizer.to_str())
    model, kind = values["model"], values["model"]["type"]
    if kind == "WordPiece":
        words, scores = sorted(model["vocab"], key=model["vocab"].get), []
        unknown = model["vocab"][model["unk_token"]]
    elif kind == "Unigram":
        words, scores = map(list, zip(*model["vocab"], strict=True))
        unknown = model["unk_id"]
    else:
        raise AfinaError("export.gguf_tokenizer", name=str(kind)[:40])
    begin, end = encoder.tokenizer.encode("").ids[0], encoder.tokenizer.encode("").ids[-1]
    return {
        "kind": kind,
        "words": words,
        "scores": base64.b64encode(np.array(scores, "<f4").tobytes()).decode("ascii"),
        "unknown": unknown,
        "begin": begin,
        "end": end,
        "special": {token["content"]: token["id"] for token in values["added_tokens"]},
        "prefix": encoder.traits.prefix,
        "tokens": values["truncation"]["max_length"],
    }


def _precision(name: str, weights: Array) -> gguf.GGMLQuantizationType:
    """Four bits where that loses nothing, else eight; rows that are added up stay whole."""
    if weights.ndim < 2 or name in _WHOLE:
        return gguf.GGMLQuantizationType.F32
    again = gguf.quants.dequantize(gguf.quants.quantize(weights, _Q4_0), _Q4_0)
    return _Q4_0 if np.abs(again - weights).max() < _EXACT else _Q8_0
