"""Kernels of the fused engine that read and write each number once, compiled by Numba when they are first called.

Between two products a layer does little arithmetic on much memory: a norm, a gate, rotations. As separate kernels of
torch each of these walks over its numbers three to eight times. Here each is one walk. Products stay with torch.

Arrays are C-contiguous, as NumPy sees a tensor: fp32, or bf16 as its 16 bits in ``uint16``. All arithmetic is in fp32;
what is written as bf16 is rounded to the nearest, ties to even. Every kernel gives up Python's lock while it runs, so
lanes do not wait for one another, and keeps a NaN that comes in. Compiled code is kept beside this file, or in the
user's cache folder where that cannot be written.

Letters: T tokens, H hidden width, I inner width of the gate, h heads, k key-value heads, D head width, B examples,
L tokens of the longest one, G = L h / k queries a key-value head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

# Sums may be taken in any order and products joined with sums; NaN and infinity keep their meaning.
_FLAGS: Final = {"reassoc", "contract", "nsz", "arcp"}
_LOG2_E: Final = np.float32(1.4426950408889634)
_ROOT_2_OVER_PI: Final = np.float32(0.7978845608028654)
_GELU: Final = np.float32(0.044715)


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = njit(cache=True, nogil=True, fastmath=_FLAGS, error_model="numpy")(function)
    return compiled


def _inline(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = njit(nogil=True, fastmath=_FLAGS, error_model="numpy")(function)
    return compiled


@intrinsic
def _bits(context: Any, value: Any) -> Any:
    """The 32 bits of a float."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.uint32))

    return types.uint32(types.float32), build


@intrinsic
def _float(context: Any, value: Any) -> Any:
    """The float of 32 bits."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), build


@intrinsic
def _wide(context: Any, value: Any) -> Any:
    """A number of an array in fp32."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = context.get_value_type(types.uint32)
        bits = builder.shl(builder.zext(args[0], word), word(16))
        return builder.bitcast(bits, context.get_value_type(types.float32))

    def same(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return args[0]

    return types.float32(value), build if value == types.uint16 else same


@intrinsic
def _rank(context: Any, value: Any) -> Any:
    """A whole number that is the larger, the larger the number of an array; loops over floats find no maximum at once."""
    word, places = (types.int16, 15) if value == types.uint16 else (types.int32, 31)

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(word)
        bits = builder.bitcast(args[0], kind)
        below = builder.and_(builder.ashr(bits, kind(places)), kind(2**places - 1))
        return builder.xor(bits, below)

    return word(value), build


@intrinsic
def _ranked(context: Any, rank: Any) -> Any:
    """The number in fp32 that has this rank."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, word = context.get_value_type(rank), context.get_value_type(types.uint32)
        places = rank.bitwidth - 1
        bits = builder.xor(args[0], builder.and_(builder.ashr(args[0], kind(places)), kind(2**places - 1)))
        if rank == types.int16:
            bits = builder.shl(builder.zext(bits, word), word(16))
        return builder.bitcast(bits, context.get_value_type(types.float32))

    return types.float32(rank), build


def _put(row: Any, place: Any, value: Any) -> None:
    """Writes an fp32 number in the format of ``row``."""


@overload(_put, inline="always", strict=False)
def _put_into(row: Any, place: Any, value: Any) -> Any:
    if row.dtype == types.uint16:

        def rounded(row: Any, place: Any, value: Any) -> None:
            bits = _bits(value)
            row[place] = np.uint16(
                (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            )

        return rounded

    def plain(row: Any, place: Any, value: Any) -> None:
        row[place] = value

    return plain


@_inline
def _exp(x: Any) -> Any:
    """e to the ``x``, within 2 units of the last place of fp32; 0 below -87, NaN stays.

    Two to a whole number by writing the exponent, two to the rest (at most a half) by a polynomial of Taylor's terms.
    """
    y = x * _LOG2_E
    if y < np.float32(-126.0):
        y = np.float32(-126.0)
    if y > np.float32(127.0):
        y = np.float32(127.0)
    whole = np.floor(y + np.float32(0.5))
    f = y - whole
    p = np.float32(1.5403530e-4)
    p = p * f + np.float32(1.3333558e-3)
    p = p * f + np.float32(9.6181291e-3)
    p = p * f + np.float32(5.5504109e-2)
    p = p * f + np.float32(2.4022651e-1)
    p = p * f + np.float32(6.9314718e-1)
    p = p * f + np.float32(1.0)
    return p * _float(np.uint32((np.int32(whole) + np.int32(127)) << np.int32(23)))


@_kernel
def norm(x: Any, weight: Any, epsilon: Any, seen: Any, root: Any) -> None:
    """Root-mean-square norm (Zhang and Sennrich, 2019) of each row.

    Args:
        x: ``(T, H)``.
        weight: fp32 ``(H,)``.
        epsilon: fp32, added to the mean square.
        seen: takes the normed rows, ``(T, H)``.
        root: takes the reciprocal roots, fp32 ``(T,)``.
    """
    for t in range(x.shape[0]):
        row, out = x[t], seen[t]
        squares = np.float32(0.0)
        for i in range(row.shape[0]):
            squares += _wide(row[i]) * _wide(row[i])
        found = np.float32(1.0) / np.sqrt(squares / np.float32(row.shape[0]) + epsilon)
        root[t] = found
        for i in range(row.shape[0]):
            _put(out, i, _wide(row[i]) * found * weight[i])


@_kernel
def add(x: Any, y: Any, into: Any) -> None:
    """``into = x + y``; ``x`` and ``into`` fp32, all ``(T, H)``."""
    for t in range(x.shape[0]):
        left, right, out = x[t], y[t], into[t]
        for i in range(left.shape[0]):
            out[i] = left[i] + _wide(right[i])


@_kernel
def norm_backward(dy: Any, x: Any, root: Any, weight: Any, dx: Any) -> None:
    """Derivative of :func:`norm` by ``x``.

    Args:
        dy: derivative by the normed rows, ``(T, H)``.
        x, root, weight: as in :func:`norm`.
        dx: takes the derivative, ``(T, H)``.
    """
    for t in range(x.shape[0]):
        row, slope, out, found = x[t], dy[t], dx[t], root[t]
        along = np.float32(0.0)
        for i in range(row.shape[0]):
            along += _wide(slope[i]) * weight[i] * _wide(row[i])
        along *= -found * found * found / np.float32(row.shape[0])
        for i in range(row.shape[0]):
            _put(out, i, _wide(slope[i]) * weight[i] * found + _wide(row[i]) * along)


@_kernel
def norm_backward_onto(dy: Any, more: Any, x: Any, root: Any, weight: Any, into: Any, copy: Any) -> None:
    """Adds the derivative of :func:`norm` by ``x`` to ``into``, and writes the sum into ``copy`` as well.

    Args:
        dy: derivative by the normed rows, ``(T, H)``.
        more: a second part of it, ``(T, H)``, or ``(0, H)`` where there is none.
        x: fp32 ``(T, H)``.
        root, weight: as in :func:`norm`.
        into: fp32 ``(T, H)``.
        copy: ``(T, H)``.
    """
    both = more.shape[0] > 0
    sums = np.empty(x.shape[1], np.float32)
    for t in range(x.shape[0]):
        row, left, out, short, found = x[t], dy[t], into[t], copy[t], root[t]
        if both:
            right = more[t]
            for i in range(row.shape[0]):
                sums[i] = (_wide(left[i]) + _wide(right[i])) * weight[i]
        else:
            for i in range(row.shape[0]):
                sums[i] = _wide(left[i]) * weight[i]
        along = np.float32(0.0)
        for i in range(row.shape[0]):
            along += sums[i] * row[i]
        along *= -found * found * found / np.float32(row.shape[0])
        for i in range(row.shape[0]):
            value = out[i] + sums[i] * found + row[i] * along
            out[i] = value
            _put(short, i, value)


@_kernel
def norm_heads(qkv: Any, weight: Any, epsilon: Any, before: Any, root: Any) -> None:
    """Norms queries and keys in place, each head for itself.

    Args:
        qkv: ``(T, (h + 2 k) D)``.
        weight: fp32 ``(h + k, D)``.
        epsilon: fp32, added to the mean square.
        before: takes what was there, ``(T, (h + k) D)``.
        root: takes the reciprocal roots, fp32 ``(T, h + k)``.
    """
    heads, dim = weight.shape
    for t in range(qkv.shape[0]):
        for head in range(heads):
            row, kept, w = qkv[t, head * dim : (head + 1) * dim], before[t, head * dim : (head + 1) * dim], weight[head]
            squares = np.float32(0.0)
            for i in range(dim):
                kept[i] = row[i]
                squares += _wide(row[i]) * _wide(row[i])
            found = np.float32(1.0) / np.sqrt(squares / np.float32(dim) + epsilon)
            root[t, head] = found
            for i in range(dim):
                _put(row, i, _wide(kept[i]) * found * w[i])


@_kernel
def norm_heads_backward(slopes: Any, before: Any, root: Any, weight: Any) -> None:
    """Derivative of :func:`norm_heads` by ``qkv``, in place of ``slopes``, ``(T, (h + 2 k) D)``."""
    heads, dim = weight.shape
    for t in range(slopes.shape[0]):
        for head in range(heads):
            slope, row = slopes[t, head * dim : (head + 1) * dim], before[t, head * dim : (head + 1) * dim]
            w, found, along = weight[head], root[t, head], np.float32(0.0)
            for i in range(dim):
                along += _wide(slope[i]) * w[i] * _wide(row[i])
            along *= -found * found * found / np.float32(dim)
            for i in range(dim):
                _put(slope, i, _wide(slope[i]) * w[i] * found + _wide(row[i]) * along)


@_kernel
def silu_gate(g: Any, u: Any, y: Any) -> None:
    """``y = g sigmoid(g) u``, all ``(T, I)``."""
    for t in range(g.shape[0]):
        gate, up, out = g[t], u[t], y[t]
        for i in range(gate.shape[0]):
            value = _wide(gate[i])
            _put(out, i, value / (np.float32(1.0) + _exp(-value)) * _wide(up[i]))


@_kernel
def silu_gate_backward(dy: Any, g: Any, u: Any) -> None:
    """Derivatives of :func:`silu_gate`: by ``g`` left in ``dy``, by ``u`` in ``u``."""
    for t in range(g.shape[0]):
        slope, gate, up = dy[t], g[t], u[t]
        for i in range(gate.shape[0]):
            value, given = _wide(gate[i]), _wide(slope[i])
            opened = np.float32(1.0) / (np.float32(1.0) + _exp(-value))
            turned = opened * (np.float32(1.0) + value * (np.float32(1.0) - opened))
            _put(slope, i, given * _wide(up[i]) * turned)
            _put(up, i, given * value * opened)


@_kernel
def gelu_gate(g: Any, u: Any, y: Any) -> None:
    """``y = gelu(g) u`` with the tangent's approximation (Hendrycks and Gimpel, 2016), all ``(T, I)``."""
    for t in range(g.shape[0]):
        gate, up, out = g[t], u[t], y[t]
        for i in range(gate.shape[0]):
            value = _wide(gate[i])
            inner = np.float32(2.0) * _ROOT_2_OVER_PI * (value + _GELU * value * value * value)
            _put(out, i, value / (np.float32(1.0) + _exp(-inner)) * _wide(up[i]))  # (1 + tanh z) / 2 = sigmoid(2 z)


@_kernel
def gelu_gate_backward(dy: Any, g: Any, u: Any) -> None:
    """Derivatives of :func:`gelu_gate`: by ``g`` left in ``dy``, by ``u`` in ``u``."""
    for t in range(g.shape[0]):
        slope, gate, up = dy[t], g[t], u[t]
        for i in range(gate.shape[0]):
            value, given = _wide(gate[i]), _wide(slope[i])
            inner = np.float32(2.0) * _ROOT_2_OVER_PI * (value + _GELU * value * value * value)
            opened = np.float32(1.0) / (np.float32(1.0) + _exp(-inner))
            steep = np.float32(2.0) * _ROOT_2_OVER_PI * (np.float32(1.0) + np.float32(3.0) * _GELU * value * value)
            _put(
                slope, i, given * _wide(up[i]) * opened * (np.float32(1.0) + value * (np.float32(1.0) - opened) * steep)
            )
            _put(up, i, given * value * opened)


@_kernel
def split_heads(qkv: Any, shared: Any, rows: Any, unused: Any, cos: Any, sin: Any, q: Any, k: Any, v: Any) -> None:
    """Turns queries and keys by their positions (Su et al., 2021) and sorts all three by example and head.

    Args:
        qkv: ``(T, (h + 2 k) D)``.
        shared: how many tokens at the start stand at the start of every example.
        rows: padded place of each token, ``(T,)``; the last ones may repeat a place of padding.
        unused: places of padding; 0 is written there.
        cos, sin: fp32 ``(L, D / 2)``.
        q: takes ``(B, h, L, D)``.
        k, v: take ``(B, k, L, D)``.
    """
    heads, keys, width, half = q.shape[1], k.shape[1], q.shape[2], q.shape[3] // 2
    for u in range(unused.shape[0]):
        example, place = unused[u] // width, unused[u] % width
        q[example, :, place] = 0
        k[example, :, place] = 0
        v[example, :, place] = 0
    for t in range(qkv.shape[0]):
        place = rows[t] % width
        c, s = cos[place], sin[place]
        for example in range(q.shape[0]) if t < shared else range(rows[t] // width, rows[t] // width + 1):
            for head in range(heads + keys):
                source = qkv[t, 2 * head * half : 2 * (head + 1) * half]
                out = q[example, head, place] if head < heads else k[example, head - heads, place]
                for i in range(half):
                    first, second = _wide(source[i]), _wide(source[half + i])
                    _put(out, i, first * c[i] - second * s[i])
                    _put(out, half + i, second * c[i] + first * s[i])
            for head in range(keys):
                begin = 2 * (heads + keys + head) * half
                out = v[example, head, place]
                for i in range(2 * half):
                    out[i] = qkv[t, begin + i]


@_kernel
def join_heads(q: Any, k: Any, v: Any, shared: Any, rows: Any, cos: Any, sin: Any, scale: Any, qkv: Any) -> None:
    """The derivative of :func:`split_heads` by ``qkv``; queries and keys times ``scale``, the factor of the scores."""
    heads, keys, width, dim = q.shape[1], k.shape[1], q.shape[2], q.shape[3]
    half = dim // 2
    sums = np.empty(dim, np.float32)
    for t in range(qkv.shape[0]):
        place = rows[t] % width
        c, s = cos[place], sin[place]
        begin, end = (0, q.shape[0]) if t < shared else (rows[t] // width, rows[t] // width + 1)
        for head in range(heads + 2 * keys):
            out = qkv[t, head * dim : (head + 1) * dim]
            sums[:] = 0
            for example in range(begin, end):
                if head < heads:
                    source = q[example, head, place]
                elif head < heads + keys:
                    source = k[example, head - heads, place]
                else:
                    source = v[example, head - heads - keys, place]
                for i in range(dim):
                    sums[i] += _wide(source[i])
            if head < heads + keys:
                for i in range(half):
                    first, second = sums[i] * scale, sums[half + i] * scale
                    _put(out, i, first * c[i] + second * s[i])
                    _put(out, half + i, second * c[i] - first * s[i])
            else:
                for i in range(dim):
                    _put(out, i, sums[i])


@_kernel
def by_token(heads: Any, rows: Any, out: Any) -> None:
    """``(B, h, L, D)`` to ``(T, h D)``."""
    count, width, dim = heads.shape[1], heads.shape[2], heads.shape[3]
    for t in range(out.shape[0]):
        example, place = rows[t] // width, rows[t] % width
        for head in range(count):
            source, begin = heads[example, head, place], head * dim
            for i in range(dim):
                out[t, begin + i] = source[i]


@_kernel
def by_head(x: Any, tokens: Any, rows: Any, unused: Any, out: Any) -> None:
    """The first ``tokens`` rows of ``(T, h D)`` to ``(B, h, L, D)``; 0 in places of padding."""
    count, width, dim = out.shape[1], out.shape[2], out.shape[3]
    for u in range(unused.shape[0]):
        out[unused[u] // width, :, unused[u] % width] = 0
    for t in range(tokens):
        example, place = rows[t] // width, rows[t] % width
        for head in range(count):
            target, begin = out[example, head, place], head * dim
            for i in range(dim):
                target[i] = x[t, begin + i]


@_kernel
def causal_softmax(scores: Any, width: Any, scale: Any) -> None:
    """Softmax of ``scale`` times each row over the places up to its own, in place; 0 after it.

    Args:
        scores: ``(B k, G, L)``; row r of the G stands at place r modulo L.
        width: L.
        scale: fp32.
    """
    line = np.empty(scores.shape[2], np.float32)
    for b in range(scores.shape[0]):
        for r in range(scores.shape[1]):
            row = scores[b, r]
            seen = r % width + 1
            best = _rank(row[0])
            for i in range(seen):
                best = max(best, _rank(row[i]))
            top = _ranked(best)
            total = np.float32(0.0)
            for i in range(seen):
                line[i] = _exp((_wide(row[i]) - top) * scale)
                total += line[i]
            share = np.float32(1.0) / total
            for i in range(seen):
                _put(row, i, line[i] * share)
            for i in range(seen, row.shape[0]):
                row[i] = 0


@_kernel
def causal_softmax_backward(slopes: Any, weights: Any, width: Any) -> None:
    """Derivative of the softmax by its argument, in place of ``slopes``, the one by ``weights``; both ``(B k, G, L)``."""
    for b in range(slopes.shape[0]):
        for r in range(slopes.shape[1]):
            slope, weight = slopes[b, r], weights[b, r]
            seen = r % width + 1
            along = np.float32(0.0)
            for i in range(seen):
                along += _wide(slope[i]) * _wide(weight[i])
            for i in range(seen):
                _put(slope, i, (_wide(slope[i]) - along) * _wide(weight[i]))
            for i in range(seen, slope.shape[0]):
                slope[i] = 0


@_kernel
def judge(scores: Any, targets: Any, smoothing: Any, learn: Any, sums: Any) -> Any:
    """The summed cross-entropy of rows of scores.

    With ``learn``, softmax times ``sums`` less the target's share of it is left in ``scores``: what is left to divide by
    waits until the product with the words has made the rows short.

    Args:
        scores: ``(M, V)``.
        targets: ``(M,)``.
        smoothing: share of each target that is spread over all words (Szegedy et al., 2016), fp32.
        learn: whether the derivative is wanted.
        sums: takes the sums of the exponentials, fp32 ``(M,)``.
    """
    loss = 0.0
    words = scores.shape[1]
    for m in range(scores.shape[0]):
        row = scores[m]
        best = _rank(row[0])
        for i in range(words):
            best = max(best, _rank(row[i]))
        top, right = _ranked(best), _wide(row[targets[m]])
        chosen = right * (np.float32(1.0) - smoothing)
        if smoothing > 0:
            mean = np.float32(0.0)
            for i in range(words):
                mean += _wide(row[i])
            chosen += smoothing * mean / np.float32(words)
        total = np.float32(0.0)
        if learn:
            for i in range(words):
                share = _exp(_wide(row[i]) - top)
                total += share
                _put(row, i, share)
            _put(row, targets[m], _exp(right - top) - total * (np.float32(1.0) - smoothing))
        else:
            for i in range(words):
                total += _exp(_wide(row[i]) - top)
        if learn and smoothing > 0:
            spread = total * smoothing / np.float32(words)
            for i in range(words):
                _put(row, i, _wide(row[i]) - spread)
        sums[m] = total
        loss += np.log(total) + top - chosen
    return loss


@_kernel
def accumulate(into: Any, part: Any, scale: Any) -> None:
    """``into += scale part``; both ``(n, m)``, ``part`` with any strides, ``into`` fp32."""
    for i in range(into.shape[0]):
        for j in range(into.shape[1]):
            into[i, j] += scale * _wide(part[i, j])
