"""Compiles the kernels of a training step before one is needed: ``python -m studio.training.engines.fused.warmup``.

`make install` does so; else a worker in waiting, or the first step of the first run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from studio.domain.recipe import Method, Precision
from studio.models.processor import number_format
from studio.models.tokenizer import EncodedExample
from studio.training.engines.base import Adaptation, EngineOptions
from studio.training.engines.fused.decoder_layer import Layer, Linears
from studio.training.engines.fused.engine import FusedEngine
from studio.training.engines.fused.linear import Linear
from studio.training.engines.fused.model_config import ModelConfig
from studio.training.engines.fused.weights import Weights

_WORDS, _WIDTH = 32, 32
_LORA: Final = Adaptation(Method.LORA, 4, 8.0, 0.0, None, None)
_LIKE_LLAMA: Final = ModelConfig(
    vocabulary=_WORDS,
    hidden=_WIDTH,
    intermediate=2 * _WIDTH,
    layers=1,
    heads=2,
    kv_heads=1,
    head_dim=16,
    epsilon=1e-6,
    thetas=(1e4,),
    score_scale=0.25,
    gelu=False,
    norm_offset=0.0,
    embedding_scale=1.0,
    head_norms=False,
    sandwich=False,
    tied=True,
    longest=None,
)
_LIKE_GEMMA: Final = replace(_LIKE_LLAMA, gelu=True, head_norms=True, sandwich=True)


def compile_now(precisions: Sequence[Precision] = (Precision.BF16, Precision.FP32)) -> None:
    """Compiles, or reads from disk what was compiled before; what cannot be compiled is said on stderr."""
    for precision in precisions:
        works(precision)


@cache
def works(precision: Precision) -> bool:
    """Whether the kernels of the fused engine can be compiled and run here, found out by a step of a tiny layer of each kind.

    Why they cannot is said once, on stderr.
    """
    try:
        for config in (_LIKE_LLAMA, _LIKE_GEMMA):
            _step(config, number_format(precision))
    except Exception as error:  # a compiler's own kinds, too: whatever it is, training has another way
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        line = f"Warning: no fast kernels for {precision} here, training takes the plain way ({type(error).__name__}: {reason})"
        sys.stderr.write(line + "\n")
        return False
    return True


def _step(config: ModelConfig, dtype: torch.dtype) -> None:
    """What the engine does with its kernels, on zeros."""
    weight = torch.zeros(_WORDS, _WIDTH, dtype=dtype)
    base = Weights(weight, weight, torch.ones(_WIDTH), [_layer(config, dtype)], 0)
    examples = [EncodedExample([1] * 6, [False] * 3 + [True] * 3, truncated=False)] * 2
    FusedEngine(EngineOptions(Path(), _LORA, dtype, 1), config, base).train(examples, 1.0)


def _layer(config: ModelConfig, dtype: torch.dtype) -> Layer:
    heads = config.heads * config.head_dim

    def linear(height: int, width: int, blocks: int = 1) -> Linear:
        return Linear(torch.zeros(height, width, dtype=dtype), blocks)

    linears = Linears(
        linear(heads + 2 * config.kv_heads * config.head_dim, config.hidden),
        linear(config.hidden, heads),
        linear(2 * config.intermediate, config.hidden, 2),
        linear(config.hidden, config.intermediate),
    )
    norms: dict[str, Tensor] = {name: torch.ones(config.hidden) for name in ("in", "middle", "mixed", "fed")}
    norms |= {name: torch.ones(config.head_dim) for name in ("q", "k")}
    return Layer(config, config.thetas[0], norms, linears)


if __name__ == "__main__":
    compile_now()
