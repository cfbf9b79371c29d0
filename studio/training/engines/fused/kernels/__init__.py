"""Kernels of the fused engine that read and write each number once, compiled by Numba when they are first called.

Between two products a layer does little arithmetic on much memory: a norm, a gate, rotations. As separate kernels of
torch each of these walks over its numbers three to eight times. Here each is one walk. Products stay with torch.

Arrays are C-contiguous, as NumPy sees a tensor: fp32, or bf16 as its 16 bits in ``uint16``. All arithmetic is in fp32;
what is written as bf16 is rounded to the nearest, ties to even. Every kernel gives up Python's lock while it runs, so
threads do not wait for one another, and keeps a NaN that comes in. Compiled code is kept beside this file, or in the
user's cache folder where that cannot be written.

Letters: T tokens, H hidden width, I inner width of the gate, h heads, k key-value heads, D head width, B examples,
L tokens of the longest one, G = L h / k queries a key-value head.
"""

from __future__ import annotations

from studio.training.engines.fused.kernels.activations import gate, gate_backward
from studio.training.engines.fused.kernels.attention import (
    by_head,
    by_token,
    causal_softmax,
    causal_softmax_backward,
    join_heads,
    split_heads,
)
from studio.training.engines.fused.kernels.cross_entropy import softmax_cross_entropy
from studio.training.engines.fused.kernels.norms import (
    add,
    norm,
    norm_backward,
    norm_backward_onto,
    norm_heads,
    norm_heads_backward,
)

__all__ = [
    "add",
    "by_head",
    "by_token",
    "causal_softmax",
    "causal_softmax_backward",
    "gate",
    "gate_backward",
    "join_heads",
    "norm",
    "norm_backward",
    "norm_backward_onto",
    "norm_heads",
    "norm_heads_backward",
    "softmax_cross_entropy",
    "split_heads",
]
