"""Reading a base model for the fused engine: from safetensors, layers that share their input side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from studio.errors import AfinaError, from_exception
from studio.training.engines.fused.decoder_layer import Layer, Linears
from studio.training.engines.fused.linear import BLOCKS, GROUPS, Linear
from studio.training.engines.fused.model_config import ModelConfig


@dataclass
class Weights:
    """The frozen weights of a base model.

    Args:
        embeddings: ``(V, H)``.
        words: output embeddings ``(V, H)``; often the same.
        norm: fp32 weight of the last norm, ``(H,)``.
    """

    embeddings: Tensor
    words: Tensor
    norm: Tensor
    layers: list[Layer]
    count: int


def read_weights(model_dir: Path, config: ModelConfig, dtype: torch.dtype) -> Weights:
    """Reads all weights, in ``dtype``; norms in fp32. All are copies, so that the files do not stay in memory beside them.

    Raises:
        AfinaError: ``model.no_weights``, ``model.weights_damaged`` or ``model.weights_mismatch``.
    """
    tensors = _Tensors(model_dir)

    def vector(name: str) -> Tensor:
        return tensors.take(name).float() + config.norm_offset

    layers = []
    for number in range(config.layers):
        prefix = f"model.layers.{number}"
        linears = Linears._make(
            Linear(torch.cat([tensors.take(f"{prefix}.{name}.weight").to(dtype) for name in group]), blocks)
            for group, blocks in zip(GROUPS, BLOCKS, strict=True)
        )
        norms = {name: vector(f"{prefix}.{source}.weight") for name, source in _norm_names(config).items()}
        layers.append(Layer(config, config.thetas[number], norms, linears))
    embeddings = tensors.take("model.embed_tokens.weight").to(dtype, copy=True)
    words = embeddings if config.tied else tensors.take("lm_head.weight").to(dtype, copy=True)
    weights = Weights(embeddings, words, vector("model.norm.weight"), layers, tensors.count)
    _check(weights, config, model_dir)
    return weights


def _norm_names(config: ModelConfig) -> dict[str, str]:
    names = {"in": "input_layernorm", "middle": "post_attention_layernorm"}
    if config.sandwich:
        names |= {"middle": "pre_feedforward_layernorm", "mixed": "post_attention_layernorm"}
        names["fed"] = "post_feedforward_layernorm"
    if config.head_norms:
        names |= {"q": "self_attn.q_norm", "k": "self_attn.k_norm"}
    return names


def _check(weights: Weights, config: ModelConfig, model_dir: Path) -> None:
    heads = (config.heads + 2 * config.kv_heads) * config.head_dim
    wanted = [
        (heads, config.hidden),
        (config.hidden, config.heads * config.head_dim),
        (2 * config.intermediate, config.hidden),
        (config.hidden, config.intermediate),
    ]
    fits = weights.words.shape == (config.vocabulary, config.hidden) and all(
        tuple(linear.weight.shape) == size
        for layer in weights.layers
        for linear, size in zip(layer.linears, wanted, strict=True)
    )
    if not fits:
        raise AfinaError("model.weights_mismatch", path=str(model_dir), detail="sizes differ from config.json")


class _Tensors:
    """The tensors of a folder of safetensors files, read when they are asked for."""

    def __init__(self, model_dir: Path) -> None:
        files = sorted(model_dir.glob("*.safetensors"))
        if not files:
            raise AfinaError("model.no_weights", path=str(model_dir))
        self._dir = model_dir
        self._where: dict[str, Any] = {}
        self.count = 0
        try:
            for path in files:
                opened: Any = safe_open(path, framework="pt")
                self._where |= dict.fromkeys(opened.keys(), opened)
        except (SafetensorError, OSError) as error:
            raise from_exception(error) from error

    def take(self, name: str) -> Tensor:
        if name not in self._where:
            raise AfinaError("model.weights_mismatch", path=str(self._dir), detail=f"{name} is missing")
        tensor: Tensor = self._where[name].get_tensor(name)
        self.count += tensor.numel()
        return tensor
