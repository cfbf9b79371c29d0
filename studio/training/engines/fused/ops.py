"""The parts of a layer, each with its derivative written out: products of torch, and between them one kernel of ours.

Shapes: T tokens of all examples one after the other (no padding), B examples, L tokens of the longest one,
H hidden width, h heads, k key-value heads, g = h / k, D head width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.models.tokenizer import EncodedExample
from studio.training.engines.fused import kernels
from studio.training.engines.fused.model_config import ModelConfig

_TOKEN_STEP: Final = 16
_WIDTH_STEP: Final = 16
_GELU_SLOPE: Final = 2 * math.sqrt(2 / math.pi)
_WIDEST: Final = 1024  # longer sums in one product are slower in oneDNN than the same in two parts


@dataclass(frozen=True)
class Packed:
    """Examples one after the other, and where they are in the padded form that attention needs.

    Args:
        ids: token ids, ``(T,)``.
        rows: place of each token in the padded form, ``(T,)``.
        tokens: how many of the T there are; those after them fill up.
        shared: how many of them, at the start, stand at the start of every example.
        unused: padded places without a token of their own.
        asked: tokens whose successor is learned, ``(M,)``.
        last: those, and some more that fill up: what the last layer is computed for.
        targets: those successors, ``(M,)``.
        lengths: tokens of each example up to the last that something is predicted from, ``(B,)``.
        thread: of the thread that works on them; each adds up gradients of its own.
    """

    ids: Tensor
    rows: Tensor
    tokens: int
    shared: int
    unused: Tensor
    asked: Tensor
    last: Tensor
    targets: Tensor
    lengths: Tensor
    count: int
    width: int
    thread: int = 0

    @classmethod
    def of(cls, examples: Sequence[EncodedExample], thread: int = 0, *, share: bool = False) -> Packed:
        """Packs examples, filled up to a few sizes only, so that freed memory fits again in the next step.

        Args:
            examples: at least one, each with a token after its first that is learned.
            share: whether a start that all of them have, a system prompt for one, is computed once.
        """
        lengths = [_needed(example) for example in examples]
        width, shared = rounded(max(lengths), _WIDTH_STEP), _same_start(examples) if share else 0
        tokens = sum(lengths) - shared * (len(examples) - 1)
        size = rounded(tokens, _TOKEN_STEP)
        if size > tokens and len(examples) * width == sum(lengths):
            width += _WIDTH_STEP  # what fills up needs a place that no token looks at
        skipped = [0] + [shared] * (len(examples) - 1)
        starts = torch.tensor([number * width + skip for number, skip in enumerate(skipped)])
        counts = torch.tensor(lengths) - torch.tensor(skipped)
        begins = counts.cumsum(0) - counts
        rows = torch.arange(tokens) + (starts - begins).repeat_interleave(counts)
        places = torch.arange(len(examples) * width).view(-1, width)
        padding = places[torch.arange(width) >= torch.tensor(lengths)[:, None]]
        unused = torch.cat((padding, places[1:, :shared].flatten()))
        rows = torch.cat((rows, padding[:1].expand(size - tokens)))
        kept = [slice(skip, length) for skip, length in zip(skipped, lengths, strict=True)]
        ids: list[int] = []
        asked: list[int] = []
        targets: list[int] = []
        for example, part in zip(examples, kept, strict=True):
            after = slice(part.start + 1, part.stop + 1)
            learned = [place for place, flag in enumerate(example.learned[after]) if flag]
            asked += [len(ids) + place for place in learned]
            targets += [example.input_ids[after][place] for place in learned]
            ids += example.input_ids[part]
        ids += [0] * (size - tokens)
        rest = sorted(set(range(size)) - set(asked))[: rounded(len(asked), _TOKEN_STEP) - len(asked)]
        return cls(
            torch.tensor(ids),
            rows,
            tokens,
            shared,
            unused,
            torch.tensor(asked, dtype=torch.long),
            torch.tensor(asked + rest, dtype=torch.long),
            torch.tensor(targets, dtype=torch.long),
            torch.tensor(lengths),
            len(examples),
            width,
            thread,
        )


def _needed(example: EncodedExample) -> int:
    """How many tokens something is predicted from: the last one that is learned is only predicted itself."""
    return next(place for place in range(len(example.learned) - 1, 0, -1) if example.learned[place])


def _same_start(examples: Sequence[EncodedExample]) -> int:
    """How many tokens all of the examples begin with, up to the one before the last that nobody has to predict from."""
    first = examples[0]
    most = min(_first_learned(example) - 1 for example in examples)
    for place in range(most):
        if any(example.input_ids[place] != first.input_ids[place] for example in examples):
            return place
    return max(0, most)


def _first_learned(example: EncodedExample) -> int:
    return next(place for place, flag in enumerate(example.learned) if flag)


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight``, shapes ``(T, I)`` and ``(I, O)``; long sums in parts."""
    size = x.shape[1]
    if size <= _WIDEST or x.dtype is not torch.bfloat16:
        return x @ weight
    step = math.ceil(size / math.ceil(size / _WIDEST) / 32) * 32
    out = x[:, :step] @ weight[:step]
    for first in range(step, size, step):
        out.addmm_(x[:, first : first + step], weight[first : first + step])
    return out


def run(kernel: Callable[..., Any], *given: Tensor | NDArray[np.void] | float | bool) -> Any:
    """Calls a kernel of :mod:`studio.training.engines.fused.kernels` on tensors in plain memory; floats become fp32."""
    return kernel(*[_as_numpy(value) for value in given])


def _as_numpy(value: Tensor | NDArray[np.void] | float | bool) -> Any:
    if isinstance(value, Tensor):
        return (value.view(torch.uint16) if value.dtype is torch.bfloat16 else value).numpy()
    return np.float32(value) if isinstance(value, float) else value


def norm(x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Root-mean-square norm of each row (Zhang and Sennrich, 2019).

    Args:
        x: ``(T, H)``.
        weight: fp32, ``(H,)``.

    Returns:
        The normed values, ``(T, H)``, and the reciprocal roots, fp32 ``(T,)``.
    """
    seen, rstd = torch.empty_like(x, dtype=dtype), x.new_empty(len(x), dtype=torch.float32)
    run(kernels.norm, x, weight, epsilon, seen, rstd)
    return seen, rstd


def norm_backward(dy: Tensor, x: Tensor, rstd: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Derivative of :func:`norm` by ``x``."""
    dx = torch.empty_like(x, dtype=dtype)
    run(kernels.norm_backward, dy, x, rstd, weight, dx)
    return dx


def norm_backward_onto(
    dx: Tensor, x: Tensor, rstd: Tensor, weight: Tensor, dy: Tensor, more: Tensor | None = None
) -> Tensor:
    """Adds the derivative of :func:`norm` by ``x`` to ``dx``, fp32, and returns the sum in the format of ``dy``.

    ``more`` is a second part of the derivative by the normed rows.
    """
    copy = torch.empty_like(dy)
    run(kernels.norm_backward_onto, dy, dy[:0] if more is None else more, x, rstd, weight, dx, copy)
    return copy


def add(x: Tensor, y: Tensor) -> Tensor:
    """``x + y`` in fp32, shapes ``(T, H)``; ``x`` is fp32."""
    both = torch.empty_like(x)
    run(kernels.add, x, y, both)
    return both


def _gate_of(gelu: bool) -> tuple[float, float]:
    """Slope and bend of :mod:`studio.training.engines.fused.kernels.activations`."""
    return (_GELU_SLOPE, _GELU_SLOPE * 0.044715) if gelu else (1.0, 0.0)


def gate(g: Tensor, u: Tensor, gelu: bool) -> Tensor:
    """``act(g) * u``, shapes ``(T, I)``."""
    y = torch.empty_like(g)
    run(kernels.gate, g, u, *_gate_of(gelu), y)
    return y


def gate_backward(dy: Tensor, g: Tensor, u: Tensor, gelu: bool) -> tuple[Tensor, Tensor]:
    """Derivatives of :func:`gate` by ``g`` and by ``u``."""
    dg, du = torch.empty_like(g), torch.empty_like(u)
    run(kernels.gate_backward, dy, g, u, *_gate_of(gelu), dg, du)
    return dg, du


def rotations(width: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary positions (Su et al., 2021), each ``(L, D / 2)``, fp32.

    Taken by NumPy: MKL, which torch asks, gives other last digits when it finds another number of threads free.
    """
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = (torch.arange(width, dtype=torch.float32)[:, None] * frequencies).double().numpy()
    return torch.from_numpy(np.cos(angles)).float(), torch.from_numpy(np.sin(angles)).float()


@dataclass(frozen=True)
class AttentionCache:
    """What the derivative of attention needs: queries ``(B k, g L, D)``, keys and values ``(B k, L, D)``, weights."""

    q: Tensor
    k: Tensor
    v: Tensor
    weights: Tensor


def attention(
    qkv: Tensor, config: ModelConfig, packed: Packed, rope: tuple[Tensor, Tensor]
) -> tuple[Tensor, AttentionCache]:
    """Causal attention within each example.

    Args:
        qkv: queries, keys and values beside each other, ``(T, (h + 2 k) D)``.
        packed: where the tokens are.
        rope: of :func:`rotations`.

    Returns:
        The result ``(T, h D)`` and what its derivative needs. Padding is on the right, where no token looks.
    """
    q, k, v = _heads(qkv, config, packed)
    run(kernels.split_heads, qkv, packed.shared, packed.rows, packed.unused, *rope, q, k, v)
    dim, width = config.head_dim, packed.width
    q, k, v = (part.view(packed.count * config.kv_heads, -1, dim) for part in (q, k, v))
    weights = torch.bmm(q, k.transpose(1, 2))
    run(kernels.causal_softmax, weights, width, config.score_scale)
    mixed = torch.bmm(weights, v).view(packed.count, config.heads, width, dim)
    out = qkv.new_empty(len(qkv), config.heads * dim)
    run(kernels.by_token, mixed, packed.rows, out)
    return out, AttentionCache(q, k, v, weights)


def attention_backward(
    dy: Tensor, kept: AttentionCache, config: ModelConfig, packed: Packed, rope: tuple[Tensor, Tensor]
) -> Tensor:
    """Derivative of :func:`attention` by ``qkv``; ``dy`` is ``(T, h D)``."""
    count, width, dim = packed.count, packed.width, config.head_dim
    grads = dy.new_empty(count, config.heads, width, dim)
    run(kernels.by_head, dy, packed.tokens, packed.rows, packed.unused, grads)
    grads = grads.view(count * config.kv_heads, -1, dim)
    dv = torch.bmm(kept.weights.transpose(1, 2), grads)
    scores = torch.bmm(grads, kept.v.transpose(1, 2))
    run(kernels.causal_softmax_backward, scores, kept.weights, width)
    dq, dk = torch.bmm(scores, kept.k), torch.bmm(scores.transpose(1, 2), kept.q)
    out = dy.new_empty(len(dy), (config.heads + 2 * config.kv_heads) * dim)
    parts = [part.view(count, -1, width, dim) for part in (dq, dk, dv)]
    run(kernels.join_heads, *parts, packed.shared, packed.rows, *rope, config.score_scale, out)
    return out


def _heads(qkv: Tensor, config: ModelConfig, packed: Packed) -> tuple[Tensor, Tensor, Tensor]:
    """Room for queries ``(B, h, L, D)``, keys and values ``(B, k, L, D)``."""
    sizes = (config.heads, config.kv_heads, config.kv_heads)
    q, k, v = (qkv.new_empty(packed.count, size, packed.width, config.head_dim) for size in sizes)
    return q, k, v


def rounded(size: int, step: int) -> int:
    """The next multiple of ``step``."""
    return -(-size // step) * step
