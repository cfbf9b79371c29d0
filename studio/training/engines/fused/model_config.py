"""Which models the fused engine can compute, and their numbers: read off ``config.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from studio.models.json_file import read_object

_FAMILIES: Final = ("llama", "mistral", "qwen3", "gemma3_text")


@dataclass(frozen=True)
class ModelConfig:
    """The numbers of a decoder with rotary positions, grouped attention and a gated feed-forward layer.

    Args:
        thetas: base of the rotary frequencies of each layer.
        score_scale: factor of the attention scores.
        gelu: whether the gate is GELU (tanh form), not SiLU.
        norm_offset: added to each norm weight; Gemma stores the weight less one.
        embedding_scale: factor of the token embeddings.
        head_norms: whether queries and keys are normed a head at a time.
        sandwich: whether the output of each half of a layer is normed too.
        longest: longest example for which every layer sees everything before; None for no limit.
    """

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    epsilon: float
    thetas: tuple[float, ...]
    score_scale: float
    gelu: bool
    norm_offset: float
    embedding_scale: float
    head_norms: bool
    sandwich: bool
    tied: bool
    longest: int | None


def read_model_config(model_dir: Path) -> ModelConfig | None:
    """The shape of a model, or None where the fused engine does not know some part of it."""
    config = read_object(model_dir / "config.json")
    if config.get("model_type") not in _FAMILIES or not _is_plain(config):
        return None
    gemma = config["model_type"] == "gemma3_text"
    layers = int(config["num_hidden_layers"])
    thetas = _thetas(config, layers)
    if thetas is None:
        return None
    heads = int(config["num_attention_heads"])
    head_dim = int(config.get("head_dim") or config["hidden_size"] // heads)
    return ModelConfig(
        vocabulary=int(config["vocab_size"]),
        hidden=int(config["hidden_size"]),
        intermediate=int(config["intermediate_size"]),
        layers=layers,
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=head_dim,
        epsilon=float(config.get("rms_norm_eps", 1e-6)),
        thetas=thetas,
        score_scale=float(config.get("query_pre_attn_scalar") or head_dim) ** -0.5 if gemma else head_dim**-0.5,
        gelu=gemma,
        norm_offset=1.0 if gemma else 0.0,
        embedding_scale=float(config["hidden_size"]) ** 0.5 if gemma else 1.0,
        head_norms=gemma or config["model_type"] == "qwen3",
        sandwich=gemma,
        tied=bool(config.get("tie_word_embeddings", gemma)),
        longest=config.get("sliding_window") if config.get("use_sliding_window", True) else None,
    )


def _is_plain(config: dict[str, Any]) -> bool:
    """Whether nothing is switched on that the fused engine leaves out."""
    activation = config.get("hidden_activation") or config.get("hidden_act") or "silu"
    return (
        not any(config.get(name) for name in ("attention_bias", "mlp_bias", "use_bidirectional_attention"))
        and not any(config.get(name) for name in ("attn_logit_softcapping", "final_logit_softcapping"))
        and activation == ("gelu_pytorch_tanh" if config["model_type"] == "gemma3_text" else "silu")
        and not config.get("quantization_config")
    )


def _thetas(config: dict[str, Any], layers: int) -> tuple[float, ...] | None:
    """Base of the rotary frequencies a layer; None where they are scaled in some way."""
    rope = config.get("rope_parameters")
    if rope is None:
        if config.get("rope_scaling") or "rope_theta" not in config or config["model_type"] == "gemma3_text":
            return None
        return (float(config["rope_theta"]),) * layers
    kinds = config.get("layer_types") or []
    each = [rope.get(kinds[i]) if i < len(kinds) and kinds[i] in rope else rope for i in range(layers)]
    if any(not isinstance(rope, dict) or rope.get("rope_type", "default") != "default" for rope in each):
        return None
    if any("rope_theta" not in rope or rope.get("partial_rotary_factor", 1.0) != 1.0 for rope in each):
        return None
    return tuple(float(rope["rope_theta"]) for rope in each)
