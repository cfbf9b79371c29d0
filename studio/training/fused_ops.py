"""The parts of a layer, each with its derivative written out: few kernels, no copies, nothing kept but what is needed.

Shapes: T tokens of all examples one after the other (no padding), B examples, L tokens of the longest one,
H hidden width, h heads, k key-value heads, g = h / k, D head width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from studio.models.tokenizer import EncodedExample
from studio.training.fused_shape import Shape

_TOKEN_STEP: Final = 16
_WIDTH_STEP: Final = 16
_AT_ONCE: Final = 8  # rows of scores whose exponentials stay near the core until all passes over them are done
_WIDEST: Final = 1024  # longer sums in one product are slower in oneDNN than the same in two parts


@dataclass(frozen=True)
class Packed:
    """Examples one after the other, and where they are in the padded form that attention needs.

    Args:
        ids: token ids, ``(T,)``.
        rows: place of each token in the padded form, ``(T,)``.
        gather: token of each padded place, ``(B L,)``; any token where there is none.
        unused: padded places without a token.
        asked: tokens whose successor is learned, ``(M,)``.
        targets: those successors, ``(M,)``.
        count: B.
        width: L.
        lane: of the thread that works on them; each adds up gradients of its own.
    """

    ids: Tensor
    rows: Tensor
    gather: Tensor
    unused: Tensor
    asked: Tensor
    targets: Tensor
    count: int
    width: int
    lane: int = 0

    @classmethod
    def of(cls, examples: Sequence[EncodedExample], lane: int = 0) -> Packed:
        """Packs examples, filled up to a few sizes only, so that freed memory fits again in the next step."""
        lengths = [len(example.input_ids) for example in examples]
        tokens, width = sum(lengths), _rounded(max(lengths), _WIDTH_STEP)
        size = _rounded(tokens, _TOKEN_STEP)
        if size > tokens and len(examples) * width == tokens:
            width += _WIDTH_STEP  # what fills up needs a place that no token looks at
        starts = torch.tensor([number * width for number in range(len(examples))])
        counts = torch.tensor(lengths)
        begins = counts.cumsum(0) - counts
        rows = torch.arange(tokens) + (starts - begins).repeat_interleave(counts)
        gather = torch.zeros(len(examples) * width, dtype=torch.long)
        gather[rows] = torch.arange(tokens)
        empty = torch.ones(len(examples) * width, dtype=torch.bool)
        empty[rows] = False
        unused = empty.nonzero().squeeze(1)
        rows = torch.cat((rows, unused[:1].expand(size - tokens)))
        ids = torch.tensor([token for example in examples for token in example.input_ids] + [0] * (size - tokens))
        learned = torch.tensor([flag and i > 0 for e in examples for i, flag in enumerate(e.learned)])
        after = learned.nonzero().squeeze(1)
        return cls(ids, rows, gather, unused, after - 1, ids[after], len(examples), width, lane)

    def lengths(self) -> Tensor:
        """Tokens of each example, ``(B,)``."""
        taken = torch.ones(self.count * self.width).index_fill_(0, self.unused, 0.0)
        return taken.view(self.count, self.width).sum(1)

    def pad(self, x: Tensor) -> Tensor:
        """``(T, n)`` to ``(B L, n)``; the places without a token hold some finite value."""
        return x.index_select(0, self.gather)


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


def norm(x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Root-mean-square norm over the last dimension (Zhang and Sennrich, 2019).

    Args:
        x: fp32, ``(..., n)``.
        weight: fp32, ``(n,)``.
        epsilon: added to the mean square.

    Returns:
        The normed values in fp32, and the reciprocal root ``(..., 1)``.
    """
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    root = length.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
    return (x * root).mul_(weight), root


def norm_backward(dy: Tensor, x: Tensor, root: Tensor, weight: Tensor, into: Tensor | None = None) -> Tensor:
    """Derivative of :func:`norm` by ``x``, added to ``into`` where that is given; ``dy`` is fp32 and is overwritten."""
    dy.mul_(weight)
    along = (dy * x).sum(-1, keepdim=True).mul_(root.pow(3)).div_(-x.shape[-1])
    dx = dy.mul_(root) if into is None else into.addcmul_(dy, root)
    return dx.addcmul_(x, along)


def gate(g: Tensor, u: Tensor, gelu: bool) -> tuple[Tensor, Tensor]:
    """``act(g) * u``, shapes ``(T, I)``; returns ``act(g)`` and the result."""
    opened = torch.nn.functional.gelu(g, approximate="tanh") if gelu else torch.nn.functional.silu(g)
    return opened, opened * u


def gate_backward(dy: Tensor, g: Tensor, u: Tensor, opened: Tensor, gelu: bool) -> tuple[Tensor, Tensor]:
    """Derivatives of :func:`gate` by ``g`` and by ``u``; ``dy`` and ``opened`` are overwritten."""
    du = opened.mul_(dy)
    dy.mul_(u)
    if gelu:
        return torch.ops.aten.gelu_backward(dy, g, approximate="tanh"), du
    return torch.ops.aten.silu_backward.grad_input(dy, g, grad_input=dy), du


def rotations(width: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary positions (Su et al., 2021), each ``(L, D / 2)``, fp32."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.arange(width, dtype=torch.float32)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns both halves of the last dimension, in place; with ``-sin`` it turns back, which is the derivative.

    Args:
        x: ``(T, n, D)``, any strides.
        cos: of each token, ``(T, 1, D / 2)``.
        sin: of each token, ``(T, 1, D / 2)``.
    """
    first, second = x.chunk(2, -1)
    turned = first * sin
    first.mul_(cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).add_(turned)
    return x


@dataclass(frozen=True)
class Attended:
    """What the derivative of attention needs: queries ``(B k, g L, D)``, keys and values ``(B k, L, D)``, weights."""

    q: Tensor
    k: Tensor
    v: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Turns:
    """Rotations of the tokens of a batch, ``(T, 1, D / 2)`` each; those back hold the factor of the scores too."""

    cos: Tensor
    sin: Tensor
    back_cos: Tensor
    back_sin: Tensor


def turns_of(packed: Packed, table: tuple[Tensor, Tensor], score_scale: float, dtype: torch.dtype) -> Turns:
    """The rotations of :func:`rotations` for every token."""
    cos, sin = (found.index_select(0, packed.rows % packed.width).unsqueeze(1) for found in table)
    return Turns(cos.to(dtype), sin.to(dtype), (cos * score_scale).to(dtype), (sin * -score_scale).to(dtype))


def causal_mask(width: int, groups: int, dtype: torch.dtype) -> Tensor:
    """``(g L, L)``: 0 where a query may look, minus infinity after it."""
    mask = torch.full((width, width), float("-inf"), dtype=dtype).triu_(1)
    return mask.repeat(groups, 1)


def attention(qkv: Tensor, shape: Shape, packed: Packed, turns: Turns, mask: Tensor) -> tuple[Tensor, Attended]:
    """Causal attention within each example.

    Args:
        qkv: queries, keys and values beside each other, ``(T, (h + 2 k) D)``; queries and keys are turned in place.
        shape: of the model.
        packed: where the tokens are.
        turns: of :func:`turns_of`.
        mask: of :func:`causal_mask`.

    Returns:
        The result ``(T, h D)`` and what its derivative needs. Padding is on the right, where no token looks.
    """
    count, width, dim = packed.count, packed.width, shape.head_dim
    heads, keys = shape.heads, shape.kv_heads
    rotate(qkv.view(-1, heads + 2 * keys, dim)[:, : heads + keys], turns.cos, turns.sin)
    padded = packed.pad(qkv).view(count, width, heads + 2 * keys, dim).transpose(1, 2)
    q, k, v = torch.split_with_sizes(padded, (heads, keys, keys), 1)
    q = q.reshape(count * keys, -1, dim)
    k, v = k.reshape(count * keys, width, dim), v.reshape(count * keys, width, dim)
    scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=shape.score_scale)
    weights = torch.softmax(scores.float(), -1).to(qkv.dtype)
    mixed = torch.bmm(weights, v).view(count, heads, width, dim).transpose(1, 2)
    out = mixed.reshape(count * width, heads * dim).index_select(0, packed.rows)
    return out, Attended(q, k, v, weights)


def attention_backward(dy: Tensor, kept: Attended, shape: Shape, packed: Packed, turns: Turns) -> Tensor:
    """Derivative of :func:`attention` by ``qkv``; ``dy`` is ``(T, h D)``."""
    count, width, dim = packed.count, packed.width, shape.head_dim
    heads, keys = shape.heads, shape.kv_heads
    padded = packed.pad(dy).index_fill_(0, packed.unused, 0)
    dy = padded.view(count, width, heads, dim).transpose(1, 2).reshape(count * keys, -1, dim)
    dv = torch.bmm(kept.weights.transpose(1, 2), dy)
    scores = torch.bmm(dy, kept.v.transpose(1, 2))
    scores = torch.ops.aten._softmax_backward_data(scores, kept.weights, -1, scores.dtype)
    dq = torch.bmm(scores, kept.k).view(count, heads, width, dim)
    dk = torch.bmm(scores.transpose(1, 2), kept.q).view(count, keys, width, dim)
    out = torch.cat((dq, dk, dv.view(count, keys, width, dim)), 1).transpose(1, 2)
    out = out.reshape(count * width, -1).index_select(0, packed.rows)
    rotate(out.view(-1, heads + 2 * keys, dim)[:, : heads + keys], turns.back_cos, turns.back_sin)
    return out


class Scratch:
    """Room for the scores of a few positions over all words, used again and again.

    Args:
        words: V, the size of the vocabulary.
        dtype: number format of the products.
    """

    def __init__(self, words: int, dtype: torch.dtype) -> None:
        self.rows = max(16, min(512, 2**24 // words))
        self.scores = torch.empty(self.rows, words, dtype=dtype)
        self.exact = torch.empty(_AT_ONCE, words)


def cross_entropy(
    x: Tensor, words: Tensor, targets: Tensor, scale: float | None, scratch: Scratch, smoothing: float = 0.0
) -> tuple[float, Tensor | None]:
    """Summed cross-entropy and, with ``scale``, its derivative by ``x``, as many rows at a time as there is room for.

    Args:
        x: normed hidden states at the positions whose successor is learned, ``(M, H)``.
        words: output embeddings, ``(V, H)``.
        targets: ``(M,)``.
        scale: factor of the loss in the derivative; None where only the loss is wanted.
        scratch: room for the scores.
        smoothing: share of each target that is spread over all words (Szegedy et al., 2016).
    """
    total, count = 0.0, x.shape[0]
    gradient = torch.empty_like(x) if scale is not None else None
    step = math.ceil(count / math.ceil(count / scratch.rows)) if count else 1  # like parts: few rows take long, too
    for first in range(0, count, step):
        part = x[first : first + step]
        scores = torch.mm(part, words.t(), out=scratch.scores[: len(part)])
        found = [
            _judged(rows, right, scratch.exact[: len(rows)], smoothing, learn=gradient is not None)
            for rows, right in zip(
                torch.split(scores, _AT_ONCE), torch.split(targets[first : first + step, None], _AT_ONCE), strict=True
            )
        ]
        total += float(torch.stack([loss for loss, _ in found]).sum())
        if gradient is not None and scale is not None:
            sums = torch.cat([sums for _, sums in found])
            gradient[first : first + step] = (scores @ words).float().mul_(scale / sums)
    return total, gradient


def _judged(scores: Tensor, right: Tensor, exact: Tensor, smoothing: float, *, learn: bool) -> tuple[Tensor, Tensor]:
    """The summed loss of a few rows, and what is still to be divided by: ``(rows, 1)``.

    Softmax less one at the target is left in ``scores`` if ``learn``; the division waits until the product has made the
    rows short.
    """
    exact.copy_(scores)
    top = exact.amax(1, keepdim=True)
    chosen = exact.gather(1, right)
    if smoothing:
        chosen.mul_(1 - smoothing).add_(exact.mean(1, keepdim=True), alpha=smoothing)
    sums = exact.sub_(top).exp_().sum(1, keepdim=True)
    if learn:
        exact.scatter_add_(1, right, sums * (smoothing - 1))
        if smoothing:
            exact.sub_(sums * (smoothing / exact.shape[1]))
        scores.copy_(exact)
    return (sums.log() + top - chosen).sum(), sums


def likeliest(x: Tensor, words: Tensor, scratch: Scratch) -> Tensor:
    """The word with the highest score at each place, ``(M,)``, a few rows at a time; arguments as :func:`cross_entropy`."""
    found = torch.empty(x.shape[0], dtype=torch.long)
    for first in range(0, x.shape[0], scratch.rows):
        part = x[first : first + scratch.rows]
        found[first : first + scratch.rows] = torch.mm(part, words.t(), out=scratch.scores[: len(part)]).argmax(1)
    return found


def _rounded(size: int, step: int) -> int:
    return -(-size // step) * step
